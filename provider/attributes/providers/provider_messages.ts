import { z } from 'zod';
import { CARRIED_FORMS } from '../delivery.ts';

/*
 * Interface A: what the hub and an attribute provider say to each other. Each message is a JWS in compact form that the sender
 * signs, its type in `typ` (RFC 8725 §3.11), so that none can be taken for another. The description for those who implement
 * it is made from these schemas (openapi.ts).
 */

export const TYPES = {
  attributesQuestion: 'attributes-question+jwt',
  attributesAnswer: 'attributes-answer+jwt',
  customerQuestion: 'customer-question+jwt',
  customerAnswer: 'customer-answer+jwt',
  withdrawal: 'withdrawal+jwt',
  withdrawalAnswer: 'withdrawal-answer+jwt',
  /** For the relying party, which the hub hands them on to. */
  aggregated: 'aggregated-claims+jwt',
  sealed: 'sealed-claims+jwt',
} as const;

/** Below the provider's address. */
export const PATHS = { attributes: '/attributes', customer: '/customer', withdrawal: '/withdrawal' } as const;

/** Of messages in both directions. */
export const CONTENT_TYPE = 'application/jwt';
/** Seconds that a question may be answered. */
export const QUESTION_LIFETIME = 60;
/** Octets of an answer. */
export const MAX_ANSWER = 262_144;
/** Claims in one question. */
const MAX_CLAIMS = 100;
/** Characters of a provider's access token. */
const MAX_ACCESS_TOKEN = 4096;
/** Seconds that a distributed claim may be fetched: a withdrawal holds at once, also where nobody hears of it. */
export const MAX_REFERENCE_LIFETIME = 300;

const reference = z.string().min(1).max(200);
const seconds = z.int().min(0);
const date = z.iso.date();

/** What every message says beside its own. */
const common = {
  iss: z
    .string()
    .max(2048)
    .describe('Who signs: the hub’s issuer, or the address that the provider is registered with.'),
  aud: z.string().max(2048).describe('For whom it is: the other of the two.'),
  iat: seconds.describe('When it was signed, in seconds since 1970.'),
  exp: seconds.describe('When it is no longer to be believed, in seconds since 1970.'),
};
const questionHead = {
  ...common,
  jti: z.string().max(100).describe('Names the question; refuse one that you have seen before `exp`.'),
};
const answerHead = {
  ...common,
  in_reply_to: z.string().max(100).describe('`jti` of the question that it answers.'),
};

/** Each is bounded: `z.record` alone is not. */
const few = <Value extends z.ZodType>(value: Value) =>
  z.record(z.string().max(64), value).refine((record) => Object.keys(record).length <= MAX_CLAIMS, 'too many');

export const attributesQuestion = z.object({
  ...questionHead,
  customer: reference.describe('Your reference of the customer, as you gave it when the membership was confirmed.'),
  consent: z.string().max(100).describe('Names the consent that the question rests on.'),
  purpose: z.string().max(1000).optional().describe('What the person was told that it is for.'),
  claims: few(
    z.strictObject({
      target_date: date.optional().describe('The day that it is asked for; today unless given.'),
      form: z
        .enum(CARRIED_FORMS)
        .optional()
        .describe('How it is to come, of the forms that you are registered for; a plain value unless given.'),
      delivery: z
        .string()
        .max(100)
        .optional()
        .describe('Names the delivery, where `form` is given: say it in the token.'),
    }),
  ),
  seal_for: z
    .looseObject({ kty: z.enum(['EC', 'OKP', 'RSA']) })
    .optional()
    .describe('The relying party’s public key (JWK), where a claim is to be sealed.'),
});
export type AttributesQuestion = z.infer<typeof attributesQuestion>;

export const answeredClaim = z.object({
  value: z.unknown().describe('Of the type that the catalogue says.'),
  as_of: seconds.describe('As of when you say it, in seconds since 1970.'),
  valid_until: seconds.optional().describe('Until when you vouch for it, in seconds since 1970.'),
  target_date: date.optional().describe('The day that it is about, when the question named one.'),
});

export const carriedToken = z.object({
  token: z
    .string()
    .max(MAX_ANSWER)
    .describe('Of an aggregated or sealed claim: the JWS, see AggregatedClaim, SealedClaim.'),
});

export const distributedReference = z.object({
  endpoint: z.url().max(2048).describe('Where the relying party fetches the AggregatedClaim: below your address.'),
  access_token: z
    .string()
    .regex(/^[\w.~+/-]+=*$/)
    .max(MAX_ACCESS_TOKEN)
    .describe('A bearer token (RFC 6750) for this claim of this customer alone.'),
  expires_at: seconds.describe(`When it is over, in seconds since 1970: within ${MAX_REFERENCE_LIFETIME} seconds.`),
});

const times = answeredClaim.omit({ value: true });
/** A plain value with its times. */
export type AnsweredClaim = z.infer<typeof answeredClaim>;
export type AnsweredTimes = z.infer<typeof times>;

/** What a token for the relying party says beside the claim. Nothing else: what is not asked for does not leave. */
const tokenHead = {
  iss: common.iss,
  iat: common.iat,
  exp: seconds.describe('Until when the relying party may take it, in seconds since 1970.'),
  delivery: z.string().max(100).describe('As in the question.'),
};

/** Payload of the JWS for one aggregated claim, or the one that a distributed claim is fetched as. */
export const aggregatedClaim = (claim: string) =>
  z.strictObject({
    ...tokenHead,
    claims_provenance: z.strictObject({ [claim]: times }).describe('The claim’s times.'),
    [claim]: z.unknown().describe('The value, of the type that the catalogue says.'),
  });

/** Payload of the JWS around one sealed claim. */
export const sealedClaim = (claim: string) =>
  z.strictObject({
    ...tokenHead,
    claims_provenance: z.strictObject({ [claim]: times }).describe('The claim’s times.'),
    sealed: z
      .string()
      .max(MAX_ANSWER)
      .describe('JWE in compact form (RFC 7516) for `seal_for`: JSON with the claim under its name, and `delivery`.'),
  });

export const attributesAnswer = z.object({
  ...answerHead,
  sub: reference.describe('The `customer` of the question.'),
  claims: few(z.union([answeredClaim, carriedToken, distributedReference])).describe(
    'What you can tell; leave out what you cannot.',
  ),
});
export type AttributesAnswer = z.infer<typeof attributesAnswer>;

export const customerQuestion = z.object({
  ...questionHead,
  entered: z
    .record(z.string().max(64), z.string().max(200))
    .describe('What the person entered, by the names of your registration.'),
  attributes: z
    .strictObject({
      name: z.string().max(800),
      address: z.string().max(800),
      birthdate: z.string().max(10).describe('`YYYY-MM-DD`.'),
      gender: z.enum(['female', 'male']).optional(),
    })
    .describe('The four attributes, as the person’s signing certificate states them.'),
});
export type CustomerQuestion = z.infer<typeof customerQuestion>;

export const customerAnswer = z.object({
  ...answerHead,
  outcome: z
    .enum(['confirmed', 'not_confirmed'])
    .describe('Whether what was entered and the attributes are those of one customer of yours.'),
  customer: reference
    .optional()
    .describe('Your reference of the customer, when confirmed: opaque, and always the same.'),
});
export type CustomerAnswer = z.infer<typeof customerAnswer>;

export const withdrawal = z.object({
  ...questionHead,
  consent: z.string().max(100).describe('The `consent` of the questions that it was.'),
});

export const withdrawalAnswer = z.object(answerHead);
