import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { HubError } from '../../../provider/errors.ts';
import { anchorsPem, describeAnchors } from './anchors.ts';
import type { Authority } from './authority.ts';
import { CITIZEN_COMMANDS, parseInput, runCitizenCommand } from './citizen_command_schemas.ts';
import { type HttpAnswer, type HttpRequest, json, type Route, readJson, requireType } from './http_service.ts';
import { findLinked, LINKAGE_WANTS } from './linkage.ts';
import { MUNICIPALITIES } from './municipalities.ts';
import type { ListName } from './revocation_lists.ts';
import { SIGNATURE_HEADER } from './signed_answers.ts';
import { CONSENT_ITEMS } from './state.ts';

const reference = { issuer: z.base64().min(1).max(1000), serial: z.string().regex(/^[0-9a-fA-F]{1,42}$/) };
const linkageRequest = z.strictObject({ ...reference, want: z.enum(LINKAGE_WANTS) });
const consentRequest = z.strictObject({
  ...reference,
  items: z
    .array(z.enum(CONSENT_ITEMS))
    .min(1)
    .max(CONSENT_ITEMS.length)
    .refine((items) => new Set(items).size === items.length),
  until: z.iso.date(),
  document: z.base64().min(1),
});

const notFound = (): HubError => new HubError('not_found', 404, 'There is nothing here.');

/** All that the authority answers. `adminToken` opens the counter's commands; the hub's service token does not. */
export function authorityRoutes(authority: Authority, adminToken: string): Route[] {
  return [
    { method: 'GET', path: /^\/healthz$/, handle: () => json(200, { status: 'ok' }) },
    { method: 'GET', path: /^\/keys$/, handle: () => json(200, { keys: [authority.signer.publicJwk] }) },
    {
      method: 'GET',
      path: /^\/anchors$/,
      handle: () => ({
        status: 200,
        headers: { 'content-type': 'application/x-pem-file' },
        body: anchorsPem(authority.store.state),
      }),
    },
    { method: 'GET', path: /^\/anchors\.json$/, handle: () => json(200, describeAnchors(authority.store.state)) },
    ...revocationRoutes(authority),
    ...verifierRoutes(authority),
    {
      method: 'POST',
      path: new RegExp(`^/admin/(${CITIZEN_COMMANDS.join('|')})$`),
      handle: async (request) => {
        requireBearer(request, adminToken);
        const command = CITIZEN_COMMANDS.find((name) => name === request.captured[0]);
        if (!command) throw notFound();
        return json(200, await runCitizenCommand(authority.citizens, command, readJson(request)));
      },
    },
  ];
}

function revocationRoutes({ lists, ocsp }: Authority): Route[] {
  return [
    {
      method: 'GET',
      path: /^\/crl\/(user|signing)\/([1-9])\/(full|[0-9]{5})\.crl$/,
      handle: async ({ captured, headers }) => {
        const list = await lists.current(listName(captured));
        if (!list) throw notFound();
        const validators = {
          etag: list.etag,
          'last-modified': new Date(list.thisUpdate).toUTCString(),
          'cache-control': 'no-cache',
        };
        if (isCurrent(headers['if-none-match'], list.etag)) return { status: 304, headers: validators };
        return { status: 200, headers: { 'content-type': 'application/pkix-crl', ...validators }, body: list.der };
      },
    },
    {
      method: 'POST',
      path: /^\/ocsp\/(user|signing)$/,
      handle: async ({ captured, headers, body }) => {
        requireType(headers['content-type'], 'application/ocsp-request');
        return ocspAnswer(await ocsp.answer(captured[0] === 'user' ? 'user' : 'signing', body));
      },
    },
    {
      // RFC 6960 appendix A.1: the request in base64, and that URL-encoded.
      method: 'GET',
      path: /^\/ocsp\/(user|signing)\/([A-Za-z0-9+/=%]{1,2000})$/,
      handle: async ({ captured: [kind, encoded = ''] }) => {
        return ocspAnswer(await ocsp.answer(kind === 'user' ? 'user' : 'signing', fromPath(encoded)));
      },
    },
  ];
}

/**
 * What the authority tells registered verifiers only. The real one knows them by TLS client certificates; here a secret
 * stands in for that, which the hub reads from `service-token` in the shared data folder: on one machine's loopback
 * both prove no more than that the caller may read the folder.
 */
function verifierRoutes({ store, latestAttributes, signer, clock, serviceToken }: Authority): Route[] {
  /** Signed and dated, together with what was asked; refusals too. */
  const signed = async (asked: unknown, find: () => unknown, found = 200): Promise<HttpAnswer> => {
    const { status, value } = await outcomeOf(find, found);
    const answer = json(status, { ...value, asked, answeredAt: new Date(clock()).toISOString() });
    return {
      ...answer,
      headers: { ...answer.headers, [SIGNATURE_HEADER]: await signer.sign(Buffer.from(answer.body ?? '')) },
    };
  };
  return [
    {
      method: 'POST',
      path: /^\/linkage$/,
      handle: (request) => {
        requireBearer(request, serviceToken);
        const asked = parseInput(linkageRequest, readJson(request));
        return signed(asked, () => findLinked(store.state, asked));
      },
    },
    {
      method: 'POST',
      path: /^\/consents$/,
      handle: async (request) => {
        requireBearer(request, serviceToken);
        const consent = parseInput(consentRequest, readJson(request));
        const { document, items, ...asked } = consent;
        const digest = hash('sha256', Buffer.from(document, 'base64'), 'base64url');
        return signed(
          { ...asked, items: items.join(','), document: digest },
          async () => {
            const { id, consentedAt } = await latestAttributes.consent(consent);
            return { id, consentedAt: new Date(consentedAt).toISOString() };
          },
          201,
        );
      },
    },
    {
      method: 'DELETE',
      path: /^\/consents\/([0-9a-f-]{36})$/,
      handle: async (request) => {
        requireBearer(request, serviceToken);
        const consent = request.captured[0] ?? '';
        return signed({ consent }, async () => {
          const { withdrawnAt } = await latestAttributes.withdraw(consent);
          return { withdrawnAt: new Date(withdrawnAt ?? clock()).toISOString() };
        });
      },
    },
    {
      method: 'GET',
      path: /^\/latest-attributes$/,
      handle: (request) => {
        requireBearer(request, serviceToken);
        const consent = parseInput(z.uuid(), request.url.searchParams.get('consent'));
        return signed({ consent }, () => latestAttributes.latest(consent));
      },
    },
  ];
}

async function outcomeOf(find: () => unknown, found: number): Promise<{ status: number; value: object }> {
  try {
    return { status: found, value: Object(await find()) };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    return { status: error.status, value: { error: error.code, message: error.message } };
  }
}

function listName([kind, generation, partition]: string[]): ListName {
  const municipality = MUNICIPALITIES.find(({ code }) => code === partition) ?? null;
  if (municipality === null && partition !== 'full') throw notFound();
  return { kind: kind === 'user' ? 'user' : 'signing', generation: Number(generation), municipality };
}

/** RFC 9110 §13.1.2: any of the listed tags, compared weakly, or `*`. */
const isCurrent = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? '').split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);

const ocspAnswer = (body: Uint8Array): HttpAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/ocsp-response', 'cache-control': 'no-store' },
  body,
});

function fromPath(encoded: string): Buffer {
  try {
    return Buffer.from(decodeURIComponent(encoded), 'base64');
  } catch (error) {
    throw new HubError('invalid_request', 400, 'The path is not URL-encoded base64.', { cause: error });
  }
}

/** @throws HubError `unauthorized` (401) */
function requireBearer({ headers }: HttpRequest, token: string): void {
  const [, given = ''] = /^Bearer ([\w-]{1,200})$/i.exec(headers.authorization ?? '') ?? [];
  const digest = (secret: string): Buffer => createHash('sha256').update(secret).digest();
  if (!timingSafeEqual(digest(given), digest(token))) {
    throw new HubError('unauthorized', 401, 'This needs the secret from the data folder.');
  }
}
