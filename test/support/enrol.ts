import assert from 'node:assert/strict';
import { signDocumentWithCard, signWithCard } from '../../adapters/card/card_commands.ts';
import { SANDBOX_SIGNING_PIN } from '../../adapters/sandbox/authority/issuing.ts';
import { formAction, hiddenFields } from './hidden_fields.ts';
import type { HttpBrowser, Visited } from './http_browser.ts';
import type { TestHub } from './hub.ts';

/** What a person types into the form of enrolment, by the form's own names. */
export type TypedForm = Record<string, string>;

/** What the citizen's card says, as they would type it. */
export function formOf(hub: TestHub, citizen: string): TypedForm {
  const found = hub.authority.authority.store.state.citizens.find(({ name }) => name === citizen);
  assert.ok(found, `there is no citizen called ${citizen}`);
  const { name, address, birthDate, gender } = found.attributes;
  const [birth_year = '', birth_month = '', birth_day = ''] = birthDate.split('-');
  return { name, address, birth_year, birth_month, birth_day, gender: gender === '2' ? 'female' : 'male' };
}

export interface CardAnswer {
  /** The soft card that answers. */
  card: string;
  /** Another card that signs the document. */
  signingCard?: string;
  /** Replaces fields of the form that carries the answer. */
  over?: Record<string, string>;
  /** Signs another text than the page's. */
  document?: (text: string) => string;
}

/** Fills in the form of enrolment; returns the page with the application, or the form with what is wrong in it. */
export async function fillIn(browser: HttpBrowser, form: Visited, typed: TypedForm): Promise<Visited> {
  const { csrf = '' } = hiddenFields(form.text);
  return browser.post(form.url.replace(/\/signed$/, ''), { csrf, ...typed });
}

/** Signs the document that `page` shows, as a card agent would, and sends it. */
export async function signApplication(
  hub: TestHub,
  browser: HttpBrowser,
  page: Visited,
  { card, signingCard = card, over = {}, document = (text) => text }: CardAnswer,
): Promise<Visited> {
  const main = page.text.slice(page.text.indexOf('<main'));
  const form = hiddenFields(main.slice(0, main.indexOf('</form>')));
  const nonce = over.nonce ?? form.nonce ?? '';
  const { cardsFolder } = hub.authority;
  const token = await signWithCard({ cardsFolder, name: card, pin: '1234', origin: hub.issuer, nonce });
  const signed = await signDocumentWithCard({
    cardsFolder,
    name: signingCard,
    password: SANDBOX_SIGNING_PIN,
    content: Buffer.from(document(applicationOf(page))),
    now: Date.now(),
  });
  return browser.post(
    formAction(main, '<form', page.url),
    { ...form, token: JSON.stringify(token), signed_document: Buffer.from(signed).toString('base64'), ...over },
    { stopAt: 'https://' },
  );
}

/** The text that the page hands to the card agent. */
export function applicationOf(page: Visited): string {
  const [, escaped = ''] = /data-document="([^"]*)"/.exec(page.text) ?? [];
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&#34;': '"', '&#39;': "'", '&amp;': '&' };
  return escaped.replace(/&(?:lt|gt|amp|#34|#39);/g, (entity) => entities[entity] ?? entity);
}
