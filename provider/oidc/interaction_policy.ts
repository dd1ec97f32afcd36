import { type Client, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { methodOf, readAchievedAcr } from '../authentication/acr.ts';
import { isMetBy, type RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { Clock } from '../world.ts';
import { policyRequest } from './acr_request.ts';
import { samlExchangeOf } from './saml_parameter.ts';

/** The pairwise identifier that `client` knows a subject by. */
export type SubjectFor = (subjectId: string, client: Client) => Promise<string>;

/**
 * The engine's own policy with three changes.
 *
 * A relying party gets a sign-in whose card was checked as its revocation policy wants (revocation_policy.ts): a session
 * that was made over another channel, or on an older word of the authority, is not enough, and the card is asked for. And a person named by `id_token_hint` is compared after the card was shown,
 * too: the engine looks at the hint only when the request arrives, and would let anybody in who then shows a card.
 *
 * A SAML service provider may ask for a way of signing with the card (authn_context.ts): whoever signed in another way is asked
 * once more.
 *
 * The consent prompt needs no change: `loadGrant` marks everything decided, so that the engine's "missing" checks ask
 * for exactly what is undecided.
 */
export function interactionChecks(
  subjectFor: SubjectFor,
  policies: RevocationPolicies,
  clock: Clock,
): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  const checks = policy.get('login')?.checks;
  checks?.remove('id_token_hint');
  checks?.add(
    new Check('id_token_hint', 'id_token_hint names somebody else', 'login_required', async (ctx) =>
      (await isHintedPerson(ctx, subjectFor)) ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT,
    ),
  );
  checks?.add(
    new Check('revocation_policy', 'the card has to be checked anew', 'login_required', (ctx) => {
      const { session, result, params, client } = ctx.oidc;
      // A card that was shown for this very request was checked by its policy.
      if (!session?.accountId || result?.login || !client) return Check.NO_NEED_TO_PROMPT;
      const check = readAchievedAcr(session.acr);
      const policy = policies.forRequest(policyRequest(params ?? {}, client));
      return check && isMetBy(policy, check, clock()) ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  checks?.add(
    new Check('authentication_method', 'the card has to sign in another way', 'login_required', (ctx) => {
      const { session, result, params } = ctx.oidc;
      const classes = samlExchangeOf(params)?.classes;
      if (!classes || !session?.accountId || result?.login) return Check.NO_NEED_TO_PROMPT;
      return classes[methodOf(session.acr)] === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}

/**
 * OIDC Core §3.1.2.1: a positive answer only for the person that the hint identifies, signed in before or just now; the same
 * of the Subject of an AuthnRequest (SAML Core §3.4.1).
 */
async function isHintedPerson(ctx: KoaContextWithOIDC, subjectFor: SubjectFor): Promise<boolean> {
  const { client, session, params, provider } = ctx.oidc;
  const hint = params?.id_token_hint;
  const named = samlExchangeOf(params)?.sub;
  if ((typeof hint !== 'string' && named === undefined) || !client) return true;
  if (!session?.accountId) return false;
  if (typeof hint !== 'string') return named === (await subjectFor(session.accountId, client));
  const validated = await provider.IdToken.validate(hint, client).catch((cause: unknown) => {
    throw new errors.InvalidRequest('could not validate id_token_hint', undefined, { cause });
  });
  return validated.payload.sub === (await subjectFor(session.accountId, client));
}
