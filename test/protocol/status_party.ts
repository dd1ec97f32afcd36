import * as client from 'openid-client';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { certificateRecord } from '../../provider/identity/identity.ts';
import { parseCertificate } from '../../provider/pki/index.ts';
import type { Vault } from '../../provider/vault.ts';
import type { TestHub } from '../support/hub.ts';
import {
  createRelyingParty,
  type Metadata,
  newKeyPair,
  type RelyingParty,
  type RelyingPartyOptions,
} from './relying_party.ts';

/** A relying party whose registration allows it to ask how people are. */
export interface StatusParty extends RelyingParty {
  /** An access token in its own name. */
  token(options?: { resource?: string; scope?: string; dpop?: client.DPoPHandle }): Promise<string>;
}

/** @param options in place of a key of its own. */
export async function statusParty(
  hub: TestHub,
  metadata: Metadata = {},
  options?: RelyingPartyOptions,
): Promise<StatusParty> {
  const { privateKey, jwk } = await newKeyPair('ES256');
  const party = await createRelyingParty(
    hub,
    {
      grant_types: ['authorization_code', 'client_credentials'],
      status_check: true,
      ...(options
        ? {}
        : {
            token_endpoint_auth_method: 'private_key_jwt',
            token_endpoint_auth_signing_alg: 'ES256',
            jwks: { keys: [jwk] },
          }),
      ...metadata,
    },
    options ?? { authentication: client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid }) },
  );
  return {
    ...party,
    async token({ resource = `${hub.issuer}/status-check`, scope = 'status-check', dpop } = {}) {
      const parameters = { ...(scope && { scope }), ...(resource && { resource }) };
      const answer = await client.clientCredentialsGrant(party.configuration, parameters, dpop ? { DPoP: dpop } : {});
      return answer.access_token;
    },
  };
}

/** What an interface of the hub answered. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly json: any;
}

export async function callJson(
  url: string,
  {
    method = 'POST',
    token,
    body,
    headers = {},
  }: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : undefined };
}

/** Links the signing certificate on a card to a subject, as an enrolment will. */
export async function linkSigningCertificate(
  hub: TestHub,
  vault: Vault,
  card: string,
  subjectId: string,
): Promise<void> {
  const { signing } = await readSoftCardFile(hub.authority.cardsFolder, card);
  if (!signing) throw new Error('the card has no signing certificate');
  const certificate = parseCertificate(Buffer.from(signing.certificate, 'base64'));
  const record = certificateRecord(vault, certificate, 'signing', subjectId);
  const check = { checkedAt: Date.now(), source: 'crl', asOf: Date.now() - 60_000 } as const;
  if (!(await hub.hub.storage.identity.insertCertificate(record, check, Date.now()))) throw new Error('linked before');
}
