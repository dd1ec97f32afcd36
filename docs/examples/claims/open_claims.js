// What a relying party does with claims that the hub hands on as their provider made them: aggregated, distributed and sealed.
// The one library is jose.
import { createHash } from 'node:crypto';
import { compactDecrypt, createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose';

/**
 * @param {object} relyingParty
 * @param {string} relyingParty.issuer the hub's
 * @param {string} relyingParty.clientId
 * @param {(header: { kid?: string }) => Promise<CryptoKey>} [relyingParty.decryptionKey] your private key of that `kid`, for sealed claims
 * @returns {(userinfo: Record<string, any>) => Promise<Record<string, { value: unknown, source: string, consent: string, asOf: number, validUntil?: number }>>}
 *   opens what a userinfo response or an ID token carries: by claim, the value with whose word it is, under which consent it
 *   came, and its times (seconds since 1970). Throws when anything about it is not as it must be.
 */
export function createClaimOpener({ issuer, clientId, decryptionKey }) {
  const hubKeys = createRemoteJWKSet(new URL('/.well-known/record-keys', issuer));

  return async function openClaims({ sub, _claim_names: names = {}, _claim_sources: sources = {} }) {
    const opened = await Promise.all(
      Object.entries(names).map(async ([claim, name]) => [claim, await openClaim(claim, sources[name], sub)]),
    );
    return Object.fromEntries(opened);
  };

  async function openClaim(claim, source, sub) {
    // 1. The hub says whose word this is, about whom, for whom and under which consent.
    const { payload: said } = await jwtVerify(source.statement, hubKeys, {
      issuer,
      audience: clientId,
      typ: 'carried-claim-statement+jwt',
    });
    if (said.sub !== sub || said.claim !== claim) throw new Error(`the statement is not about ${claim} of this person`);

    // 2. It says so of this very token.
    const given = source.JWT ?? source.sealed ?? source.access_token;
    if (createHash('sha256').update(given).digest('base64url') !== said.token_sha256) throw new Error('another token');

    // 3. A distributed claim is fetched where it is kept.
    const token = source.endpoint ? await fetchClaim(source) : given;

    // 4. The provider has signed it, for this delivery.
    const sealed = source.sealed !== undefined;
    const { payload: made } = await jwtVerify(token, await keysOf(said.source_issuer), {
      issuer: said.source_issuer,
      typ: sealed ? 'sealed-claims+jwt' : 'aggregated-claims+jwt',
    });
    if (made.delivery !== said.delivery) throw new Error('the token belongs to another delivery');

    // 5. What is sealed, only you can open.
    const content = sealed ? await unseal(made.sealed) : made;
    if (content.delivery !== said.delivery) throw new Error('what was sealed belongs to another delivery');

    const { as_of: asOf, valid_until: validUntil } = made.claims_provenance[claim];
    return { value: content[claim], source: said.source, consent: said.consent, asOf, validUntil };
  }

  async function unseal(jwe) {
    const { plaintext } = await compactDecrypt(jwe, decryptionKey);
    return JSON.parse(new TextDecoder().decode(plaintext));
  }

  async function fetchClaim({ endpoint, access_token: accessToken }) {
    const answer = await fetch(endpoint, { headers: { authorization: `Bearer ${accessToken}` }, redirect: 'error' });
    if (!answer.ok) throw new Error(`the provider answered ${answer.status}`);
    return answer.text();
  }

  /** The hub says which keys a provider has; who the provider is, it says in its statement. */
  async function keysOf(sourceIssuer) {
    const answer = await fetch(new URL('/.well-known/attribute-providers', issuer));
    const { providers } = await answer.json();
    const provider = providers.find((each) => each.issuer === sourceIssuer);
    if (!provider) throw new Error(`the hub has no provider ${sourceIssuer} any more`);
    return provider.jwks ? createLocalJWKSet(provider.jwks) : createRemoteJWKSet(new URL(provider.jwks_uri));
  }
}
