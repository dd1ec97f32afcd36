/**
 * What the hub itself offers to relying parties' servers, for access tokens that they get in their own name
 * (client_credentials, RFC 6749 §4.4). Everybody is authenticated once, by the engine, as registered; what protects the
 * token afterwards (audience, scope, DPoP, certificate) is the same everywhere.
 */
export interface OwnResource {
  /** Path on the issuer: with it the token's audience (RFC 8707). */
  readonly path: string;
  readonly scopes: readonly string[];
}

export const STATUS_CHECK: OwnResource = { path: '/status-check', scopes: ['status-check'] };

/** Scopes as the CAEP interoperability profile names them (§2.7.2): `ssf.manage` includes `ssf.read`. */
export const EVENT_STREAMS: OwnResource = { path: '/ssf', scopes: ['ssf.read', 'ssf.manage'] };

export const OWN_RESOURCES: readonly OwnResource[] = [STATUS_CHECK, EVENT_STREAMS];

/** Seconds: a machine gets another one without anybody noticing. */
export const OWN_TOKEN_LIFETIME = 300;

export function audienceOf(issuer: string, { path }: OwnResource): string {
  return new URL(path, issuer).href;
}
