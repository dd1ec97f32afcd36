import type { KoaContextWithOIDC } from 'oidc-provider';

/** The engine's answer to an authorization request (`registerResponseMode`). */
export type ResponseMode = (
  ctx: KoaContextWithOIDC,
  redirectUri: string,
  payload: { readonly error?: string; readonly error_description?: string },
) => Promise<void>;

/**
 * What a sign-in for a SAML service provider carries along through the engine, beside the parameters of an authorization
 * request: whatever its answer needs. It lives in the interaction, which no browser sees.
 */
export interface SamlExchange {
  /** Id of the AuthnRequest; undefined when nobody asked (IdP-initiated). */
  readonly requestId: string | undefined;
  /** Seconds since 1970: until when a second answer to the same request has to be recognised. */
  readonly answerOnceUntil: number | undefined;
  /** The AssertionConsumerService that gets the answer, one of its metadata. */
  readonly acs: string;
  readonly relayState: string | undefined;
  readonly nameIdFormat: 'persistent' | 'transient';
  /** Claims of the catalogue that are asked for; true where the service provider cannot do without. */
  readonly claims: Readonly<Record<string, boolean>>;
  /** What the request says of some of them: the day (`YYYY-MM-DD`) that one is about, and how many seconds it may be old. */
  readonly wishes?: Readonly<Record<string, { readonly targetDate?: string; readonly maxAge?: number }>>;
  /** The pairwise identifier of the person that it asks for; undefined: of anybody. */
  readonly sub: string | undefined;
  /** The AuthnContextClassRef to assert, by how the card signed; undefined where none of those asked for would be true. */
  readonly classes: { readonly challenge: string | undefined; readonly tls: string | undefined };
}

/** Set by the SAML front door for the one request that it has turned into an authorization request. */
const FROM_DOOR = Symbol('from the SAML front door');

/** @param state of the HTTP request: nothing that arrives with it can set this. */
export function markFromSamlDoor(state: object): void {
  Object.defineProperty(state, FROM_DOOR, { value: true });
}

export function isFromSamlDoor(state: object): boolean {
  return FROM_DOOR in state;
}

/** The exchange that the parameters of a sign-in carry; undefined when it is for an OIDC client. */
export function samlExchangeOf(params: { saml?: unknown } | undefined): SamlExchange | undefined {
  // Written by `samlParameter` alone: the engine takes it from nobody but the door (engine.ts).
  return typeof params?.saml === 'string' ? (JSON.parse(params.saml) as SamlExchange) : undefined;
}

export function samlParameter(exchange: SamlExchange): string {
  return JSON.stringify(exchange);
}
