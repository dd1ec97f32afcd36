import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { type Agent, request } from 'node:http';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** Where a sign-in is driven: an issuer, and how a person would answer its pages. */
export interface Target {
  issuer: string;
  clientId: string;
  clientSecret: string;
  redirectUri: string;
  scope: string;
  endpoints: { authorization: string; token: string; userinfo: string };
  keys: JWTVerifyGetKey;
  /** Answers a page: which form to send where. */
  answer(html: string, path: string): { path: string; form: Form };
  /** Where the same hub is driven by SAML: a registered service provider, the address of its answer, and its key. */
  saml: { entityId: string; acs: string; privateKey: KeyObject; hubKeys: readonly KeyObject[] } | undefined;
}

export type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** What a sign-in asks for, where it is not the target's scope alone. */
export interface Asked {
  scope: string;
  /** Asked for by the claims parameter; each must be told at the end. */
  claims: readonly string[];
  /** Where the claims are told. For `userinfo` that is asked in any case. */
  at: 'id_token' | 'userinfo';
}

export interface Outcome {
  /** Milliseconds from the first request to the validated tokens. */
  total: number;
  /** Milliseconds of each request, by what it was. */
  steps: readonly { name: string; time: number }[];
  subject: string;
}

export interface Answer {
  status: number;
  location: string | undefined;
  body: string;
}

/** One browser: a cookie jar over kept-alive connections. Cookies are kept by name; their paths never collide here. */
export class Browser {
  readonly #agent: Agent;
  readonly #origin: string;
  readonly #cookies = new Map<string, string>();

  constructor(agent: Agent, origin: string) {
    this.#agent = agent;
    this.#origin = origin;
  }

  send(path: string, form?: Form, headers: Record<string, string> = {}): Promise<Answer> {
    const body = form ? new URLSearchParams(form as Record<string, string>).toString() : undefined;
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, this.#origin),
        {
          agent: this.#agent,
          method: form ? 'POST' : 'GET',
          headers: {
            ...headers,
            ...(this.#cookies.size > 0 ? { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') } : {}),
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
          },
        },
        (incoming) => {
          for (const cookie of incoming.headers['set-cookie'] ?? []) this.#keep(cookie);
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              location: incoming.headers.location,
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  #keep(cookie: string): void {
    const [pair = ''] = cookie.split(';');
    const at = pair.indexOf('=');
    const value = pair.slice(at + 1);
    if (value === '') this.#cookies.delete(pair.slice(0, at));
    else this.#cookies.set(pair.slice(0, at), value);
  }
}

/** Notes how long each request of a sign-in takes; throws what a refused one says. */
export function timeSteps() {
  const steps: { name: string; time: number }[] = [];
  const timed = async (name: string, work: Promise<Answer>): Promise<Answer> => {
    const start = performance.now();
    const answer = await work;
    steps.push({ name, time: performance.now() - start });
    if (answer.status >= 400) throw new Error(`${name} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    return answer;
  };
  return { steps, timed };
}

/** Complete sign-in of a new browser: authorize → pages → code → tokens, validated as a relying party must. */
export async function signIn(
  target: Target,
  agent: Agent,
  { scope, claims, at }: Asked = { scope: target.scope, claims: [], at: 'id_token' },
): Promise<Outcome> {
  const browser = new Browser(agent, target.issuer);
  const { steps, timed } = timeSteps();
  const begin = performance.now();

  const verifier = randomBytes(32).toString('base64url');
  const nonce = randomBytes(16).toString('base64url');
  const query = new URLSearchParams({
    client_id: target.clientId,
    redirect_uri: target.redirectUri,
    response_type: 'code',
    scope,
    state: 'bench',
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(claims.length > 0 && {
      claims: JSON.stringify({ [at]: Object.fromEntries(claims.map((name) => [name, null])) }),
    }),
  });

  let answer = await timed('authorize', browser.send(`${target.endpoints.authorization}?${query}`));
  let path: string = target.endpoints.authorization;
  while (!answer.location?.startsWith(target.redirectUri)) {
    if (answer.location) {
      const { pathname, search } = new URL(answer.location, target.issuer);
      path = pathname;
      answer = await timed(pathname.startsWith('/interaction/') ? 'page' : 'resume', browser.send(pathname + search));
    } else {
      const { path: action, form } = target.answer(answer.body, path);
      answer = await timed('submit', browser.send(action, form));
    }
  }

  const code = new URL(answer.location).searchParams.get('code');
  if (!code) throw new Error(`no code in ${answer.location}`);
  const credentials = Buffer.from(`${target.clientId}:${target.clientSecret}`).toString('base64');
  const tokens = await timed(
    'token',
    browser.send(
      target.endpoints.token,
      { grant_type: 'authorization_code', code, redirect_uri: target.redirectUri, code_verifier: verifier },
      { authorization: `Basic ${credentials}` },
    ),
  );
  const { id_token: idToken, access_token: accessToken } = JSON.parse(tokens.body) as Record<string, string>;
  const { payload } = await jwtVerify(idToken ?? '', target.keys, {
    issuer: target.issuer,
    audience: target.clientId,
  });
  if (payload.nonce !== nonce || !payload.sub) throw new Error('the id_token is not for this sign-in');
  let told: Record<string, unknown> = payload;
  if (at === 'userinfo') {
    const bearer = { authorization: `Bearer ${accessToken}` };
    told = JSON.parse((await timed('userinfo', browser.send(target.endpoints.userinfo, undefined, bearer))).body);
  }
  const missing = claims.filter((name) => told[name] === undefined);
  if (missing.length > 0) throw new Error(`${missing} are not told: ${JSON.stringify(told)}`);
  return { total: performance.now() - begin, steps, subject: payload.sub };
}

/** Reads what a relying party reads once: discovery and keys. */
export async function discover(issuer: string): Promise<Pick<Target, 'endpoints' | 'keys'>> {
  const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<
    'authorization_endpoint' | 'token_endpoint' | 'userinfo_endpoint' | 'jwks_uri',
    string
  >;
  const keys = (await (await fetch(metadata.jwks_uri)).json()) as JSONWebKeySet;
  const path = (url: string) => new URL(url).pathname;
  return {
    endpoints: {
      authorization: path(metadata.authorization_endpoint),
      token: path(metadata.token_endpoint),
      userinfo: path(metadata.userinfo_endpoint),
    },
    keys: createLocalJWKSet(keys),
  };
}
