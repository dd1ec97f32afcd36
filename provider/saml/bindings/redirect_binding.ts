import { inflateRawSync } from 'node:zlib';
import { readBase64 } from '../base64.ts';
import { malformed } from '../errors.ts';
import { MAX_SIGNATURE_OCTETS } from '../signature/algorithms.ts';
import type { RedirectSignature } from '../signature/redirect_signature.ts';
import { MESSAGE_LIMITS, readXml } from '../xml/read_xml.ts';
import type { Arrival, Parameter } from './arrival.ts';
import { checkRelayState } from './relay_state.ts';

/** Octets of the query: web servers and browsers give an address less. */
const MAX_QUERY_OCTETS = 64 * 1024;
/** Parameters: the six of SAML and some that are not read. */
const MAX_PARAMETERS = 32;

const NAMES = ['SAMLRequest', 'SAMLResponse', 'RelayState', 'SigAlg', 'Signature', 'SAMLEncoding'] as const;
type Name = (typeof NAMES)[number];

/** The one encoding there is (SAML Bindings §3.4.4.1), and the one that is meant when none is named. */
const DEFLATE = 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE';

/**
 * Reads a message out of an address (SAML Bindings §3.4.4): each parameter at most once and its name written plainly, so
 * that what is read is what was signed. Parameters that SAML does not name are passed over: nobody reads them.
 *
 * @param query what follows the question mark, in the very octets that arrived
 * @throws HubError 400 `saml_malformed`, `saml_relay_state_invalid`
 */
export function readRedirect(query: string): Arrival {
  const raw = readParameters(query);
  const { SAMLRequest: request, SAMLResponse: response } = raw;
  const message = request ?? response;
  if (message === undefined || (request !== undefined && response !== undefined)) {
    throw malformed('the address does not have exactly one message');
  }
  const parameter: Parameter = request === undefined ? 'SAMLResponse' : 'SAMLRequest';
  if (raw.SAMLEncoding !== undefined && decode(raw.SAMLEncoding) !== DEFLATE) {
    throw malformed('the encoding is not DEFLATE');
  }
  return {
    binding: 'redirect',
    unverifiedRoot: readXml(inflate(decode(message))),
    ancestors: [],
    parameter,
    relayState: raw.RelayState === undefined ? undefined : checkRelayState(decode(raw.RelayState)),
    redirectSignature: readSignature(raw, `${parameter}=${message}`),
  };
}

function readParameters(query: string): Partial<Record<Name, string>> {
  if (query.length > MAX_QUERY_OCTETS) throw malformed('the address is too long');
  // What is not of RFC 3986 is taken for one text by some readers and for another by others.
  if (!/^[\x21-\x7e]*$/.test(query)) throw malformed('the address has characters that addresses do not have');
  const pairs = query.split('&');
  if (pairs.length > MAX_PARAMETERS) throw malformed('the address has too many parameters');
  const raw: Partial<Record<Name, string>> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const written = equals === -1 ? pair : pair.slice(0, equals);
    const name = NAMES.find((each) => each === decode(written));
    if (!name) continue;
    // Another reader of the same address would take `%53AMLRequest` for it, or the last of two.
    if (written !== name || equals === -1) throw malformed('a parameter is not written plainly');
    if (raw[name] !== undefined) throw malformed('a parameter is there more than once');
    raw[name] = pair.slice(equals + 1);
  }
  return raw;
}

/** In the order of the specification, whatever that of the address. */
function readSignature(raw: Partial<Record<Name, string>>, message: string): RedirectSignature | undefined {
  const { RelayState: relayState, SigAlg: algorithm, Signature: signature } = raw;
  if (algorithm === undefined && signature === undefined) return undefined;
  if (algorithm === undefined || signature === undefined) throw malformed('SigAlg and Signature do not come together');
  const value = readBase64(decode(signature), MAX_SIGNATURE_OCTETS, 'one');
  if (!value) throw malformed('the signature is not base64');
  const parts = [message, ...(relayState === undefined ? [] : [`RelayState=${relayState}`]), `SigAlg=${algorithm}`];
  return { signedText: parts.join('&'), algorithm: decode(algorithm), value };
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch (cause) {
    throw malformed('a parameter is not percent-encoded UTF-8', cause);
  }
}

/** Raw DEFLATE (RFC 1951): one stream, nothing behind it, and no more octets than are looked at. */
function inflate(base64: string): Uint8Array {
  const deflated = readBase64(base64, MAX_QUERY_OCTETS, 'one');
  if (!deflated) throw malformed('the message is not base64');
  try {
    const { buffer, engine } = inflateRawSync(deflated, { maxOutputLength: MESSAGE_LIMITS.octets, info: true }) as {
      // What `info` changes is not in the types.
      buffer: Buffer;
      engine: { bytesWritten: number };
    } & Buffer;
    if (engine.bytesWritten === deflated.length) return buffer;
  } catch (cause) {
    throw malformed('the message is not DEFLATE, or too large', cause);
  }
  throw malformed('there is something behind the message');
}
