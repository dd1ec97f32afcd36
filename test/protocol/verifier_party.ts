import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SignJWT } from 'jose';
import * as client from 'openid-client';
import { signWithCard } from '../../adapters/card/card_commands.ts';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import type { TestHub } from '../support/hub.ts';
import { createRelyingParty, type Metadata, newKeyPair, type RelyingParty } from './relying_party.ts';
import { callJson, type JsonAnswer } from './status_party.ts';

export const ORIGIN = 'https://rp.example';

/** A relying party that is shown certificates itself. */
export interface VerifierParty extends RelyingParty {
  token(): Promise<string>;
  /** A call with a fresh access token. */
  call(path: string, body: unknown): Promise<JsonAnswer>;
  authenticate(certificate: readonly string[], proof: unknown): Promise<JsonAnswer>;
  /** A fresh challenge that this card has signed. */
  signedChallenge(card: string, origin?: string): Promise<ChallengeProof>;
  /** What it says of a handshake, by its own key; `over` replaces claims and header members. */
  statement(leaf: string, over?: StatementChange): Promise<{ type: 'tls_statement'; statement: string }>;
}

export interface ChallengeProof {
  type: 'challenge';
  origin: string;
  nonce: string;
  token: string;
}

export interface StatementChange {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: Awaited<ReturnType<typeof newKeyPair>>['privateKey'];
}

export async function verifierParty(
  hub: TestHub,
  proof: 'challenge' | 'tls_statement',
  metadata: Metadata = {},
): Promise<VerifierParty> {
  const { privateKey, jwk } = await newKeyPair('ES256');
  const party = await createRelyingParty(
    hub,
    {
      grant_types: ['authorization_code', 'client_credentials'],
      verifier: { proof },
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
      ...metadata,
    },
    { authentication: client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid }) },
  );
  const verifier: VerifierParty = {
    ...party,
    async token() {
      const parameters = { scope: 'verifier', resource: `${hub.issuer}/verifier` };
      return (await client.clientCredentialsGrant(party.configuration, parameters)).access_token;
    },
    call: async (path, body) => callJson(`${hub.issuer}${path}`, { token: await verifier.token(), body }),
    authenticate: (certificate, proved) => verifier.call('/verifier/authenticate', { certificate, proof: proved }),
    async signedChallenge(card, origin = ORIGIN) {
      const { json } = await verifier.call('/verifier/challenge', { origin });
      const { cardsFolder } = hub.authority;
      const token = await signWithCard({ cardsFolder, name: card, pin: '1234', origin, nonce: json.nonce });
      return { type: 'challenge', origin, nonce: json.nonce, token: JSON.stringify(token) };
    },
    async statement(leaf, { claims = {}, header = {}, key = privateKey } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const said = {
        ...{ iss: party.clientId, aud: `${hub.issuer}/verifier/authenticate`, jti: randomUUID() },
        ...{ iat: now, exp: now + 60, tls_exporter: Buffer.alloc(32, 7).toString('base64url') },
        'x5t#S256': createHash('sha256').update(Buffer.from(leaf, 'base64')).digest('base64url'),
        ...claims,
      };
      const protectedHeader = { alg: 'ES256', kid: jwk.kid, typ: 'tls-statement+jwt', ...header };
      const statement = await new SignJWT(said).setProtectedHeader(protectedHeader).sign(key);
      return { type: 'tls_statement', statement };
    },
  };
  return verifier;
}

/** The user certificate on a card, DER in base64. */
export async function leafOf(hub: TestHub, card: string): Promise<string> {
  return (await readSoftCardFile(hub.authority.cardsFolder, card)).user.certificate;
}

/** A website of the relying party that ends TLS itself, asks for a certificate, and greets by the hub's answer. */
export async function startWebsite(
  { tls }: Pick<TestHub, 'tls'>,
  party: VerifierParty,
): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(
    {
      cert: readFileSync(tls.certificateFile),
      key: readFileSync(tls.keyFile),
      requestCert: true,
      // Whom it is from is for the hub to judge; that the key is there, TLS has proved.
      rejectUnauthorized: false,
    },
    async (request, response) => {
      const socket = request.socket as TLSSocket;
      const leaf = socket.getPeerX509Certificate()?.raw.toString('base64') ?? '';
      // RFC 9266 §2.
      const exporter = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
      const proof = await party.statement(leaf, { claims: { tls_exporter: exporter.toString('base64url') } });
      const { status, json } = await party.authenticate([leaf], proof);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    },
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
