import assert from 'node:assert/strict';
import { hiddenFields } from '../../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../../support/http_browser.ts';
import type { SignInOptions, TestHub } from '../../support/hub.ts';
import { goOn, type MessagePage, messagePage, withoutEntities } from './message_page.ts';

export interface SignedIn {
  readonly browser: HttpBrowser;
  /** What the hub has sent. */
  readonly answer: MessagePage;
  /** What the service provider shows then. */
  readonly page: Visited;
  /** The Response, as it was posted. */
  readonly response: string;
}

/** Takes a browser from whatever a service provider begins a sign-in with to the hub's answer, which is not sent on. */
export async function answerOf(
  hub: TestHub,
  first: Visited,
  { browser = createHttpBrowser(), ...options }: SignInOptions = {},
): Promise<MessagePage> {
  const sent = messagePage(first);
  const begun = sent?.fields.SAMLRequest === undefined ? first : await browser.post(sent.action, sent.fields);
  const page = await hub.answerPages(begun, { ...options, browser });
  const answer = messagePage(page);
  assert.ok(answer, `no message in what ${page.url} answered: ${page.status} ${page.text.slice(0, 500)}`);
  return answer;
}

/** Opens a page that asks for a sign-in, and goes on until it is there. @param options.tamper what comes between hub and provider */
export async function signInAt(
  hub: TestHub,
  url: string,
  { tamper = (fields) => fields, ...options }: SignInOptions & { tamper?: (fields: Fields) => Fields } = {},
): Promise<SignedIn> {
  const browser = options.browser ?? createHttpBrowser();
  const answer = await answerOf(hub, await browser.get(url), { ...options, browser });
  const page = await goOn(browser, await browser.post(answer.action, tamper(answer.fields)));
  return { browser, answer, page, response: messageIn(answer) };
}

/** Signs out at the hub itself, and goes on from there (see `goOn`). */
export async function signOutAtHub(
  hub: TestHub,
  browser: HttpBrowser,
  options: { stopAt?: string } = {},
): Promise<Visited> {
  const page = await browser.get(`${hub.issuer}/sign-out`);
  const form = { ...hiddenFields(page.text), logout: 'yes' };
  return goOn(browser, await browser.post(`${hub.issuer}/sign-out/confirm`, form, options), options);
}

/** A page that asks for a sign-in leads to the card, and not past it. */
export async function assertSignedOut(browser: HttpBrowser, url: string): Promise<void> {
  const page = await browser.get(url);
  assert.match(page.text, /data-sign-in-form/, `${url} led to ${page.url}`);
}

type Fields = MessagePage['fields'];

/** The same Response with a blank more, by which it means the same and is signed no longer. */
export function forged(fields: Fields): Fields {
  const xml = Buffer.from(fields.SAMLResponse ?? '', 'base64').toString('utf8');
  const changed = xml.replace('<samlp:Status>', '<samlp:Status> ');
  assert.notEqual(changed, xml);
  return { ...fields, SAMLResponse: Buffer.from(changed).toString('base64') };
}

/** The XML of the message that a page sends on. */
export function messageIn({ fields }: MessagePage): string {
  return Buffer.from(fields.SAMLResponse ?? fields.SAMLRequest ?? '', 'base64').toString('utf8');
}

/** Base64 of DER: the certificate that a message of the hub says it is signed by. */
export function signerOf(message: string): string | undefined {
  return /<ds:X509Certificate>([^<]+)</.exec(message)?.[1];
}

/** What the application behind Apache is told: the variables of the request that its page shows. */
export function variablesOf({ text }: Visited): Readonly<Record<string, string>> {
  const lines = [...text.matchAll(/^(\w[^=\n]*)=(.*)$/gm)];
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, withoutEntities(value)]));
}
