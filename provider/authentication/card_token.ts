import { z } from 'zod';
import { HubError } from '../errors.ts';

/** Bytes of the token as a form field: a 16 KiB certificate in base64, an RSA-4096 signature, and room to spare. */
export const CARD_TOKEN_LIMIT = 32 * 1024;

/** The algorithms a card may sign a challenge with (web-eid:1.0; RFC 7518 names). */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384'] as const;
export type CardTokenAlgorithm = (typeof ALGORITHMS)[number];

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const base64 = (max: number) => z.string().min(4).max(max).regex(BASE64);

const tokenSchema = z.object({
  format: z.string().regex(/^web-eid:1(\.\d{1,3})?$/),
  unverifiedCertificate: base64(24 * 1024),
  algorithm: z.enum(ALGORITHMS),
  signature: base64(2048),
});

/** What a card agent delivered: claims only, nothing in it is trusted yet. Web eID authentication token, format 1. */
export interface UnverifiedCardToken {
  unverifiedCertificate: Uint8Array;
  algorithm: CardTokenAlgorithm;
  signature: Uint8Array;
}

/** Throws HubError `token_malformed` for everything that is not a Web eID authentication token of format 1. */
export function readCardToken(text: string): UnverifiedCardToken {
  if (text.length > CARD_TOKEN_LIMIT) throw malformed('too long');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw malformed('not JSON');
  }
  const token = tokenSchema.safeParse(json);
  if (!token.success) throw malformed(token.error.issues[0]?.path.join('.') ?? 'shape');
  return {
    unverifiedCertificate: Buffer.from(token.data.unverifiedCertificate, 'base64'),
    algorithm: token.data.algorithm,
    signature: Buffer.from(token.data.signature, 'base64'),
  };
}

function malformed(part: string): HubError {
  return new HubError('token_malformed', 400, 'The card agent sent an answer that cannot be read.', {
    details: { part },
  });
}
