import { inflateRawSync } from 'node:zlib';
import type { Profile } from '@node-saml/node-saml';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import type { HttpBrowser, Visited } from '../support/http_browser.ts';
import type { TestHub } from '../support/hub.ts';
import { freshAttributes } from '../support/saml/logout_server.ts';
import { logoutRequest, nameId as nameIdElement, protocolElement } from '../support/saml/messages.ts';
import { redirectQuery, signed } from '../support/saml/sign.ts';
import type { SamlParty } from './saml_party.ts';

/** How a service provider behaves when a browser brings it a LogoutRequest. */
type Manner = 'answers' | 'refuses' | 'keeps the browser';

export interface Journey {
  /** Hosts of the service providers that were asked, in their order. */
  readonly asked: readonly string[];
  /** Hub pages on the way, as text. */
  readonly pages: readonly Visited[];
  /** Where it ended: a page of the hub, or an address elsewhere (status 0). */
  readonly last: Visited;
}

const ELSEWHERE = { stopAt: 'https://' };

/** Sends a LogoutRequest of node-saml's by redirect, as far as the first page or the first other site. */
export async function startLogout(
  browser: HttpBrowser,
  party: SamlParty,
  profile: Profile,
  relayState = '',
): Promise<Visited> {
  return browser.get(await party.saml.getLogoutUrlAsync(profile, relayState, {}), ELSEWHERE);
}

/** Goes on through every service provider until there is an answer for `initiator`, or nothing goes on by itself. */
export async function travel(
  browser: HttpBrowser,
  first: Visited,
  parties: readonly SamlParty[],
  manners: Readonly<Record<string, Manner>> = {},
): Promise<Journey> {
  const asked: string[] = [];
  const pages: Visited[] = [];
  let at = first;
  for (;;) {
    const message = await messageAt(at, parties);
    if (message?.kind === 'request') {
      const { party, request } = message;
      const host = new URL(party.entityId).host;
      asked.push(host);
      const manner = manners[host] ?? 'answers';
      if (manner === 'keeps the browser') return { asked, pages, last: at };
      const answer = await party.saml.getLogoutResponseUrlAsync(request, '', {}, manner === 'answers');
      at = await browser.get(answer, ELSEWHERE);
      continue;
    }
    if (message || at.status === 0) return { asked, pages, last: at };
    pages.push(at);
    const next = /^0;url=(.+)$/.exec(at.headers.get('refresh') ?? '')?.[1];
    if (next === undefined) return { asked, pages, last: at };
    at = await browser.get(new URL(next, at.url).href, ELSEWHERE);
  }
}

type Message = { kind: 'request'; party: SamlParty; request: Profile } | { kind: 'response' };

/** The message that a browser would bring to a service provider from here, verified by that one's library. */
async function messageAt(at: Visited, parties: readonly SamlParty[]): Promise<Message | undefined> {
  const isForm = at.status === 200 && at.text.includes('data-send-form');
  const address = isForm ? formAction(at.text, 'data-send-form', at.url) : at.url;
  const party = parties.find(({ entityId }) => new URL(entityId).origin === new URL(address).origin);
  if (!party) return undefined;
  const query = new URL(at.url).search.slice(1);
  const fields = isForm ? hiddenFields(at.text) : Object.fromEntries(new URLSearchParams(query));
  if (fields.SAMLResponse !== undefined) return { kind: 'response' };
  const { profile } = isForm
    ? await party.saml.validatePostRequestAsync(fields)
    : await party.saml.validateRedirectAsync(fields, query);
  if (!profile) throw new Error('the library found no request');
  return { kind: 'request', party, request: profile };
}

/** The LogoutResponse that a browser brings back, after the library has verified that it is one and signed. */
export interface LogoutAnswer {
  /** Words of the status codes, the top-level one first. */
  readonly status: readonly string[];
  readonly inResponseTo: string | undefined;
  readonly relayState: string | undefined;
  readonly address: string;
}

export async function answerTo(party: SamlParty, { url, status, text }: Visited): Promise<LogoutAnswer> {
  const isForm = status === 200;
  const query = new URL(url).search.slice(1);
  const fields = isForm ? hiddenFields(text) : Object.fromEntries(new URLSearchParams(query));
  const octets = Buffer.from(fields.SAMLResponse ?? '', 'base64');
  const xml = (isForm ? octets : inflateRawSync(octets)).toString();
  const codes = [...xml.matchAll(/StatusCode Value="[^"]*:([^":]+)"/g)].map(([, word = '']) => word);
  const inResponseTo = / InResponseTo="([^"]+)"/.exec(xml)?.[1];
  // The library takes none but Success, and none to a request that was written by hand.
  const isOwn = (await party.saml.cacheProvider.getAsync(inResponseTo ?? '')) !== null;
  if (!isForm && codes[0] === 'Success' && isOwn) await party.saml.validateRedirectAsync(fields, query);
  return {
    status: codes,
    inResponseTo,
    relayState: fields.RelayState,
    address: isForm ? formAction(text, 'data-send-form', url) : url.slice(0, url.indexOf('?')),
  };
}

export interface HandmadeLogout {
  readonly nameId: string;
  /** Its format; none unless given. */
  readonly format?: string | undefined;
  readonly sessionIndex?: string | undefined;
  readonly attributes?: Readonly<Record<string, string | undefined>>;
}

/** A LogoutRequest written by hand, not signed. */
export function handmadeRequest(
  { entityId }: SamlParty,
  destination: string,
  { nameId, format, sessionIndex, attributes }: HandmadeLogout,
): string {
  return logoutRequest({
    issuer: entityId,
    attributes: { ...freshAttributes(), Destination: destination, ...attributes },
    rest:
      nameIdElement(nameId, format === undefined ? '' : ` Format="${format}"`) +
      (sessionIndex === undefined ? '' : protocolElement('SessionIndex', sessionIndex)),
  });
}

/** The address of one by redirect, signed with the party's key. */
export function handmadeLogoutUrl(hub: TestHub, party: SamlParty, content: HandmadeLogout): string {
  const address = `${hub.issuer}/saml/slo`;
  const message = handmadeRequest(party, address, content);
  return `${address}?${redirectQuery(message, { key: party.key.privateKey })}`;
}

export function signedByParty({ key }: SamlParty, message: string): string {
  return signed(message, { key: key.privateKey });
}
