import { type Language, languages, wordsIn } from '../../views/words/words.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { MailContent } from './mail_content.ts';

export interface MailText {
  readonly subject: string;
  /** Plain text, both languages. */
  readonly text: string;
}

export interface MailTextWorld {
  /** What the hub is called. */
  readonly hub: Readonly<Record<Language, string>>;
  readonly publicUrl: string;
  readonly catalogue: Pick<Catalogue, 'find'>;
  /** What a relying party is called now; undefined when it is registered no more. */
  partyName(clientId: string): Promise<Readonly<Record<Language, string>> | undefined>;
}

export const PORTAL_PATH = '/portal';
/** The page where an address is entered and confirmed; `code` fills the code in. It changes nothing by itself. */
export const PORTAL_MAIL_PATH = '/portal/mail';

/** Characters of a relying party's name, which is not ours to word. */
const MAX_NAME = 100;
const DIVIDER = '-'.repeat(40);

/**
 * The words of a mail. There are names of claims in it and never a value, no link but those to the hub's own pages, and nothing
 * by which its reading would be noticed.
 *
 * @param at when it happened (ms since 1970).
 */
export async function mailText(world: MailTextWorld, content: MailContent, at: number): Promise<MailText> {
  const names = content.kind === 'consent' ? await world.partyName(content.clientId) : undefined;
  const subjects = languages.map((language) => {
    const { subject, codeSubject } = wordsIn(language).mail;
    return content.kind === 'confirmation' ? codeSubject(world.hub[language]) : subject(world.hub[language]);
  });
  const parts = languages.map((language) => {
    const { mail } = wordsIn(language);
    const portal = [mail.portal, new URL(PORTAL_PATH, world.publicUrl).href].join('\n');
    return [
      mail.opening(world.hub[language]),
      ...paragraphs(world, content, language, names?.[language]),
      mail.when(timeIn(language, at)),
      ...(content.kind === 'confirmation' ? [] : [portal, mail.footer]),
    ].join('\n\n');
  });
  return { subject: subjects.join(' / '), text: `${parts.join(`\n\n${DIVIDER}\n\n`)}\n` };
}

function paragraphs(
  world: MailTextWorld,
  content: MailContent,
  language: Language,
  party: string | undefined,
): readonly string[] {
  const { mail, notices } = wordsIn(language);
  switch (content.kind) {
    case 'consent': {
      const { title, body, next } = mail.consent;
      const items = content.claims.map((claim) => `- ${world.catalogue.find(claim)?.label[language] ?? claim}`);
      return [title(oneLine(party ?? content.clientId)), [body, ...items].join('\n'), next];
    }
    case 'confirmation': {
      const { title, body, code, link, next } = mail.confirmation;
      const address = new URL(PORTAL_MAIL_PATH, world.publicUrl);
      address.searchParams.set('code', content.code);
      return [title, body, code(grouped(content.code)), `${link}\n${address.href}`, next];
    }
    case 'account_locked':
      return told(mail.accountLocked);
    case 'address_removed':
      return told(mail.addressRemoved);
    case 'address_replaced':
      return told(mail.addressReplaced);
    default:
      return told(notices.kinds[content.kind]);
  }
}

const told = ({ title, body, next }: { title: string; body: string; next: string }) => [title, body, next];

/** A name as somebody else gave it: it begins no line of its own, and turns no text around. */
function oneLine(name: string): string {
  const shown = name
    .replaceAll(/[\p{Zl}\p{Zp}\p{Cc}]+/gu, ' ')
    .replaceAll(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, '');
  return [...shown.trim()].slice(0, MAX_NAME).join('');
}

function grouped(code: string): string {
  return code.replaceAll(/.{5}(?=.)/g, '$&-');
}

function timeIn(language: Language, at: number): string {
  const format = { dateStyle: 'long', timeStyle: 'short', timeZone: 'Asia/Tokyo' } as const;
  return new Intl.DateTimeFormat(language, format).format(at);
}
