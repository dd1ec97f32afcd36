import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions as TlsServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, importJWK, type JSONWebKeySet, type JWK, jwtVerify, SignJWT } from 'jose';
import type { z } from 'zod';
import {
  type AttributesQuestion,
  attributesQuestion,
  CONTENT_TYPE,
  type CustomerQuestion,
  customerQuestion,
  MAX_ANSWER,
  PATHS,
  TYPES,
  withdrawal,
} from '../../../provider/attributes/providers/provider_messages.ts';
import { foldAddress, foldName } from '../../../provider/identity/fold_attributes.ts';
import type { Clock } from '../../../provider/world.ts';
import { recordOf } from './customer_records.ts';
import { CLAIMS_PATH, createMadeClaims } from './made_claims.ts';
import type { Customer, SandboxProvider } from './sandbox_providers.ts';

/** How a provider can be on request, so that relying parties and tests see what comes of it. */
export const BEHAVIOURS = [
  'ordinary',
  'slow',
  'down',
  'wrong_signature',
  'wrong_subject',
  'wrong_question',
  'stale',
  'oversized',
  'wrong_type',
  'silent',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface RunningProvider {
  /** Address and public keys, as the hub registers them. */
  readonly url: string;
  readonly keys: JSONWebKeySet;
  /** How many questions have been answered. */
  readonly answered: number;
  behave(as: Behaviour): void;
  close(): Promise<void>;
}

/** Where its keys are, for a hub that has not pinned them. */
const KEYS_PATH = '/jwks';
/** Where the behaviour is chosen from outside: a PUT with its name. */
const BEHAVIOUR_PATH = '/sandbox/behaviour';
/** Bytes of a question. */
const MAX_QUESTION = 65_536;
/** Seconds that an answer is good for. */
const ANSWER_LIFETIME = 300;
/** Questions whose `jti` is remembered. */
const MAX_SEEN = 10_000;
const DAY = 86_400;

/** A key for `options.privateKey`. */
export function generateProviderKey(): JWK {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...(privateKey.export({ format: 'jwk' }) as JWK), alg: 'ES256', use: 'sig', kid: 'provider-1' };
}

/**
 * A simulated insurer or card issuer on loopback, which answers the hub by the documented interface.
 *
 * @param options.issuer the hub; its keys are fetched from there when the first question comes
 * @throws the system's error when the port is taken
 */
export async function startAttributeProvider(options: {
  provider: SandboxProvider;
  issuer: string;
  /** 0 picks a free one. */
  port: number;
  privateKey: JWK;
  clock: Clock;
  /** Answers over TLS, and only whom these options let in; over plain HTTP unless given. */
  tls?: TlsServerOptions | undefined;
}): Promise<RunningProvider> {
  const { provider, issuer, privateKey, clock, tls } = options;
  const { kty, crv, x, y, kid, alg, use } = privateKey;
  const keys = { keys: [{ kty, crv, x, y, kid, alg, use }] as JSONWebKeySet['keys'] };
  const server = tls ? createTlsServer(tls) : createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signingKey = await importJWK(privateKey, 'ES256');
  const strangerKey = await importJWK(generateProviderKey(), 'ES256');
  const hubKeys = createRemoteJWKSet(new URL('/jwks', issuer));
  /** `jti` → when it may be forgotten. */
  const seen = new Map<string, number>();
  let behaviour: Behaviour = 'ordinary';
  let answered = 0;

  async function readQuestion<Question extends z.ZodType<{ jti: string; exp: number }>>(
    token: string,
    typ: string,
    schema: Question,
  ): Promise<z.infer<Question>> {
    const { payload } = await jwtVerify(token, hubKeys, {
      ...{ typ, issuer, audience: url, algorithms: ['ES256'], requiredClaims: ['exp', 'jti'] },
      currentDate: new Date(clock()),
    });
    const question = schema.parse(payload);
    for (const [jti, until] of seen) if (until < clock() / 1000 || seen.size >= MAX_SEEN) seen.delete(jti);
    if (seen.has(question.jti)) throw new Error('the question was asked before');
    seen.set(question.jti, question.exp);
    return question;
  }

  async function sign(typ: string, content: Readonly<Record<string, unknown>>): Promise<string> {
    const iat = Math.floor(clock() / 1000) - (behaviour === 'stale' ? DAY : 0);
    return new SignJWT({ iss: url, iat, ...content })
      .setProtectedHeader({ alg: 'ES256', typ, kid })
      .sign(behaviour === 'wrong_signature' ? strangerKey : signingKey);
  }

  const reply = (typ: string, { jti }: { jti: string }, content: Readonly<Record<string, unknown>>) =>
    sign(typ, {
      ...{ aud: issuer, exp: Math.floor(clock() / 1000) + ANSWER_LIFETIME },
      in_reply_to: behaviour === 'wrong_question' ? 'another' : jti,
      ...content,
    });

  const made = createMadeClaims({ url: () => url, sign, clock });

  async function tell({ claims, consent, seal_for: sealFor }: AttributesQuestion, customer: Customer) {
    const asOf = Math.floor(clock() / 1000);
    const told = Object.entries(claims).map(async ([name, asked]) => {
      const { target_date } = asked;
      const record = recordOf(provider, customer, name, target_date ?? today(clock()));
      if (record === undefined || behaviour === 'silent') return [];
      const value = behaviour === 'wrong_type' ? { lies: record } : record;
      const times = { as_of: asOf, valid_until: asOf + DAY, ...(target_date !== undefined && { target_date }) };
      if (asked.form === undefined) return [[name, { value, ...times }]];
      return [[name, await made.make({ name, value, times, asked, sealFor, consent })]];
    });
    return Object.fromEntries((await Promise.all(told)).flat());
  }

  const routes: Readonly<Record<string, (token: string) => Promise<string>>> = {
    async [PATHS.attributes](token) {
      const question = await readQuestion(token, TYPES.attributesQuestion, attributesQuestion);
      const customer = provider.customers.find(({ reference }) => reference === question.customer);
      return reply(TYPES.attributesAnswer, question, {
        sub: behaviour === 'wrong_subject' ? 'somebody-else' : question.customer,
        claims: customer ? await tell(question, customer) : {},
      });
    },
    async [PATHS.withdrawal](token) {
      const question = await readQuestion(token, TYPES.withdrawal, withdrawal);
      made.end(question.consent);
      return reply(TYPES.withdrawalAnswer, question, {});
    },
    async [PATHS.customer](token) {
      const question = await readQuestion(token, TYPES.customerQuestion, customerQuestion);
      const customer = provider.customers.find((each) => isMeant(each, question));
      return reply(
        TYPES.customerAnswer,
        question,
        customer ? { outcome: 'confirmed', customer: customer.reference } : { outcome: 'not_confirmed' },
      );
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const body = await readBody(request);
    if (request.method === 'PUT' && path === BEHAVIOUR_PATH) {
      const wanted = BEHAVIOURS.find((each) => each === body);
      if (wanted) behaviour = wanted;
      response.writeHead(wanted ? 204 : 400).end();
      return;
    }
    if (request.method === 'GET' && path === CLAIMS_PATH) {
      const token = made.fetch(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');
      if (token === undefined) response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
      else response.writeHead(200, { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' }).end(token);
      return;
    }
    if (request.method === 'GET' && path === KEYS_PATH) {
      response.writeHead(200, { 'Content-Type': 'application/jwk-set+json' }).end(JSON.stringify(keys));
      return;
    }
    const route = request.method === 'POST' && Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) {
      response.writeHead(404).end();
      return;
    }
    // Whoever asks gives up, or is stopped by `close`.
    if (behaviour === 'slow') return;
    if (behaviour === 'down') {
      response.writeHead(503).end();
      return;
    }
    const token = await route(body);
    answered += 1;
    response.writeHead(200, { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' });
    response.end(behaviour === 'oversized' ? token.padEnd(MAX_ANSWER + 1) : token);
  }

  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      const description = error instanceof Error ? error.message : 'the question cannot be answered';
      response.writeHead(400, { 'Content-Type': 'application/json' });
      return response.end(JSON.stringify({ error: 'invalid_question', error_description: description }));
    });
  });

  return {
    url,
    keys,
    get answered() {
      return answered;
    },
    behave(as) {
      behaviour = as;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** In Japan. */
export function today(now: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Tokyo' }).format(now);
}

/** What is entered and every one of the attributes must be theirs. */
function isMeant(customer: Customer, { entered, attributes }: CustomerQuestion): boolean {
  const { name, address, birthdate, gender } = attributes;
  return (
    Object.entries(customer.knows).every(([entry, known]) => entered[entry] === known) &&
    foldName(name) === foldName(customer.name) &&
    foldAddress(address) === foldAddress(customer.address) &&
    birthdate === customer.birthdate &&
    gender === customer.gender
  );
}

/** @throws Error when it is longer than any question. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_QUESTION) throw new Error('the question is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
