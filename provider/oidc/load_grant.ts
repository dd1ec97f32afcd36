import type { Client, Grant, KoaContextWithOIDC } from 'oidc-provider';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { answeredAcr } from '../authentication/acr.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { Consents } from '../consent/consents.ts';
import type { Clock } from '../world.ts';
import { requestedAcr } from './acr_request.ts';
import { askedClaims } from './asked_claims.ts';
import { isPortal } from './portal_client.ts';
import { wantsVerifiedClaims } from './requested_claims.ts';

/** Scopes that release no claim of the catalogue: agreeing to `sub` includes them. */
const PLAIN_SCOPES = ['openid', 'offline_access'];

/**
 * The engine's Grant is made from the consent, which is the record: one consent lives long, a Grant lives with the
 * tokens that one browser's session gave one relying party and can be revoked with them. What was declined or is not
 * held is rejected in the Grant, so that the engine neither asks for it again nor releases it.
 *
 * Undefined while something is undecided: the engine then prompts for consent.
 */
export function createGrantLoader(world: {
  catalogue: Catalogue;
  consents: Consents;
  policies: RevocationPolicies;
  clock: Clock;
}) {
  const { catalogue, consents, policies, clock } = world;

  return async function loadGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
    const { client, session, provider, params } = ctx.oidc;
    const accountId = ctx.oidc.account?.accountId;
    if (!client || !session || !accountId || !params) return undefined;

    // Answers of this request carry the level in the form that this relying party asked for (see acr.ts).
    const askedAcr = requestedAcr(params);
    const met = policies.metAcrValues(session.acr, askedAcr, clock());
    Object.defineProperty(ctx.oidc, 'acr', { value: answeredAcr(session.acr, askedAcr, met) });

    const asked = askedClaims(catalogue, params, client);
    const requested = Object.keys(asked);
    if (isPortal(client)) return portalGrant(ctx, client, accountId, requested);
    const live = await consents.decided(accountId, client.clientId, asked, consentGivenNow(ctx));
    if (!live) return undefined;

    const granted = new Set(live.granted);
    const grant =
      (await grantOfSession(ctx, client, accountId)) ?? new provider.Grant({ accountId, clientId: client.clientId });
    const refused = requested.filter((claim) => !granted.has(claim));
    for (const scope of ctx.oidc.requestParamOIDCScopes) {
      // A scope of the catalogue carries one claim of the same name.
      if (PLAIN_SCOPES.includes(scope) || granted.has(scope)) grant.addOIDCScope(scope);
      else grant.rejectOIDCScope(scope);
    }
    grant.addOIDCClaims(requested.filter((claim) => granted.has(claim)));
    // Made of the others when it is told; by itself it releases nothing.
    if (wantsVerifiedClaims(params)) grant.addOIDCClaims(['verified_claims']);
    if (refused.length > 0) grant.rejectOIDCClaims(refused);
    for (const [resource, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
      grant.addResourceScope(
        resource,
        [...server.scopes].filter((scope) => ctx.oidc.requestParamScopes.has(scope)).join(' '),
      );
    }
    endWithConsent(grant as Grant & TimedGrant, live, clock());
    await grant.save();
    return grant;
  };
}

/** To see one's own records is nothing that has to be agreed to: no claim is told to anybody by this Grant. */
async function portalGrant(
  ctx: KoaContextWithOIDC,
  client: Client,
  accountId: string,
  requested: readonly string[],
): Promise<Grant> {
  const { provider } = ctx.oidc;
  const grant =
    (await grantOfSession(ctx, client, accountId)) ?? new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope('openid');
  grant.addOIDCClaims([...requested]);
  await grant.save();
  return grant;
}

/**
 * The Grant of this client's earlier authorizations in this browser. The engine ends tokens and codes of a session whose
 * Grant is no longer the one that the session names, so a new one would cut off the same website in another tab.
 * Not for a first `offline_access`: refresh tokens outlive the session, and need a Grant that does.
 */
async function grantOfSession(
  { oidc: { session, provider, requestParamOIDCScopes } }: KoaContextWithOIDC,
  { clientId }: Client,
  accountId: string,
): Promise<Grant | undefined> {
  const grantId = session?.grantIdFor(clientId);
  const grant = grantId ? await provider.Grant.find(grantId) : undefined;
  if (grant?.accountId !== accountId || grant.clientId !== clientId) return undefined;
  if (requestParamOIDCScopes.has('offline_access') && !isOffline(grant)) return undefined;
  // The request at hand decides anew what is refused.
  delete grant.rejected;
  return grant;
}

/** The consent that was given on the page of this very sign-in (interactions.ts). */
function consentGivenNow({ oidc: { result } }: KoaContextWithOIDC): string | undefined {
  const { consentId } = (result?.consent ?? {}) as { consentId?: string };
  return consentId;
}

/** Of the engine's Grant, not in its type declarations: seconds since 1970, and seconds that one lives by its setting. */
interface TimedGrant {
  exp?: number;
  readonly expiration: number;
}

/**
 * Everything that hangs on the Grant ends with the consent, whoever looks and when: no sweep has to come by. One that an
 * earlier, shorter consent has cut, or whose time is nearly over, gets its full time again; others are left as they are.
 */
function endWithConsent(grant: TimedGrant, { expiresAt }: { readonly expiresAt: number }, now: number): void {
  const seconds = Math.floor(now / 1000);
  const latest = Math.max(seconds + 1, Math.min(seconds + grant.expiration, Math.floor(expiresAt / 1000)));
  const isShort = grant.exp === undefined || grant.exp - seconds < (latest - seconds) / 2;
  if (isShort || (grant.exp ?? 0) > latest) grant.exp = latest;
}

/** Whether refresh tokens hang on this Grant. */
export function isOffline(grant: Grant): boolean {
  return grant.openid?.scope?.split(' ').includes('offline_access') === true;
}
