import { KeyObject, sign, type webcrypto } from 'node:crypto';
import { mock } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import type { SignInOptions, TestHub } from '../support/hub.ts';

export const REDIRECT_URI = 'https://rp.example/callback';

export type Tokens = Awaited<ReturnType<typeof client.authorizationCodeGrant>>;
/** `undefined` leaves a parameter out that would otherwise be sent. */
export type Parameters = Record<string, string | undefined>;
export type Metadata = Record<string, unknown>;

/** One authorization request with what its answer must be checked against. */
export interface Attempt {
  readonly parameters: Record<string, string>;
  readonly checks: client.AuthorizationCodeGrantChecks;
}

/** A registered relying party whose library is openid-client. */
export interface RelyingParty {
  readonly clientId: string;
  readonly secret: string;
  readonly configuration: client.Configuration;
  /** A request with a fresh state, nonce and PKCE challenge. */
  attempt(parameters?: Parameters): Promise<Attempt>;
  authorizationUrl(attempt: Attempt): string;
  /** From the authorization request to validated tokens. */
  signIn(options?: SignInOptions & { parameters?: Parameters; dpop?: client.DPoPHandle }): Promise<Tokens>;
  /** Validates the answer and exchanges the code. */
  exchange(attempt: Attempt, callback: URL | Request, dpop?: client.DPoPHandle): Promise<Tokens>;
  userinfo(tokens: Tokens): Promise<client.UserInfoResponse>;
}

export interface RelyingPartyOptions {
  /** Default: by secret, or nothing for a public client. */
  authentication?: client.ClientAuth;
  /** What the library, not the hub, is told. */
  library?: Partial<client.ClientMetadata>;
  fetch?: client.CustomFetch;
}

/** Registers a client at the hub and configures the library from discovery and the registered metadata. */
export async function createRelyingParty(
  hub: TestHub,
  metadata: Metadata = {},
  { authentication, library, fetch }: RelyingPartyOptions = {},
): Promise<RelyingParty> {
  const registered = await hub.hub.clients.add({ redirect_uris: [REDIRECT_URI], ...metadata });
  const clientId = String(registered.client_id);
  const secret = String(registered.client_secret);
  const configuration = await client.discovery(
    new URL(hub.issuer),
    clientId,
    { ...registered, ...library } as Partial<client.ClientMetadata>, // RFC 7591 metadata, judged by the hub's own schema
    authentication ??
      (registered.token_endpoint_auth_method === 'none' ? client.None() : client.ClientSecretBasic(secret)),
    { execute: [client.allowInsecureRequests] },
  );
  if (fetch) configuration[client.customFetch] = fetch;
  const redirectUri = (registered.redirect_uris as string[])[0] ?? REDIRECT_URI;

  const party: RelyingParty = {
    clientId,
    secret,
    configuration,
    attempt: (parameters) => newAttempt({ redirect_uri: redirectUri, ...parameters }),
    authorizationUrl: ({ parameters }) => client.buildAuthorizationUrl(configuration, parameters).href,
    exchange: (attempt, callback, dpop) =>
      client.authorizationCodeGrant(configuration, callback, attempt.checks, undefined, dpop ? { DPoP: dpop } : {}),
    async signIn({ parameters, dpop, ...options } = {}) {
      const attempt = await party.attempt(parameters);
      return party.exchange(attempt, await hub.signIn(party.authorizationUrl(attempt), options), dpop);
    },
    userinfo: (tokens) => client.fetchUserInfo(configuration, tokens.access_token, subOf(tokens)),
  };
  return party;
}

async function newAttempt(over: Parameters): Promise<Attempt> {
  const verifier = client.randomPKCECodeVerifier();
  const parameters = defined({
    scope: 'openid',
    state: client.randomState(),
    nonce: client.randomNonce(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...over,
  });
  return {
    parameters,
    checks: {
      idTokenExpected: true,
      ...(parameters.state ? { expectedState: parameters.state } : {}),
      ...(parameters.nonce ? { expectedNonce: parameters.nonce } : {}),
      ...(parameters.code_challenge ? { pkceCodeVerifier: verifier } : {}),
    },
  };
}

function defined(parameters: Parameters): Record<string, string> {
  const entries = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

export function subOf(tokens: Tokens): string {
  return String(tokens.claims()?.sub);
}

/** What an endpoint of the hub answered; `json` is empty for anything else. */
export interface Answer {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

/** A form sent by hand, for what no library would send. */
export async function postForm(
  url: string,
  form: Record<string, string> | [string, string][],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : {} };
}

export function basic(clientId: string, secret: string): Record<string, string> {
  const value = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64');
  return { authorization: `Basic ${value}` };
}

/** Form of the token request that `party`'s library would send for this callback. */
export function tokenForm(attempt: Attempt, callback: URL): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: attempt.parameters.redirect_uri ?? '',
    code_verifier: String(attempt.checks.pkceCodeVerifier),
  };
}

/** The page or the redirect that an authorization request ends at when nobody answers a page. */
export function open(url: string, browser: HttpBrowser = createHttpBrowser()): Promise<Visited> {
  return browser.get(url, { stopAt: new URL(url).searchParams.get('redirect_uri') ?? REDIRECT_URI });
}

/** Answers a sign-in page with a card; `over` replaces fields of its form. */
export async function presentCard(
  hub: TestHub,
  browser: HttpBrowser,
  page: Visited,
  { card = 'taro', over = {} }: { card?: string; over?: Record<string, string> } = {},
): Promise<Visited> {
  const form = hiddenFields(page.text);
  const token = over.token ?? (await hub.sign(card, over.nonce ?? form.nonce ?? ''));
  return browser.post(
    formAction(page.text, 'data-sign-in-form', page.url),
    { ...form, ...over, token },
    { stopAt: REDIRECT_URI },
  );
}

/** Sends the one form of a page as it stands, as a page's script would; `over` adds fields. */
export function sendForm(browser: HttpBrowser, page: Visited, over: Record<string, string> = {}): Promise<Visited> {
  // What stands in front of it are the switches for language and appearance.
  const main = page.text.slice(page.text.indexOf('<main'));
  const url = formAction(main, '<form', page.url);
  return browser.post(url, { ...hiddenFields(main), ...over }, { stopAt: 'https://' });
}

export const isSignInPage = (page: Visited): boolean => page.text.includes('data-sign-in-form');
export const isConsentPage = (page: Visited): boolean => page.text.includes('value="agree"');

/** The parameters of a redirect to the relying party. Throws when the visit ended at a page. */
export function answerOf(visited: Visited): Record<string, string> {
  if (visited.status !== 0) throw new Error(`a page with status ${visited.status} where a redirect was expected`);
  return Object.fromEntries(new URL(visited.url).searchParams);
}

/** The code of openid-client's error for a refusal of the hub. */
export function refused(error: string): (thrown: unknown) => boolean {
  return (thrown) => (thrown as { error?: unknown }).error === error;
}

export interface RecordedConsent {
  id: string;
  subjectId: string;
}

/** The newest consent that somebody gave to this client, out of the audit log. Throws when there is none. */
export async function lastConsent(hub: TestHub, clientId: string): Promise<RecordedConsent> {
  const events = await hub.hub.storage.audit.read(0n, 10_000);
  const granted = events.findLast((event) => event.kind === 'consent.granted' && event.clientId === clientId);
  if (!granted?.subjectId) throw new Error('nobody has agreed to anything for this client');
  return { id: String(granted.data?.consent), subjectId: granted.subjectId };
}

/** Takes the newest consent for this client back, as the person will do in the portal. */
export async function withdrawConsent(hub: TestHub, clientId: string): Promise<void> {
  const { id, subjectId } = await lastConsent(hub, clientId);
  if (!(await hub.hub.consents.withdraw(id, subjectId))) throw new Error('there was nothing to withdraw');
}

/** A JWS (ES256) with any header at all, for those that a library refuses to make. */
export function handmadeJwt(
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  privateKey: webcrypto.CryptoKey,
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ alg: 'ES256', ...header })}.${encode(claims)}`;
  const key = { key: KeyObject.from(privateKey), dsaEncoding: 'ieee-p1363' } as const;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

/**
 * Does `work` while this process, hub, engine and library alike, believes that it is `ahead` milliseconds later. Time
 * stands still meanwhile; timers run on.
 */
export async function later<T>(ahead: number, work: () => Promise<T>): Promise<T> {
  mock.timers.enable({ apis: ['Date'], now: Date.now() + ahead });
  try {
    return await work();
  } finally {
    mock.timers.reset();
  }
}

export async function newKeyPair(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), alg, use: 'sig', kid: `test-${alg}` } };
}
