import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { catalogue } from '../attributes/catalogue.ts';
import type { Consents } from '../consent/consents.ts';

/**
 * The engine's view of a subject. Values are fetched when a token or userinfo is made, through the one door that checks
 * the live consent and writes the disclosure row.
 *
 * @param settle stores what the request has to store so far; throws when it is not to go on.
 */
export function createAccountFinder(consents: Consents, settle: () => Promise<void>) {
  return async function findAccount(ctx: KoaContextWithOIDC, subjectId: string): Promise<Account> {
    return {
      accountId: subjectId,
      async claims(use, scope, claims) {
        const exit = use === 'userinfo' ? 'userinfo' : 'id_token';
        const clientId = ctx.oidc.client?.clientId ?? '';
        const names = claimsThatLeave(ctx, exit, scope, Object.keys(claims));
        // Nothing leaves, and no row says that it did, for a code that somebody else has used.
        await settle();
        const values = await consents.release({ subjectId, clientId, exit, claims: names });
        if (!values) throw withdrawn(exit);
        return { ...values, sub: subjectId };
      },
    };
  };
}

/**
 * What the engine will keep of our answer: the disclosure row must say what leaves, no more. An id_token carries the
 * claims of scopes only when there is no userinfo to fetch them from (OIDC Core §5.4).
 */
function claimsThatLeave(
  ctx: KoaContextWithOIDC,
  exit: 'id_token' | 'userinfo',
  scope: string,
  named: readonly string[],
): readonly string[] {
  const byScope = exit === 'userinfo' || ctx.oidc.entities.AccessToken?.aud !== undefined;
  const scopes = byScope ? scope.split(' ') : ['openid'];
  return catalogue
    .filter((claim) => scopes.includes(claim.scope) || named.includes(claim.name))
    .map((claim) => claim.name);
}

function withdrawn(exit: 'id_token' | 'userinfo'): Error {
  return exit === 'userinfo'
    ? new errors.InvalidToken('the consent was withdrawn or has expired')
    : new errors.InvalidGrant('the consent was withdrawn or has expired');
}
