import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import { openCustomerReference } from './customer_reference.ts';
import { memberAt } from './member_at.ts';
import type { MembershipTokens } from './membership_tokens.ts';
import {
  type OpenIdProvider,
  type OpenIdProviders,
  REFUSED,
  RefusedByProvider,
  type VisitedProvider,
} from './openid_providers.ts';
import type { AnsweredClaim } from './provider_messages.ts';
import { ProviderSilent } from './provider_questions.ts';
import type { Membership } from './provider_store.ts';

/** What is asked of a provider by its userinfo (interface B). */
export interface UserinfoQuestions {
  /**
   * In the form of interface A, so that it is judged alike. What is not there is left out.
   *
   * @param claims by the catalogue's names.
   * @throws ProviderSilent when nothing came, or nothing that can be believed.
   */
  attributes(
    provider: VisitedProvider,
    membership: Pick<Membership, 'id' | 'sealedReference'>,
    claims: readonly string[],
  ): Promise<Readonly<Record<string, AnsweredClaim>>>;
}

/** Where OpenID Connect says when what is told was changed last (Core §5.1). */
const UPDATED_AT = 'updated_at';

export function createUserinfoQuestions(world: {
  openIdProviders: OpenIdProviders;
  tokens: Pick<MembershipTokens, 'access'>;
  vault: Vault;
  clock: Clock;
}): UserinfoQuestions {
  const { openIdProviders, tokens, vault, clock } = world;

  /** An access token may end before its time: then once more with another. */
  async function userinfoOf(there: OpenIdProvider, membershipId: string, subject: string) {
    const access = await tokens.access(there, membershipId, subject);
    try {
      return await there.userinfo(access, subject);
    } catch (error) {
      if (!(error instanceof RefusedByProvider) || error.code !== REFUSED.access) throw error;
      return there.userinfo(await tokens.access(there, membershipId, subject, access), subject);
    }
  }

  return {
    async attributes(provider, membership, claims) {
      const subject = openCustomerReference(vault, membership);
      return openIdProviders.visit(provider, async (there) => {
        const info = await userinfoOf(there, membership.id, subject);
        const { claims: places, asOf = UPDATED_AT } = provider.userinfo;
        const as_of = readTime(memberAt(info, asOf)) ?? Math.floor(clock() / 1000);
        return Object.fromEntries(
          claims.flatMap((name) => {
            const value = memberAt(info, Object.hasOwn(places, name) ? (places[name] ?? name) : name);
            return value === undefined ? [] : [[name, { value, as_of }]];
          }),
        );
      });
    },
  };
}

/**
 * Seconds since 1970, from a number of them or a date and time of ISO 8601; undefined when nothing is said.
 *
 * @throws ProviderSilent when it is no time: values must not pass for fresher than they are.
 */
function readTime(time: unknown): number | undefined {
  if (time === undefined || time === null) return undefined;
  const seconds = typeof time === 'string' ? Date.parse(time) / 1000 : time;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0) {
    throw new ProviderSilent('userinfo_malformed');
  }
  return Math.floor(seconds);
}
