import { join } from 'node:path';
import ejs from 'ejs';
import { type Language, pageWords } from './card_words.ts';

const TEMPLATE = join(import.meta.dirname, 'pages/sign.ejs');

/**
 * The agent's window.
 *
 * @param page.token the page's first token
 * @param page.styleSheets addresses of the design system's style sheets, in order
 * @param page.language a language tag or an `Accept-Language` header; Japanese unless English comes first
 */
export function renderSignPage(page: {
  token: string;
  language: string;
  styleSheets: readonly string[];
}): Promise<string> {
  const language = chooseLanguage(page.language);
  const otherLanguage: Language = language === 'ja' ? 'en' : 'ja';
  return ejs.renderFile(TEMPLATE, { ...page, language, otherLanguage, words: pageWords[language] }, { cache: true });
}

/** Browsers list languages by preference: the first of ours wins. */
function chooseLanguage(accepted: string): Language {
  const first = accepted.toLowerCase().match(/\b(?:ja|en)\b/)?.[0];
  return first === 'en' ? 'en' : 'ja';
}
