import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ejs from 'ejs';
import type { PageInputs, PageName } from '../../views/models.ts';
import { buildPage, localPath } from '../../views/models.ts';
import { type Language, languages, wordsIn } from '../../views/words/words.ts';
import type { Assets } from './assets.ts';
import type { Preferences } from './preferences.ts';
import { colors, textSizes } from './preferences.ts';

const VIEWS = join(import.meta.dirname, '../../views');
/** Module scripts of the pages that have one. */
const scripts: Partial<Record<PageName, string>> = {
  sign_in: 'card_request.js',
  document_sign: 'card_request.js',
  send_form: 'send_form.js',
};

export interface PageContext extends Preferences {
  /** Local path that the language and appearance switches return to; anything else returns to `/`. */
  returnPath: string;
}

export interface RenderedPage {
  html: string;
  /** Origins that `img-src` must allow for this page (a relying party's logo). */
  imageOrigins: readonly string[];
}

export interface Renderer {
  /** A whole page. Every value is escaped; addresses are checked by the model builder (views/models.ts). */
  render<Name extends PageName>(name: Name, input: PageInputs[Name], context: PageContext): RenderedPage;
}

type Template = (locals: Readonly<Record<string, unknown>>) => string;

/**
 * Compiles every template once, at start.
 *
 * @param brand what the hub is called, by language
 * @param sandbox puts a bar on each page that says that this is a test environment
 */
export function createRenderer({
  assets,
  brand = { ja: 'Musubi 結び', en: 'Musubi 結び' },
  sandbox = false,
}: {
  assets: Assets;
  brand?: Readonly<Record<Language, string>>;
  sandbox?: boolean;
}): Renderer {
  const templates = compileTemplates();
  const { assetUrl, styleSheets } = assets;

  function run(name: string, locals: Readonly<Record<string, unknown>>): string {
    const template = templates.get(name);
    if (!template) throw new Error(`no such template: ${name}`);
    // A part of a page is a call of ours: EJS's own `include` looks at the file system each time.
    const partial = (part: string, model: unknown) => run(part, { ...locals, model });
    return template({ ...locals, partial });
  }

  return {
    render(name, input, { language, textSize, color, returnPath }) {
      const { title, model, imageOrigins } = buildPage(name, input, language);
      const words = wordsIn(language);
      const context = {
        language,
        textSize,
        color,
        textSizes,
        colors,
        otherLanguage: languages.find((other) => other !== language),
        htmlClass: `text-${textSize.replace('_', '-')} color-${color}`,
        returnPath: localPath(returnPath) ?? '/',
        sandbox,
        brand: brand[language],
      };
      const content = run(name, { words, model, title, context });
      const script = scripts[name];
      const html = run('layout', { words, title, content, context, assetUrl, styleSheets, script });
      return { html, imageOrigins };
    },
  };
}

/** Names that templates may use; each template is given all of them. */
const names = ['words', 'model', 'title', 'content', 'context', 'assetUrl', 'styleSheets', 'script', 'partial'];

function compileTemplates(): ReadonlyMap<string, Template> {
  const templates = new Map<string, Template>();
  for (const file of readdirSync(VIEWS)) {
    if (!file.endsWith('.ejs')) continue;
    const template = ejs.compile(readFileSync(join(VIEWS, file), 'utf8'), {
      filename: join(VIEWS, file),
      strict: true,
      destructuredLocals: names,
    });
    templates.set(file.slice(0, -'.ejs'.length), template);
  }
  return templates;
}
