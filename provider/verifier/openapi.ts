import packageJson from '../../package.json' with { type: 'json' };
import { audienceOf, VERIFIER } from '../oidc/own_resources.ts';
import { apiError, schemaOf } from '../web/json_schema.ts';
import {
  authenticationAnswer,
  authenticationQuestion,
  challengeAnswer,
  challengeQuestion,
  consentRequiredAnswer,
} from './verifier_messages.ts';

const json = (...names: string[]) => {
  const schemas = names.map((name) => ({ $ref: `#/components/schemas/${name}` }));
  return { 'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } } };
};

const COMMON_ERRORS = {
  400: 'The body is not as described, or the challenge is not one that is open for you: `invalid_request`, `challenge_…`.',
  401: 'No access token, or one that has ended or is for something else: `invalid_token`, `invalid_dpop_proof`.',
  413: 'The body is larger than 128 KiB: `request_too_large`.',
  415: 'The body is not `application/json`: `unsupported_media_type`.',
  429: 'Wait for `Retry-After` seconds: `too_many_requests`.',
  503: 'The database, the revocation list or the authority does not answer; try again: `…_unavailable`.',
};

const errors = (listed: Readonly<Record<number, string>>) =>
  Object.fromEntries(
    Object.entries(listed).map(([status, description]) => [status, { description, content: json('Error') }]),
  );

/** OpenAPI 3.1 of the verifier, whose schemas are those that it is answered by. */
export function describeVerifierApi(issuer: string): Readonly<Record<string, unknown>> {
  const needs = `Needs an access token of grant client_credentials with the resource ${audienceOf(issuer, VERIFIER)}.`;
  return {
    openapi: '3.1.0',
    info: {
      title: 'Musubi verifier',
      version: packageJson.version,
      description:
        'A relying party that ends TLS itself turns the certificate that it was shown into its own identifier of the holder.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: issuer }],
    security: [{ client: VERIFIER.scopes }],
    paths: {
      '/verifier/challenge': {
        post: {
          operationId: 'createChallenge',
          summary: 'Get a nonce for the holder to sign at one of your pages',
          description: needs,
          requestBody: { required: true, content: json('ChallengeQuestion') },
          responses: {
            200: { description: 'A nonce that can be answered once.', content: json('ChallengeAnswer') },
            ...errors({
              ...COMMON_ERRORS,
              403: '`insufficient_scope`, or the operator has not allowed it: `verifier_not_allowed`.',
            }),
          },
        },
      },
      '/verifier/authenticate': {
        post: {
          operationId: 'authenticate',
          summary: 'Learn who holds a certificate, by your own identifier',
          description: needs,
          requestBody: { required: true, content: json('AuthenticationQuestion') },
          responses: {
            200: { description: 'The holder, as you know them.', content: json('AuthenticationAnswer') },
            ...errors(COMMON_ERRORS),
            403: {
              description:
                'The certificate, or the proof that the holder has its key, is refused: `certificate_…`, ' +
                '`token_signature_invalid`, `statement_invalid`, `statement_used`, `proof_not_allowed`. Or the person has not ' +
                'agreed to be known to you: `consent_required`. Or as for the challenge.',
              content: json('Error', 'ConsentRequired'),
            },
          },
        },
      },
    },
    components: {
      schemas: {
        ChallengeQuestion: schemaOf(challengeQuestion),
        ChallengeAnswer: schemaOf(challengeAnswer),
        AuthenticationQuestion: schemaOf(authenticationQuestion),
        AuthenticationAnswer: schemaOf(authenticationAnswer),
        ConsentRequired: schemaOf(consentRequiredAnswer),
        Error: schemaOf(apiError),
      },
      securitySchemes: {
        client: {
          type: 'oauth2',
          flows: {
            clientCredentials: {
              tokenUrl: new URL('/token', issuer).href,
              scopes: { verifier: 'Turn certificates into your own identifiers' },
            },
          },
        },
      },
    },
  };
}
