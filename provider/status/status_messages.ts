import { z } from 'zod';

/** Identifiers that one request may ask about. */
export const MAX_SUBJECTS = 1_000;
/** OIDC Core §2: `sub` has at most 255 characters. Ours have 27. */
const MAX_IDENTIFIER = 255;

/** What a relying party sends and gets. The OpenAPI description is made from these. */
export const statusQuestion = z.strictObject({
  subjects: z
    .array(z.string().min(1).max(MAX_IDENTIFIER))
    .min(1)
    .max(MAX_SUBJECTS)
    .describe('`sub` of people, as this relying party knows them. One person is a list of one.'),
});

const seconds = z.int().min(0);

export const statusResult = z.strictObject({
  subject: z.string().describe('As it was asked.'),
  status: z
    .enum(['current', 'attributes_changed', 'renewed', 'contact_needed', 'unknown'])
    .describe(
      'current: as before. attributes_changed: nobody vouches any more for the attributes that were enrolled; most ' +
        'often one has changed. renewed: the card was renewed and the new one has not been shown yet. contact_needed: ' +
        'the card can no longer be used, and why is told to nobody. unknown: no identifier of yours.',
    ),
  attributes: z
    .enum(['none', 'current', 'stale'])
    .optional()
    .describe('Whether the hub holds attributes of the person, and whether they are vouched for. Absent for unknown.'),
  as_of: seconds
    .optional()
    .describe('How old the authority’s word is: seconds since 1970. Absent where there is none.'),
  source: z
    .enum(['crl', 'ocsp', 'recorded'])
    .optional()
    .describe('crl: a revocation list that the hub follows. ocsp: a responder. recorded: what was seen last.'),
});

export const statusAnswer = z.strictObject({
  checked_at: seconds.describe('When the hub answered: seconds since 1970.'),
  results: z.array(statusResult).max(MAX_SUBJECTS).describe('In the order of the question.'),
});

export type StatusAnswer = z.output<typeof statusAnswer>;
