import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { HubError } from '../../errors.ts';
import { isShown } from '../../shown_text.ts';
import { CARRIED_FORMS } from '../delivery.ts';
import type { AttributeProvider } from './provider_store.ts';

/*
 * The registration of an attribute provider as an operator writes it (docs/attribute-providers.md). What OAuth and OpenID
 * Connect have names for is called by those.
 */

export interface RegistrationRules {
  /** For neighbours on this machine, in the sandbox. */
  readonly allowPlainHttp: boolean;
  /** Whether attribute providers hold this claim, by the catalogue. */
  isProvided(claim: string): boolean;
}

export interface ReadRegistration {
  readonly provider: AttributeProvider;
  /** Not part of what is shown or kept in the clear. */
  readonly clientSecret: string | undefined;
}

const shownText = (maxLength: number) =>
  z.string().min(1).max(maxLength).refine(isShown, 'must be one line that can be read');
const bilingual = (maxLength: number) => z.strictObject({ ja: shownText(maxLength), en: shownText(maxLength) });

/** Members of a key that only whoever signs may have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const keySet = z
  .strictObject({
    keys: z
      .array(
        z
          .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP']) })
          .refine((key) => PRIVATE.every((member) => !(member in key)), 'must be a public key'),
      )
      .min(1)
      .max(10),
  })
  .transform((keys) => keys as JSONWebKeySet)
  .refine(isKeySet, 'cannot be read');

const member = {
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be of a-z, 0-9 and -'),
  kind: z.enum(['insurer', 'card_issuer', 'public_body', 'other']),
  names: bilingual(100),
  isActive: z.boolean().default(true),
};
const address = z.string().max(2048);

const messagesSchema = z
  .strictObject({
    ...member,
    interface: z.literal('messages'),
    url: address,
    keys: keySet.optional(),
    jwks_uri: address.optional(),
    forms: z.array(z.enum(CARRIED_FORMS)).max(CARRIED_FORMS.length).default([]),
    entries: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be of a-z, 0-9 and _'),
          label: bilingual(60),
          maxLength: z.int().min(1).max(100).default(40),
          isOptional: z.boolean().default(false),
        }),
      )
      .min(1)
      .max(10)
      .refine((entries) => new Set(entries.map(({ name }) => name)).size === entries.length, 'one is there twice'),
  })
  .refine(
    ({ keys, jwks_uri }) => (keys === undefined) !== (jwks_uri === undefined),
    'either keys or jwks_uri must be there',
  );

/** A name, or a JSON Pointer: RFC 6901 §3 has no other use of `~`. */
const place = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.startsWith('/') || !/~(?![01])/.test(text), 'must be a name or a JSON Pointer');

const userinfoSchema = z
  .strictObject({
    ...member,
    interface: z.literal('userinfo'),
    issuer: address,
    client_id: z.string().min(1).max(1024),
    token_endpoint_auth_method: z
      .enum(['private_key_jwt', 'client_secret_basic', 'client_secret_post'])
      .default('private_key_jwt'),
    client_secret: z
      .string()
      .regex(/^[\x21-\x7e]{8,1024}$/, 'must be of 8 to 1024 printable characters')
      .optional(),
    scope: z
      .string()
      .max(1000)
      .regex(/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/, 'must be scopes with one space between')
      .refine((scope) => scope.split(' ').includes('openid'), 'must have openid among them')
      .default('openid offline_access'),
    claims: z
      .record(z.string().max(64), place)
      .refine((claims) => Object.keys(claims).length <= 100, 'too many')
      .default({}),
    as_of: place.optional(),
  })
  .refine(
    ({ token_endpoint_auth_method: method, client_secret }) =>
      method !== 'private_key_jwt' || client_secret === undefined,
    'client_secret does not go with private_key_jwt',
  );

type Registration = z.output<typeof messagesSchema> | z.output<typeof userinfoSchema>;

/**
 * @param now milliseconds since 1970.
 * @throws HubError `attribute_provider_invalid`, `claim_unknown`
 */
export function readRegistration(draft: unknown, rules: RegistrationRules, now: number): ReadRegistration {
  const registration = parse(draft);
  const { id, kind, names, isActive } = registration;
  const common = { id, kind, names, isActive, createdAt: now };
  if (registration.interface === 'messages') {
    const { url, keys, jwks_uri: jwksUri, entries, forms } = registration;
    assertAddress('url', url, rules);
    if (url.endsWith('/')) throw invalidProvider('url must have no slash at the end');
    if (jwksUri !== undefined) assertAddress('jwks_uri', jwksUri, { ...rules, mayHaveQuery: true });
    const known = jwksUri === undefined ? { keys } : { jwksUri };
    return { provider: { ...common, url, ...known, entries, forms }, clientSecret: undefined };
  }
  const { issuer, client_id, token_endpoint_auth_method, client_secret, scope, claims, as_of } = registration;
  assertAddress('issuer', issuer, rules);
  const unknown = Object.keys(claims).find((claim) => !rules.isProvided(claim));
  if (unknown !== undefined) {
    throw new HubError('claim_unknown', 400, `${unknown} is no claim that attribute providers hold.`);
  }
  const userinfo = {
    ...{ clientId: client_id, authentication: token_endpoint_auth_method, scope, claims },
    ...(as_of !== undefined && { asOf: as_of }),
  };
  return { provider: { ...common, url: issuer, userinfo, entries: [], forms: [] }, clientSecret: client_secret };
}

/** What may be different; for the rest it would be another provider, or its customers would be other people. */
const FIXED = ['id', 'interface', 'issuer'];
const KEYS = ['keys', 'jwks_uri'];

/**
 * The provider with what `change` names in the place of what there was.
 *
 * @throws as `readRegistration`
 */
export function changeRegistration(
  provider: AttributeProvider,
  change: unknown,
  rules: RegistrationRules,
): ReadRegistration & { readonly changed: readonly string[] } {
  const given = z.record(z.string(), z.unknown()).safeParse(change);
  const changed = Object.keys(given.data ?? {});
  if (!given.success || changed.length === 0) throw invalidProvider('nothing is said that is to be different');
  const fixed = changed.find((name) => FIXED.includes(name));
  if (fixed !== undefined) throw invalidProvider(`${fixed} cannot be changed: register another one`);
  // One way to know its keys takes the place of the other.
  const replaced = changed.some((name) => KEYS.includes(name)) ? KEYS : [];
  const kept = Object.entries(registrationOf(provider)).filter(([name]) => !replaced.includes(name));
  const draft = { ...Object.fromEntries(kept), ...given.data };
  return { ...readRegistration(draft, rules, provider.createdAt), changed };
}

/** As the operator may write it again: without the secret. */
export function registrationOf(provider: AttributeProvider): Readonly<Record<string, unknown>> {
  const { id, kind, names, isActive, url, keys, jwksUri, userinfo, entries, forms } = provider;
  const common = { id, kind, names, isActive };
  if (userinfo === undefined) {
    const known = jwksUri === undefined ? { keys } : { jwks_uri: jwksUri };
    return { ...common, interface: 'messages', url, ...known, entries, forms };
  }
  const { clientId, authentication, scope, claims, asOf } = userinfo;
  return {
    ...{ ...common, interface: 'userinfo', issuer: url, client_id: clientId },
    ...{ token_endpoint_auth_method: authentication, scope, claims },
    ...(asOf !== undefined && { as_of: asOf }),
  };
}

function parse(draft: unknown): Registration {
  const named = z.looseObject({ interface: z.enum(['messages', 'userinfo']).default('messages') }).safeParse(draft);
  if (!named.success) throw invalidProvider(reasonOf(named.error), named.error);
  const read =
    named.data.interface === 'userinfo' ? userinfoSchema.safeParse(named.data) : messagesSchema.safeParse(named.data);
  if (!read.success) throw invalidProvider(reasonOf(read.error), read.error);
  return read.data;
}

function assertAddress(
  name: string,
  text: string,
  { allowPlainHttp, mayHaveQuery = false }: { allowPlainHttp: boolean; mayHaveQuery?: boolean },
): void {
  const { protocol, search, hash, username, password } = URL.parse(text) ?? {};
  const isAllowed = protocol === 'https:' || (protocol === 'http:' && allowPlainHttp);
  if (isAllowed && (mayHaveQuery || !search) && !hash && !username && !password) return;
  throw invalidProvider(`${name} must be an https address${mayHaveQuery ? '' : ' without query'}`);
}

function isKeySet(keys: JSONWebKeySet): boolean {
  try {
    createLocalJWKSet(keys);
    return true;
  } catch {
    return false;
  }
}

function reasonOf({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return 'it is not as it must be';
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}

export function invalidProvider(what: string, cause?: unknown): HubError {
  return new HubError('attribute_provider_invalid', 400, `The attribute provider cannot be registered so: ${what}.`, {
    cause,
  });
}
