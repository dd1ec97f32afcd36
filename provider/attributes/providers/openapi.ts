import type { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { apiError, schemaOf } from '../../web/json_schema.ts';
import {
  aggregatedClaim,
  attributesAnswer,
  attributesQuestion,
  CONTENT_TYPE,
  customerAnswer,
  customerQuestion,
  MAX_ANSWER,
  PATHS,
  QUESTION_LIFETIME,
  sealedClaim,
  TYPES,
  withdrawal,
  withdrawalAnswer,
} from './provider_messages.ts';

/** A message as it travels: the JWS, and what its payload holds. */
const jws = (typ: string, payload: string) => ({
  [CONTENT_TYPE]: {
    schema: {
      type: 'string',
      description: `A JWS in compact form with \`typ\` \`${typ}\`.`,
      contentMediaType: CONTENT_TYPE,
      contentSchema: { $ref: `#/components/schemas/${payload}` },
    },
  },
});

const operation = (
  operationId: string,
  texts: { summary: string; description: string },
  messages: { question: [typ: string, payload: string]; answer: [typ: string, payload: string] },
) => ({
  operationId,
  ...texts,
  requestBody: { required: true, content: jws(...messages.question) },
  responses: {
    200: { description: `The answer, of ${MAX_ANSWER} octets at most.`, content: jws(...messages.answer) },
    400: {
      description: 'The question is not one of the hub’s, is too old, or was asked before.',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
    503: { description: 'You cannot answer now. The hub goes on without you.' },
  },
});

const schemas: Readonly<Record<string, z.ZodType>> = {
  AttributesQuestion: attributesQuestion,
  AttributesAnswer: attributesAnswer,
  CustomerQuestion: customerQuestion,
  CustomerAnswer: customerAnswer,
  Withdrawal: withdrawal,
  WithdrawalAnswer: withdrawalAnswer,
  // Of one claim for example: the member has the claim's name.
  AggregatedClaim: aggregatedClaim('health_insurance_valid'),
  SealedClaim: sealedClaim('health_insurance_valid'),
  Error: apiError,
};

/** OpenAPI 3.1 of what an attribute provider implements (interface A), from the schemas that its answers are held to. */
export function describeProviderInterface(): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Musubi attribute provider',
      version: packageJson.version,
      description:
        'What an insurer, a card issuer or any other keeper of attributes implements so that its customers can have them told ' +
        `to relying parties. Questions are signed by the hub with a key of its \`jwks_uri\`, and are good for ${QUESTION_LIFETIME} ` +
        'seconds; answers are signed with a key that the hub’s operator has registered.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'https://provider.example/musubi', description: 'The address that you are registered with.' }],
    paths: {
      [PATHS.attributes]: {
        post: operation(
          'tellAttributes',
          {
            summary: 'Tell claims of one customer',
            description: 'Asked when a relying party is to be told, under a live consent of the person.',
          },
          {
            question: [TYPES.attributesQuestion, 'AttributesQuestion'],
            answer: [TYPES.attributesAnswer, 'AttributesAnswer'],
          },
        ),
      },
      [PATHS.customer]: {
        post: operation(
          'confirmCustomer',
          {
            summary: 'Say whether a person is a customer, and which',
            description:
              'Asked when a person says that they are your customer. Confirm only where what was entered and the four ' +
              'attributes are those of one customer.',
          },
          { question: [TYPES.customerQuestion, 'CustomerQuestion'], answer: [TYPES.customerAnswer, 'CustomerAnswer'] },
        ),
      },
      [PATHS.withdrawal]: {
        post: operation(
          'endConsent',
          {
            summary: 'Hear that a consent is over',
            description:
              'For providers of distributed claims: access tokens that you gave under this consent are good no longer.',
          },
          { question: [TYPES.withdrawal, 'Withdrawal'], answer: [TYPES.withdrawalAnswer, 'WithdrawalAnswer'] },
        ),
      },
    },
    components: { schemas: Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, schemaOf(each)])) },
  };
}
