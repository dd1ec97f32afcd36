/**
 * What the hub itself offers to relying parties' servers, for access tokens that they get in their own name
 * (client_credentials, RFC 6749 §4.4). Everybody is authenticated once, by the engine, as registered; what protects the
 * token afterwards (audience, scope, DPoP, certificate) is the same everywhere.
 */
export interface OwnResource {
  /** Path on the issuer: with it the token's audience (RFC 8707). */
  readonly path: string;
  readonly scopes: readonly string[];
  /** The client metadata by which the operator allows it to a relying party. */
  readonly registration: 'status_check' | 'verifier';
}

export const STATUS_CHECK: OwnResource = {
  path: '/status-check',
  scopes: ['status-check'],
  registration: 'status_check',
};

/** Scopes as the CAEP interoperability profile names them (§2.7.2): `ssf.manage` includes `ssf.read`. */
export const EVENT_STREAMS: OwnResource = {
  path: '/ssf',
  scopes: ['ssf.read', 'ssf.manage'],
  registration: 'status_check',
};

export const VERIFIER: OwnResource = { path: '/verifier', scopes: ['verifier'], registration: 'verifier' };

export const OWN_RESOURCES: readonly OwnResource[] = [STATUS_CHECK, EVENT_STREAMS, VERIFIER];

/** Seconds: a machine gets another one without anybody noticing. */
export const OWN_TOKEN_LIFETIME = 300;

export function audienceOf(issuer: string, { path }: OwnResource): string {
  return new URL(path, issuer).href;
}

/** Whether the operator allows it. `client` holds metadata by the names of its registration. */
export function isRegisteredFor(client: object, { registration }: OwnResource): boolean {
  const value = (client as Record<string, unknown>)[registration];
  return value !== undefined && value !== false;
}
