import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const CLIENT_ID = 'hub-at-provider';
export const SUBJECT = 'customer-1';

export type SigningKey = Parameters<SignJWT['sign']>[0];

/** What the next answers are; each may lie. */
export interface Answers {
  metadata: Record<string, unknown>;
  /** Undefined leaves the ID Token out. */
  idToken: (() => Promise<string>) | undefined;
  token: Record<string, unknown> | number | 'never';
  userinfo: { type: string; body: string } | number | 'never';
}

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: Readonly<Record<string, string>>;
}

/** An OpenID Provider that says whatever a test wants it to say, in order to see what becomes of it. */
export async function startFakeOpenIdProvider() {
  const keys = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: '1', alg: 'ES256', use: 'sig' };
  const asked: Asked[] = [];
  const answers = {} as Answers;
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    asked.push({ path, headers: request.headers, form });
    const send = (body: unknown, status = 200, type = 'application/json') =>
      response.writeHead(status, { 'Content-Type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
    if (path === '/.well-known/openid-configuration') return void send(answers.metadata);
    if (path === '/jwks') return void send({ keys: [jwk] });
    if (path === '/revoke') return void send('');
    const wanted = path === '/token' ? answers.token : answers.userinfo;
    if (wanted === 'never') return;
    if (typeof wanted === 'number') return void send({}, wanted);
    if (path === '/token') {
      const { error } = answers.token as Record<string, unknown>;
      const idToken = error === undefined ? await answers.idToken?.() : undefined;
      return void send({ ...(wanted as object), ...(idToken && { id_token: idToken }) }, error ? 400 : 200);
    }
    const { type, body } = answers.userinfo as { type: string; body: string };
    send(body, 200, type);
  }

  const provider = {
    url,
    asked,
    answers,
    /** As an honest one would answer. */
    reset(nonce: string) {
      asked.length = 0;
      Object.assign(answers, {
        metadata: {
          ...{ issuer: url, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` },
          ...{ userinfo_endpoint: `${url}/userinfo`, jwks_uri: `${url}/jwks`, revocation_endpoint: `${url}/revoke` },
          authorization_response_iss_parameter_supported: true,
          id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
        },
        idToken: () => provider.sign({ nonce }),
        token: { access_token: 'access-1', token_type: 'Bearer', expires_in: 600, refresh_token: 'refresh-1' },
        userinfo: { type: 'application/json', body: JSON.stringify({ sub: SUBJECT, points: 5 }) },
      } satisfies Answers);
    },
    /** A JWT about the customer, for the hub, unless `change` says otherwise. */
    sign(change: JWTPayload, { key = keys.privateKey, header = {} }: { key?: SigningKey; header?: object } = {}) {
      const iat = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: CLIENT_ID, sub: SUBJECT, iat, exp: iat + 300, ...change };
      return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: '1', ...header }).sign(key);
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return provider;
}

/** The same words without a signature. */
export function unsigned(token: string): string {
  const [, payload] = token.split('.');
  return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
}
