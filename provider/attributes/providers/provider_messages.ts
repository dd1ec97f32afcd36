import { z } from 'zod';

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
} as const;

/** Below the provider's address. */
export const PATHS = { attributes: '/attributes', customer: '/customer' } as const;

/** Of messages in both directions. */
export const CONTENT_TYPE = 'application/jwt';
/** Seconds that a question may be answered. */
export const QUESTION_LIFETIME = 60;
/** Octets of an answer. */
export const MAX_ANSWER = 262_144;
/** Claims in one question. */
const MAX_CLAIMS = 100;

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
    z.strictObject({ target_date: date.optional().describe('The day that it is asked for; today unless given.') }),
  ),
});
export type AttributesQuestion = z.infer<typeof attributesQuestion>;

export const answeredClaim = z.object({
  value: z.unknown().describe('Of the type that the catalogue says.'),
  as_of: seconds.describe('As of when you say it, in seconds since 1970.'),
  valid_until: seconds.optional().describe('Until when you vouch for it, in seconds since 1970.'),
  target_date: date.optional().describe('The day that it is about, when the question named one.'),
});

export const attributesAnswer = z.object({
  ...answerHead,
  sub: reference.describe('The `customer` of the question.'),
  claims: few(answeredClaim).describe('What you can tell; leave out what you cannot.'),
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
