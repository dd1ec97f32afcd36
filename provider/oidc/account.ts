import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Consents, Released } from '../consent/consents.ts';
import type { Clock } from '../world.ts';
import { claimSources, sealingKeyOf, withRegisteredDelivery } from './carried_claims.ts';
import { provenanceClaim, unavailableClaim } from './claims_provenance.ts';
import { claimWishes } from './requested_claims.ts';
import { type AssuranceSettings, answerVerifiedClaims, claimsToVerify } from './verified_claims.ts';

export interface AccountWorld {
  catalogue: Catalogue;
  consents: Consents;
  /** Stores what the request has to store so far; throws when it is not to go on. */
  settle: () => Promise<void>;
  assurance: AssuranceSettings;
  clock: Clock;
}

/**
 * The engine's view of a subject. Values are fetched when a token or userinfo is made, through the one door that checks
 * the live consent and writes the disclosure row.
 */
export function createAccountFinder({ catalogue, consents, settle, assurance, clock }: AccountWorld) {
  return async function findAccount(ctx: KoaContextWithOIDC, subjectId: string): Promise<Account> {
    return {
      accountId: subjectId,
      async claims(use, scope, claims) {
        const exit = use === 'userinfo' ? 'userinfo' : 'id_token';
        const { client } = ctx.oidc;
        const clientId = client?.clientId ?? '';
        const { verified_claims: toVerify, ...named } = claims as Record<string, unknown>;
        const plain = claimsThatLeave(catalogue, ctx, exit, scope, Object.keys(named));
        const names = [...new Set([...plain, ...Object.keys(claimsToVerify(toVerify))])];
        // Nothing leaves, and no row says that it did, for a code that somebody else has used.
        await settle();
        const released = await consents.release({
          ...{ subjectId, clientId, exit, claims: names },
          wishes: withRegisteredDelivery(claimWishes(named), client),
          sealFor: () => sealingKeyOf(client),
        });
        if (!released) throw withdrawn(exit);
        const verified = answerVerifiedClaims(toVerify, released.values, assurance, clock());
        return {
          ...plainClaims(plain, released),
          ...(verified !== undefined && { verified_claims: verified }),
          sub: subjectId,
        };
      },
    };
  };
}

/**
 * What the engine will keep of our answer: the disclosure row must say what leaves, no more. An id_token carries the
 * claims of scopes only when there is no userinfo to fetch them from (OIDC Core §5.4).
 */
function claimsThatLeave(
  catalogue: Catalogue,
  ctx: KoaContextWithOIDC,
  exit: 'id_token' | 'userinfo',
  scope: string,
  named: readonly string[],
): readonly string[] {
  const byScope = exit === 'userinfo' || ctx.oidc.entities.AccessToken?.aud !== undefined;
  const scopes = byScope ? scope.split(' ') : ['openid'];
  return catalogue.claims
    .filter((claim) => scopes.includes(claim.scope) || named.includes(claim.name))
    .map((claim) => claim.name);
}

/** The values, and beside them whose word they are, what comes from its source as it is, and what could not be had. */
function plainClaims(names: readonly string[], { values, unavailable, carried }: Released) {
  const told = Object.fromEntries(names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));
  const provenance = provenanceClaim(told);
  const missing = unavailableClaim(unavailable);
  return {
    ...Object.fromEntries(Object.entries(told).map(([name, { value }]) => [name, value])),
    ...(provenance && { claims_provenance: provenance }),
    ...(missing && { claims_unavailable: missing }),
    ...claimSources(carried),
  };
}

function withdrawn(exit: 'id_token' | 'userinfo'): Error {
  return exit === 'userinfo'
    ? new errors.InvalidToken('the consent was withdrawn or has expired')
    : new errors.InvalidGrant('the consent was withdrawn or has expired');
}
