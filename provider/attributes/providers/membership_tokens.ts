import { randomUUID } from 'node:crypto';
import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import {
  type GivenTokens,
  isVisited,
  type LastingTokens,
  type OpenIdProvider,
  type OpenIdProviders,
  REFUSED,
  RefusedByProvider,
} from './openid_providers.ts';
import { ProviderSilent } from './provider_questions.ts';

/** The tokens by which providers are asked about memberships that their own sign-in has bound. */
export interface MembershipTokens {
  seal(tokens: LastingTokens): Uint8Array;
  /**
   * An access token that is good now, renewed where the last one is not.
   *
   * @param there the provider, during a visit.
   * @param spent one that was refused, though it seemed good.
   * @throws ProviderSilent `sign_in_needed` when the person has to sign in there again; what the renewal throws.
   */
  access(there: OpenIdProvider, membershipId: string, subject: string, spent?: string): Promise<string>;
  /** Tells the provider that nobody will use these any more (RFC 7009). Never throws: whoever hears of it has ended them. */
  revoke(providerId: string, sealed: readonly Uint8Array[]): Promise<void>;
}

const PURPOSE = 'membership.tokens';
/** Milliseconds that an access token must last, so that it does not expire underway. */
const MARGIN = 10_000;
/** Milliseconds for which nobody else renews: longer than any visit lasts, and what a process that died costs the person. */
const LEASE = 45_000;
/** How often, and with how many milliseconds between, somebody looks whether another's renewal has come. */
const LOOKS = 30;
const LOOK_EVERY = 100;

interface Renewal {
  readonly membershipId: string;
  readonly subject: string;
  readonly lease: string;
  isGood(tokens: GivenTokens): boolean;
}

export function createMembershipTokens(world: {
  storage: Storage;
  vault: Vault;
  openIdProviders: OpenIdProviders;
  clock: Clock;
  /** Resolves after so many milliseconds. */
  pause(milliseconds: number): Promise<unknown>;
  onSilence(providerId: string, silence: ProviderSilent): void;
}): MembershipTokens {
  const { storage, vault, clock } = world;
  const store = storage.providerSignIns;

  const seal = (tokens: LastingTokens) => vault.seal(PURPOSE, Buffer.from(JSON.stringify(tokens)));
  const open = (sealed: Uint8Array) => JSON.parse(Buffer.from(vault.open(PURPOSE, sealed)).toString()) as LastingTokens; // nobody else seals for it

  /**
   * Alone: a provider that rotates refresh tokens takes one that comes twice for stolen, and ends all of them. The new ones
   * are kept before anything is asked with them, in one statement with the end of the lease.
   */
  async function renew(
    there: OpenIdProvider,
    { membershipId, subject, lease, isGood }: Renewal,
    tokens: LastingTokens,
  ): Promise<string> {
    const { accessToken, refreshToken } = tokens;
    try {
      if (isGood(tokens)) {
        // Somebody has renewed them between the look and the lease.
        await store.releaseTokens(membershipId, lease);
        return accessToken;
      }
      const given = await there.refresh(refreshToken, subject);
      const renewed = { ...given, refreshToken: given.refreshToken ?? refreshToken };
      if (await store.renewTokens(membershipId, lease, seal(renewed))) return given.accessToken;
      // The membership has ended meanwhile, and what ended it knew the tokens of before.
      await there.revoke(renewed.refreshToken);
      throw new ProviderSilent('membership_ended');
    } catch (error) {
      if (!(error instanceof RefusedByProvider) || error.code !== REFUSED.refresh) {
        await store.releaseTokens(membershipId, lease);
        throw error;
      }
      await lapse(membershipId, lease);
      throw new RefusedByProvider('sign_in_needed', { cause: error });
    }
  }

  async function lapse(membershipId: string, lease: string): Promise<void> {
    await storage.transaction(async (stores) => {
      const whose = await stores.providerSignIns.lapseTokens(membershipId, lease);
      if (!whose) return;
      const { subjectId, providerId } = whose;
      const data = { provider: providerId, membership: membershipId };
      await stores.audit.append({ kind: 'membership.lapsed', actor: 'hub', subjectId, data }, clock());
    });
  }

  return {
    seal,

    async access(there, membershipId, subject, spent) {
      const isGood = ({ accessToken, expiresAt }: GivenTokens) => accessToken !== spent && expiresAt - MARGIN > clock();
      for (let look = 0; look < LOOKS; look += 1) {
        const found = await store.findTokens(membershipId);
        if (!found?.sealed) throw new RefusedByProvider('sign_in_needed');
        const tokens = open(found.sealed);
        if (isGood(tokens)) return tokens.accessToken;
        const lease = randomUUID();
        const leased = await store.leaseTokens(membershipId, lease, clock() + LEASE, clock());
        if (leased) return renew(there, { membershipId, subject, lease, isGood }, open(leased));
        await world.pause(LOOK_EVERY);
      }
      throw new ProviderSilent('renewal_underway');
    },

    async revoke(providerId, sealed) {
      try {
        const provider = await storage.providers.find(providerId);
        if (!provider || !isVisited(provider)) return;
        for (const { refreshToken } of sealed.map(open)) {
          if (refreshToken !== undefined)
            await world.openIdProviders.visit(provider, (there) => there.revoke(refreshToken));
        }
      } catch (error) {
        if (!(error instanceof ProviderSilent)) throw error;
        world.onSilence(providerId, error);
      }
    },
  };
}
