import { z } from 'zod';
import { CARD_TOKEN_LIMIT } from '../authentication/card_token.ts';

/** What a relying party sends and gets. The OpenAPI description is made from these. */

const MAX_CHAIN = 10;
/** A 16 KiB certificate in base64. */
const MAX_CERTIFICATE = 24 * 1024;
/** A header and eight claims. */
const MAX_STATEMENT = 8 * 1024;

export const challengeQuestion = z.strictObject({
  origin: z.string().min(1).max(300).describe('The page that asks the holder to sign: an origin of a redirect_uri.'),
});

export const challengeAnswer = z.strictObject({
  nonce: z.string().describe('What the holder’s card agent signs, for this origin, once.'),
  expires_at: z.int().describe('Seconds since 1970.'),
});

export const challengeProof = z.strictObject({
  type: z.literal('challenge'),
  origin: z.string().min(1).max(300).describe('As the challenge was asked for.'),
  nonce: z.string().min(1).max(200).describe('From POST /verifier/challenge. It is spent, whatever comes of it.'),
  token: z
    .string()
    .min(1)
    .max(CARD_TOKEN_LIMIT)
    .describe('Web eID authentication token (JSON as text), by the key of the first certificate.'),
});

export const statementProof = z.strictObject({
  type: z.literal('tls_statement'),
  statement: z
    .string()
    .min(1)
    .max(MAX_STATEMENT)
    .describe('A JWT by a key of this client: that a TLS handshake with the first certificate was completed.'),
});

export const authenticationQuestion = z.strictObject({
  certificate: z
    .array(z.base64().min(4).max(MAX_CERTIFICATE))
    .min(1)
    .max(1 + MAX_CHAIN)
    .describe('DER in base64: the holder’s certificate first, then what was sent along with it.'),
  proof: z.discriminatedUnion('type', [challengeProof, statementProof]),
});

export const authenticationAnswer = z.strictObject({
  sub: z.string().describe('The person’s identifier for this relying party, the same as in its id_tokens.'),
  acr: z.string().describe('As in an id_token.'),
  amr: z.array(z.string()).describe('As in an id_token.'),
  auth_time: z.int().describe('When possession of the key was proved: seconds since 1970.'),
  iss: z.string(),
});

export const consentRequiredAnswer = z.strictObject({
  error: z.literal('consent_required'),
  error_description: z.string(),
  authorization_endpoint: z
    .url()
    .describe('Send the person there with an ordinary authorization request: they sign in once, and agree or not.'),
});

export type AuthenticationQuestion = z.output<typeof authenticationQuestion>;
export type AuthenticationAnswer = z.output<typeof authenticationAnswer>;
