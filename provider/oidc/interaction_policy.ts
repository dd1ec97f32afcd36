import { interactionPolicy } from 'oidc-provider';
import { satisfies } from '../authentication/acr.ts';
import { requestedAcr } from './acr_request.ts';

/**
 * The engine's own policy, and one check more: a relying party that names a revocation channel (`acr_values=aal3 ocsp`)
 * gets a sign-in that used it, even where a session over the other channel exists.
 *
 * The consent prompt needs no change: `loadGrant` marks everything decided, so that the engine's "missing" checks ask
 * for exactly what is undecided.
 */
export function interactionChecks(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  policy.get('login')?.checks.add(
    new Check('acr_channel', 'the session was made over another revocation channel', 'login_required', (ctx) => {
      const { session, result, params } = ctx.oidc;
      const asked = !session?.accountId || result?.login || satisfies(session.acr, requestedAcr(params ?? {}));
      return asked ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}
