import { hash } from 'node:crypto';
import { HubError } from '../../errors.ts';
import type { RateLimit } from '../../operations/rate_limit.ts';
import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock, Random } from '../../world.ts';
import type { CustomerBinding } from './customer_reference.ts';
import type { MembershipTokens } from './membership_tokens.ts';
import { type ShownMembership, shown } from './memberships.ts';
import {
  isVisited,
  type LastingTokens,
  type OpenIdProvider,
  type OpenIdProviders,
  REFUSED,
  RefusedByProvider,
  type SignInRequest,
  type VisitedProvider,
} from './openid_providers.ts';
import { ProviderSilent } from './provider_questions.ts';
import type { AttributeProvider } from './provider_store.ts';

/** Whose browser it is. */
export interface SignInPerson {
  readonly subjectId: string;
  /** The portal's session: who comes back must be in the one that left. */
  readonly sessionId: string;
}

/** How somebody becomes a provider's customer by the provider's own sign-in (interface B). */
export interface ProviderSignIns {
  /**
   * Where to send the browser, which comes back to `providerCallbackPath` within ten minutes.
   *
   * @param language of the provider's pages.
   * @throws HubError `attribute_provider_unknown` (404), `too_many_attempts` (429), `attribute_provider_unavailable` (503).
   */
  begin(person: SignInPerson, providerId: string, language: string): Promise<string>;
  /**
   * What the browser came back with makes the person the customer who signed in there, in the place of an earlier membership.
   *
   * @throws HubError `membership_sign_in_unknown` (400) when this person did not leave from this session for this provider, or
   *   has come back already; `membership_sign_in_cancelled` (403), `membership_sign_in_failed` (403), `membership_taken` (409),
   *   `attribute_provider_unknown` (404), `too_many_attempts` (429), `attribute_provider_unavailable` (503).
   */
  finish(person: SignInPerson, providerId: string, answer: URLSearchParams): Promise<ShownMembership>;
}

/** One address for each provider, so that the answer of one is never taken to another (RFC 9700 §4.4.2.2). */
export function providerCallbackPath(providerId: string): string {
  return `/portal/providers/${encodeURIComponent(providerId)}/callback`;
}

/** Milliseconds that somebody may take to sign in there. */
const LIFETIME = 10 * 60_000;
/** Seconds after which somebody may try again whose provider was away. */
const RETRY_AFTER = 30;
const PURPOSE = 'provider.sign_in';
/** Of `sub` (OpenID Connect Core §2). */
const MAX_SUBJECT = 255;
/** Octets: nobody guesses them. */
const SECRET_BYTES = 32;

interface Attempt extends SignInPerson, Pick<SignInRequest, 'nonce' | 'codeVerifier'> {
  readonly providerId: string;
}

export function createProviderSignIns(world: {
  /** The hub's public URL. */
  issuer: string;
  storage: Storage;
  vault: Vault;
  openIdProviders: OpenIdProviders;
  binding: CustomerBinding;
  tokens: MembershipTokens;
  /** Attempts, by subject. */
  attempts: RateLimit;
  clock: Clock;
  random: Random;
  /** Hears why a provider did not answer, or why its answer could not be used. */
  onSilence(providerId: string, silence: ProviderSilent): void;
}): ProviderSignIns {
  const { storage, vault, binding, tokens, clock } = world;

  const secret = () => Buffer.from(world.random(SECRET_BYTES)).toString('base64url');
  const redirectUri = (providerId: string) => new URL(providerCallbackPath(providerId), world.issuer).href;

  async function found(providerId: string): Promise<AttributeProvider & VisitedProvider> {
    const provider = await storage.providers.find(providerId);
    if (provider?.isActive && isVisited(provider)) return provider;
    throw new HubError('attribute_provider_unknown', 404, 'There is no such provider.');
  }

  function countAttempt(subjectId: string): void {
    const retryAfter = world.attempts.count(subjectId);
    if (retryAfter === undefined) return;
    throw new HubError('too_many_attempts', 429, 'Too many attempts in a short time.', { retryAfter });
  }

  /** Spends it, whatever comes of it. Undefined when it is not this person's, of this session and for this provider. */
  async function take(
    { subjectId, sessionId }: SignInPerson,
    providerId: string,
    state: string,
  ): Promise<Attempt | undefined> {
    const kept = await storage.providerSignIns.takeAttempt(hashOf(state));
    if (!kept || kept.expiresAt <= clock()) return undefined;
    // Authenticated: nobody but `begin` has written it.
    const attempt = JSON.parse(Buffer.from(vault.open(PURPOSE, kept.sealed)).toString()) as Attempt;
    const isTheirs = attempt.subjectId === subjectId && attempt.sessionId === sessionId;
    return isTheirs && attempt.providerId === providerId ? attempt : undefined;
  }

  async function visit<T>(provider: VisitedProvider, work: (there: OpenIdProvider) => Promise<T>): Promise<T> {
    try {
      return await world.openIdProviders.visit(provider, work);
    } catch (cause) {
      if (!(cause instanceof ProviderSilent)) throw cause;
      world.onSilence(provider.id, cause);
      if (!(cause instanceof RefusedByProvider)) {
        const message = 'The provider does not answer at the moment.';
        throw new HubError('attribute_provider_unavailable', 503, message, { cause, retryAfter: RETRY_AFTER });
      }
      if (cause.code === REFUSED.signIn) {
        throw new HubError('membership_sign_in_cancelled', 403, 'The sign-in at the provider was cancelled.', {
          cause,
        });
      }
      const options = { cause, details: { reason: cause.code } };
      throw new HubError('membership_sign_in_failed', 403, 'The sign-in at the provider did not succeed.', options);
    }
  }

  /** What the provider gives at a sign-in that can be used later, too. */
  async function redeem(provider: VisitedProvider, answer: URLSearchParams, request: SignInRequest) {
    return visit(provider, async (there) => {
      const { subject, tokens: given } = await there.redeem(answer, request);
      const { refreshToken } = given;
      if (subject.length > MAX_SUBJECT) throw new RefusedByProvider('subject_too_long');
      if (refreshToken === undefined) throw new RefusedByProvider('no_refresh_token');
      return { subject, tokens: { ...given, refreshToken } };
    });
  }

  async function bind(
    subjectId: string,
    provider: AttributeProvider,
    { subject, tokens: given }: { subject: string; tokens: LastingTokens },
  ): Promise<ShownMembership> {
    const sealed = tokens.seal(given);
    try {
      const membership = await binding.bind(subjectId, provider.id, subject, async (stores, { id }) => {
        // Of another account there they are forgotten and not revoked: with the same session it is the same grant.
        await stores.providerSignIns.dropTokens(subjectId, provider.id);
        await stores.providerSignIns.keepTokens(id, sealed);
      });
      return shown(membership, provider);
    } catch (error) {
      await tokens.revoke(provider.id, [sealed]);
      throw error;
    }
  }

  return {
    async begin({ subjectId, sessionId }, providerId, language) {
      const provider = await found(providerId);
      countAttempt(subjectId);
      const request = {
        redirectUri: redirectUri(providerId),
        state: secret(),
        nonce: secret(),
        codeVerifier: secret(),
      };
      const url = await visit(provider, (there) => there.authorizationUrl(request, language));
      const { nonce, codeVerifier } = request;
      const attempt: Attempt = { subjectId, sessionId, providerId, nonce, codeVerifier };
      const sealed = vault.seal(PURPOSE, Buffer.from(JSON.stringify(attempt)));
      await storage.providerSignIns.keepAttempt(hashOf(request.state), sealed, clock() + LIFETIME);
      return url;
    },

    async finish(person, providerId, answer) {
      const provider = await found(providerId);
      try {
        const state = answer.get('state') ?? '';
        const attempt = await take(person, providerId, state);
        if (!attempt) {
          // Each is written to the chain.
          countAttempt(person.subjectId);
          throw new HubError('membership_sign_in_unknown', 400, 'This sign-in did not begin here, or is over.');
        }
        const { nonce, codeVerifier } = attempt;
        const request = { redirectUri: redirectUri(providerId), state, nonce, codeVerifier };
        return await bind(person.subjectId, provider, await redeem(provider, answer, request));
      } catch (error) {
        if (error instanceof HubError && error.code.startsWith('membership_sign_in_')) {
          await binding.refuse(person.subjectId, providerId, error.code.slice('membership_'.length));
        }
        throw error;
      }
    },
  };
}

function hashOf(state: string): Uint8Array {
  return hash('sha256', state, 'buffer');
}
