import type { KeyObject } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import {
  assertionElement,
  authnRequest,
  envelope,
  logoutRequest,
  logoutResponse,
  protocolElement,
} from './messages.ts';
import { DS, postForm, redirectQuery, signatureOf, signed } from './sign.ts';

/** Input that would cost far more than it weighs, were it read without bounds. */
export type Bomb =
  | { readonly name: string; readonly binding: 'redirect'; readonly query: string }
  | { readonly name: string; readonly binding: 'post'; readonly form: URLSearchParams }
  | { readonly name: string; readonly binding: 'soap'; readonly body: Uint8Array };

const KILOBYTE = 1024;
const many = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => one(i)).join('');
const extensions = (content: string) => authnRequest({ rest: protocolElement('Extensions', content) });

/** @param key the sender's, of one who has turned bad */
export function bombs(key: KeyObject): Bomb[] {
  const signature = signatureOf(logoutRequest(), { key });
  const inSignature = (at: string, put: string) =>
    logoutRequest().replace('</saml:Issuer>', (end) => end + signature.replace(at, () => put));
  const long = 'x'.repeat(60 * KILOBYTE);
  const compressed = (octets: string | Uint8Array) =>
    `SAMLRequest=${encodeURIComponent(deflateRawSync(octets, { level: 9 }).toString('base64'))}`;
  const byRedirect: Record<string, string> = {
    'forty megabytes of zeros': compressed(Buffer.alloc(40_000_000)),
    'a request with forty megabytes of white space': compressed(authnRequest({ rest: ' '.repeat(40_000_000) })),
    'a request nested a hundred thousand deep': compressed(extensions('<x>'.repeat(100_000))),
    'a megabyte of a parameter': `SAMLRequest=${'A'.repeat(KILOBYTE * KILOBYTE)}`,
    'a megabyte of parameters': '&'.repeat(KILOBYTE * KILOBYTE),
    'very many parameters': `${'a=b&'.repeat(10_000)}${redirectQuery(authnRequest())}`,
    'a RelayState of a megabyte': `${redirectQuery(authnRequest())}&RelayState=${'x'.repeat(KILOBYTE * KILOBYTE)}`,
    'a signature of fifty kilobytes': `${redirectQuery(authnRequest())}&SigAlg=x&Signature=${'A'.repeat(50 * KILOBYTE)}`,
  };
  const byPost: Record<string, string | Uint8Array> = {
    'a megabyte of text': extensions('x'.repeat(KILOBYTE * KILOBYTE)),
    'a megabyte of octets': Buffer.alloc(KILOBYTE * KILOBYTE),
    'nesting, thirty thousand deep': '<a>'.repeat(30_000),
    'nesting, deeper than is read': extensions(`${'<x>'.repeat(30)}${'</x>'.repeat(30)}`),
    'very many elements': extensions('<x></x>'.repeat(10_000)),
    'very many attributes': extensions(`<x ${many(10_000, (i) => ` a${i}=""`)}></x>`),
    'an address of sixty kilobytes': authnRequest({ attributes: { AssertionConsumerServiceURL: long } }),
    'an ID of sixty kilobytes': authnRequest({ attributes: { ID: `_${long}` } }),
    'a hundred thousand attributes': `<x ${many(100_000, (i) => ` a${i}=""`)}/>`,
    'very many declarations': extensions(`<x ${many(5_000, (i) => ` xmlns:a${i}="u"`)}></x>`),
    'a name of an element of forty kilobytes': `<${long.slice(20_000)}></${long.slice(20_000)}>`,
    'entities in entities': `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${many(20, (i) => `<!ENTITY a${i} "${`&a${i - 1};`.repeat(10)}">`)}]><x>&a19;</x>`,
    'very many entities that nobody declares': `<x>${'&y;'.repeat(30_000)}</x>`,
    'very many references to characters': authnRequest({ rest: '&#x41;'.repeat(15_000) }),
    'very many sections': authnRequest({ rest: '<![CDATA[x]]>'.repeat(7_000) }),
    'very many brackets': authnRequest({ rest: ']'.repeat(90_000) }),
    'very many comments': authnRequest({ rest: '<!-- -->'.repeat(10_000) }),
    'a name that never ends': `<saml:${long}`,
    'an attribute that never ends': `<x a="${long}`,
    'an issuer of sixty kilobytes': authnRequest({ issuer: long }),
    'a time of sixty kilobytes': authnRequest({
      attributes: { IssueInstant: `2026-11-30T09:00:00.${'0'.repeat(60_000)}Z` },
    }),
    'a subject of sixty kilobytes': authnRequest({
      rest: assertionElement('Subject', `<saml:NameID>${long}</saml:NameID>`),
    }),
    'very many references': inSignature(
      '</ds:SignedInfo>',
      `${'<ds:Reference></ds:Reference>'.repeat(900)}</ds:SignedInfo>`,
    ),
    'very many transforms': inSignature(
      '</ds:Transforms>',
      `${'<ds:Transform></ds:Transform>'.repeat(900)}</ds:Transforms>`,
    ),
    'very many signatures': logoutRequest().replace('</saml:Issuer>', (end) => end + signature.repeat(40)),
    'very many prefixes to be inclusive about': inSignature(
      '</ds:CanonicalizationMethod>',
      `<c:InclusiveNamespaces xmlns:c="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="${many(15_000, (i) => `p${i} `)}"/></ds:CanonicalizationMethod>`,
    ),
    'a digest of sixty kilobytes': inSignature('</ds:DigestValue>', `${'A'.repeat(60_000)}</ds:DigestValue>`),
    'a signature value of sixty kilobytes': inSignature(
      '</ds:SignatureValue>',
      `${'A'.repeat(60_000)}</ds:SignatureValue>`,
    ),
    'white space of ninety kilobytes in a signature value': inSignature(
      '<ds:SignatureValue>',
      `<ds:SignatureValue>A${' '.repeat(90_000)}`,
    ),
    // In canonical form each of the elements declares it anew: fifty megabytes.
    'a long namespace in SignedInfo that each of nine hundred elements uses': inSignature(
      '</ds:SignedInfo>',
      `${'<x:y/>'.repeat(900)}</ds:SignedInfo>`,
    ).replace('<ds:Signature ', `<ds:Signature xmlns:x="urn:${long}" `),
    'a long namespace that each of nine hundred elements uses': signed(logoutRequest(), { key })
      .replace(/<\/[^>]+>$/, (end) => `${'<x:y/>'.repeat(900)}${end}`)
      .replace(' xmlns:samlp=', ` xmlns:x="urn:${long}" xmlns:samlp=`),
  };
  const bySoap: Record<string, string> = {
    'an envelope of a megabyte': envelope(' '.repeat(KILOBYTE * KILOBYTE)),
    'very many messages': envelope(logoutRequest().repeat(150)),
    'very many headers': envelope(logoutRequest(), `<S:Header>${'<x S:mustUnderstand="0"/>'.repeat(3_000)}</S:Header>`),
    'envelopes in envelopes': `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">${'<S:Body>'.repeat(5_000)}`,
    'a status in a status': envelope(
      logoutResponse({ rest: protocolElement('Status', '<samlp:StatusCode Value="x">'.repeat(2_000)) }),
    ),
    'a signature without keys of anybody': envelope(`<x xmlns="${DS}">${'<Signature/>'.repeat(900)}</x>`),
  };
  return [
    ...Object.entries(byRedirect).map(([name, query]): Bomb => ({ name, binding: 'redirect', query })),
    ...Object.entries(byPost).map(([name, text]): Bomb => ({ name, binding: 'post', form: postForm(text) })),
    ...Object.entries(bySoap).map(([name, text]): Bomb => ({ name, binding: 'soap', body: Buffer.from(text) })),
  ];
}
