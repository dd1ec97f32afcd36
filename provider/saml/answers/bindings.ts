import { deflateRawSync } from 'node:zlib';
import type { SamlSigningKey } from '../key_set.ts';
import { NAMESPACES } from '../names.ts';
import { text } from './canonical.ts';
import { RSA_SHA256, signText } from './sign.ts';

/** Name of the parameter or form field that a message travels in (SAML Bindings §3.4.4, §3.5.4). */
export type MessageField = 'SAMLRequest' | 'SAMLResponse';

/**
 * The address that a browser is sent to with a message (HTTP-Redirect, DEFLATE encoding: SAML Bindings §3.4.4.1). The
 * signature is over the octets of this very query, and the message carries none of its own.
 *
 * @param location of the service provider's metadata.
 * @param relayState exactly as it was received; undefined for none.
 */
export async function writeRedirectUrl(
  location: string,
  field: MessageField,
  xml: string,
  relayState: string | undefined,
  key: SamlSigningKey,
): Promise<string> {
  const parameters: [string, string][] = [
    [field, deflateRawSync(xml).toString('base64')],
    ...(relayState === undefined ? [] : [['RelayState', relayState] satisfies [string, string]]),
    ['SigAlg', RSA_SHA256],
  ];
  const signed = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const signature = encodeURIComponent(await signText(signed, key));
  return `${location}${location.includes('?') ? '&' : '?'}${signed}&Signature=${signature}`;
}

/** Content of the form's field (HTTP-POST, SAML Bindings §3.5.4). */
export function writePostField(xml: string): string {
  return Buffer.from(xml).toString('base64');
}

/** Body of a SOAP 1.1 call or of its answer, as `text/xml` (SAML Bindings §3.2.2). */
export function writeSoapEnvelope(xml: string): string {
  return `<soap11:Envelope xmlns:soap11="${NAMESPACES.soap}"><soap11:Body>${xml}</soap11:Body></soap11:Envelope>`;
}

/**
 * Body of the answer to a SOAP 1.1 call that is no SAML, or that the hub does not hear (SOAP 1.1 §4.4, SAML Bindings §3.2.3.3).
 *
 * @param fault whose: the caller's or the hub's. @param sentence for the engineer at the other end.
 */
export function writeSoapFault(fault: 'Client' | 'Server', sentence: string): string {
  return writeSoapEnvelope(
    `<soap11:Fault><faultcode>soap11:${fault}</faultcode><faultstring>${text(sentence)}</faultstring></soap11:Fault>`,
  );
}
