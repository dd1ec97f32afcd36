import type { Client } from 'oidc-provider';
import type { StatusDemand } from '../authentication/decision_log.ts';
import type { PolicyRequest, RevocationPolicies } from '../authentication/revocation_policy.ts';

/**
 * The `acr` values that an authorization request asks for: `acr_values`, or `acr` in the claims parameter
 * (OIDC Core §5.5.1.1), which the engine has validated before it stored it.
 */
export function requestedAcr(params: { acr_values?: unknown; claims?: unknown }): readonly string[] {
  const values = typeof params.acr_values === 'string' ? params.acr_values.split(' ') : [];
  if (typeof params.claims !== 'string') return values;
  const { id_token: idToken } = JSON.parse(params.claims) as {
    id_token?: { acr?: { value?: unknown; values?: unknown } | null };
  };
  const acr = idToken?.acr;
  return [...values, acr?.value, ...(Array.isArray(acr?.values) ? acr.values : [])].filter(
    (value): value is string => typeof value === 'string',
  );
}

/** What a request and the registration of its relying party say about revocation. */
export function policyRequest(params: { acr_values?: unknown; claims?: unknown }, client: Client): PolicyRequest {
  const { musubi_revocation_policy: registered } = client;
  return { acr: requestedAcr(params), registered: typeof registered === 'string' ? registered : undefined };
}

/** What the card of a sign-in for this request is checked for. */
export function signInDemand(
  policies: RevocationPolicies,
  params: { acr_values?: unknown; claims?: unknown },
  client: Client,
): StatusDemand {
  return { purpose: 'sign_in', policy: policies.forRequest(policyRequest(params, client)), clientId: client.clientId };
}
