import type { Context } from 'koa';
import { HubError } from '../errors.ts';
import { writeSoapEnvelope } from './answers/bindings.ts';
import { STATUS } from './names.ts';
import { MESSAGE_LIMITS } from './xml/read_xml.ts';

/* Calls by SOAP 1.1 over HTTP (SAML Bindings §3.2.3). What is no SAML, or comes from nobody who is known, ends as a HubError,
   of which http_app.ts makes a SOAP fault. */

/** SOAP 1.1 §6, and the type of SOAP 1.2, under which pysaml2 sends envelopes of 1.1. */
const CONTENT_TYPES = ['text/xml', 'application/soap+xml'];

/**
 * The body of a call, of at most `MESSAGE_LIMITS.octets`.
 *
 * @throws HubError 415 `unsupported_media_type`, 413 `request_too_large`.
 */
export async function readSoapCall(ctx: Context): Promise<Uint8Array> {
  if (!ctx.is(CONTENT_TYPES)) throw new HubError('unsupported_media_type', 415, 'A SOAP call is text/xml.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += (chunk as Buffer).length;
    if (size > MESSAGE_LIMITS.octets) throw new HubError('request_too_large', 413, 'The message is too large.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** @param message signed, or '' for none. */
export function answerSoapCall(ctx: Context, message: string): void {
  ctx.status = 200;
  ctx.type = 'text/xml';
  // SAML Bindings §3.2.3.2, of which Pragma is for proxies that nobody has any more.
  ctx.set('Cache-Control', 'no-cache, no-store');
  ctx.body = writeSoapEnvelope(message);
}

/** By the code of a refusal: what the sender of a message is told who has proved to be its sender. */
const STATUS_CODES: Readonly<Record<string, readonly string[]>> = {
  saml_request_stale: [STATUS.requester, STATUS.requestDenied],
  saml_request_replayed: [STATUS.requester, STATUS.requestDenied],
  saml_wrong_destination: [STATUS.requester, STATUS.requestDenied],
  saml_encrypted: [STATUS.requester, STATUS.requestUnsupported],
};

/**
 * A refusal that the protocol has a status for (SAML Core §3.2.2); undefined for one that is told as a SOAP fault: the gate
 * refuses so whoever has not proved to be the sender, and signs nothing for them.
 */
export function statusOfRefusal({
  code,
  message,
}: HubError): { codes: readonly string[]; message: string } | undefined {
  const codes = STATUS_CODES[code];
  return codes && { codes, message };
}
