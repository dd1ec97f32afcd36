import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { randomBytes, X509Certificate } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import type { NameId } from '../../../provider/saml/messages.ts';
import { NAMESPACES } from '../../../provider/saml/names.ts';
import { assertionElement, envelope, escapeXml, messageText } from './messages.ts';
import { signed } from './sign.ts';

export const QUERY_PATH = '/saml/soap/attributes';

/** What a query is made of; what is left out is as it should be. */
export interface QueryOptions {
  readonly nameId: Partial<NameId>;
  readonly attributes?: readonly AskedFor[];
  /** Of the root, beside or instead of the usual ones. */
  readonly over?: Readonly<Record<string, string | undefined>>;
  /** Written, in the place of Subject and attributes. */
  readonly rest?: string;
}

interface AskedFor {
  readonly name: string;
  readonly nameFormat?: string;
  readonly content?: string;
  readonly targetDate?: string | undefined;
  readonly maxAge?: number | undefined;
}

export interface Queryer {
  readonly entityId: string;
  readonly key: KeyObject;
}

/** An AttributeQuery without signature, in canonical form. */
export function queryOf(hub: { issuer: string }, { entityId }: Queryer, options: QueryOptions): string {
  const { value = '', format, nameQualifier, spNameQualifier } = options.nameId;
  const attribute = (name: string, text: string | undefined) =>
    text === undefined ? '' : ` ${name}="${escapeXml(text)}"`;
  const qualifiers = attribute('NameQualifier', nameQualifier) + attribute('SPNameQualifier', spNameQualifier);
  const subject = `<saml:NameID${attribute('Format', format)}${qualifiers}>${escapeXml(value)}</saml:NameID>`;
  const asked = (options.attributes ?? []).map(({ name, nameFormat, content = '', targetDate, maxAge }) => {
    const wish = attribute('w:MaxAge', maxAge?.toString()) + attribute('w:TargetDate', targetDate);
    const declared = wish === '' ? '' : ` xmlns:w="${NAMESPACES.wish}"`;
    const named = attribute('Name', name) + attribute('NameFormat', nameFormat);
    return assertionElement('Attribute', content, declared + named + wish);
  });
  return messageText('AttributeQuery', {
    attributes: {
      ID: `_${randomBytes(16).toString('hex')}`,
      IssueInstant: new Date().toISOString(),
      Destination: `${hub.issuer}${QUERY_PATH}`,
      ...options.over,
    },
    issuer: entityId,
    rest: options.rest ?? assertionElement('Subject', subject) + asked.join(''),
  });
}

/** The same, signed and in its envelope. */
export function signedQuery(hub: { issuer: string }, party: Queryer, options: QueryOptions): string {
  return envelope(signed(queryOf(hub, party, options), { key: party.key }));
}

export async function callSoap(url: string, body: string | Uint8Array, type = 'text/xml'): Promise<SoapAnswer> {
  const response = await fetch(url, { method: 'POST', body: Buffer.from(body), headers: { 'content-type': type } });
  return { status: response.status, headers: response.headers, xml: await response.text() };
}

export interface SoapAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly xml: string;
}

/** `['Responder', 'UnknownPrincipal']` */
export function statusIn({ xml }: Pick<SoapAnswer, 'xml'>): string[] {
  return [...xml.matchAll(/StatusCode Value="[^"]*:([A-Za-z]+)"/g)].map(([, code = '']) => code);
}

/** Sentence of a SOAP fault; undefined when it is none. */
export function faultIn({ xml }: Pick<SoapAnswer, 'xml'>): string | undefined {
  return /<faultstring>([^<]*)<\/faultstring>/.exec(xml)?.[1];
}

/** The attributes of an answer, in the clear, by name. */
export function attributesIn(xml: string): Record<string, string[]> {
  const found = xml.matchAll(/<saml:Attribute ([^>]*)>(.*?)<\/saml:Attribute>/gs);
  return Object.fromEntries(
    Array.from(found, ([, attributes = '', content = '']) => [
      / Name="([^"]*)"|^Name="([^"]*)"/.exec(attributes)?.slice(1).find(Boolean),
      [...content.matchAll(/<saml:AttributeValue>([^<]*)</g)].map(([, value = '']) => value),
    ]),
  );
}

/** Response and assertion, each by its own signature, in another implementation. */
export function assertSigned(xml: string, certificate: string, elements: readonly string[]): void {
  const key = new X509Certificate(Buffer.from(certificate, 'base64')).publicKey;
  for (const element of elements) {
    const [document = ''] = new RegExp(`<(samlp?):${element} .*</\\1:${element}>`, 's').exec(xml) ?? [];
    const [signature] = /<ds:Signature .*?<\/ds:Signature>/s.exec(document) ?? [];
    assert.ok(signature, `the ${element} is signed`);
    const verifier = new SignedXml({
      publicCert: key.export({ type: 'spki', format: 'pem' }),
      getCertFromKeyInfo: () => null,
    });
    verifier.loadSignature(signature);
    assert.ok(verifier.checkSignature(document), `the signature of the ${element} is good`);
    const [, id] = /^<[^>]* ID="([^"]+)"/.exec(document) ?? [];
    assert.ok(signature.includes(`URI="#${id}"`));
  }
}
