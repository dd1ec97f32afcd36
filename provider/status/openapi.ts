import packageJson from '../../package.json' with { type: 'json' };
import { audienceOf, STATUS_CHECK } from '../oidc/own_resources.ts';
import { apiError, schemaOf } from '../web/json_schema.ts';
import { statusAnswer, statusQuestion } from './status_messages.ts';

const json = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } });

const ERRORS = {
  400: 'The body is not JSON, or names no identifier or more than 1,000: `invalid_request`.',
  401: 'No access token, or one that has ended or is for something else: `invalid_token`, `invalid_dpop_proof`.',
  403: '`insufficient_scope`, or the operator has not allowed it: `status_check_not_allowed`.',
  413: 'The body is larger than 64 KiB: `request_too_large`.',
  415: 'The body is not `application/json`: `unsupported_media_type`.',
  429: 'Wait for `Retry-After` seconds: `too_many_requests`.',
  503: 'The hub’s database does not answer; try again: `storage_unavailable`.',
};

/** OpenAPI 3.1 of the status check, whose schemas are those that it is answered by. */
export function describeStatusApi(issuer: string): Readonly<Record<string, unknown>> {
  const at = (path: string) => new URL(path, issuer).href;
  const schemas = {
    StatusQuestion: schemaOf(statusQuestion),
    StatusAnswer: schemaOf(statusAnswer),
    Error: schemaOf(apiError),
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Musubi status check',
      version: packageJson.version,
      description:
        'A relying party learns, for its own pairwise identifiers, whether what it knows of a person still holds.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: issuer }],
    security: [{ client: STATUS_CHECK.scopes }],
    paths: {
      [STATUS_CHECK.path]: {
        post: {
          operationId: 'checkStatus',
          summary: 'Ask about up to 1,000 people',
          description: `Needs an access token of grant client_credentials with the resource ${audienceOf(issuer, STATUS_CHECK)}.`,
          requestBody: { required: true, content: json('StatusQuestion') },
          responses: {
            200: { description: 'One result for each identifier, in order.', content: json('StatusAnswer') },
            ...Object.fromEntries(
              Object.entries(ERRORS).map(([status, description]) => [status, { description, content: json('Error') }]),
            ),
          },
        },
      },
    },
    components: {
      schemas,
      securitySchemes: {
        client: {
          type: 'oauth2',
          flows: {
            clientCredentials: {
              tokenUrl: at('/token'),
              scopes: { 'status-check': 'Ask for the status of people by their pairwise identifiers' },
            },
          },
        },
      },
    },
  };
}
