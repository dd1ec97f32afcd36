import type { JWK } from 'jose';

/**
 * How a claim of an attribute provider reaches the relying party.
 *
 * - `plain`: as a value, with its provenance beside it.
 * - `aggregated`: as the provider's own signed JWT (OIDC Core §5.6.2).
 * - `distributed`: as an address and an access token of the provider's, where the relying party fetches it (OIDC Core §5.6.2).
 * - `sealed`: encrypted by the provider to the relying party's key, inside a JWS of the provider's. The hub cannot read it.
 */
export const DELIVERIES = ['plain', 'aggregated', 'distributed', 'sealed'] as const;
export type Delivery = (typeof DELIVERIES)[number];

/** What the provider makes for the relying party, and the hub hands on as it came. */
export type CarriedForm = Exclude<Delivery, 'plain'>;
export const CARRIED_FORMS = DELIVERIES.filter((each): each is CarriedForm => each !== 'plain');

/** One claim, made by a provider for the relying party itself. */
export interface CarriedClaim {
  readonly claim: string;
  readonly form: CarriedForm;
  /** The provider's id, and what it calls itself in what it signs. */
  readonly source: string;
  readonly issuer: string;
  /** Names this delivery in the provider's token and in the hub's statement about it: random, and said to nobody before. */
  readonly delivery: string;
  /** The provider's JWS; of a distributed claim the access token. */
  readonly token: string;
  /** Of a distributed claim, where it is fetched. */
  readonly endpoint?: string | undefined;
}

/** Algorithms that a provider may seal with (RFC 7518 §4, §5): none that is broken, none of unbounded work. */
export const SEALING_ALGORITHMS = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP-256'] as const;
export const SEALING_ENCRYPTIONS = ['A256GCM', 'A128GCM', 'A256CBC-HS512', 'A128CBC-HS256'] as const;

const CURVES = ['P-256', 'P-384', 'P-521', 'X25519'];
/** Of the modulus in base64url: RSA of 2048 bits. */
const MIN_MODULUS = 342;

/** Of what a relying party publishes, the first key that can be sealed to: its public members alone. Undefined when there is none. */
export function sealingKey(keys: Iterable<JWK>): JWK | undefined {
  for (const { kty, crv, x, y, n, e, kid, alg, use } of keys) {
    const isMeant = (use === undefined || use === 'enc') && (alg === undefined || isOneOf(SEALING_ALGORITHMS, alg));
    if (!isMeant) continue;
    const named = { ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg }) };
    const fits = (family: string) => alg === undefined || alg.startsWith(family);
    if ((kty === 'EC' || kty === 'OKP') && crv && CURVES.includes(crv) && x && fits('ECDH')) {
      return { kty, crv, x, ...(y !== undefined && { y }), ...named };
    }
    if (kty === 'RSA' && n && e && n.length >= MIN_MODULUS && fits('RSA')) return { kty, n, e, ...named };
  }
  return undefined;
}

export function isOneOf<Value extends string>(values: readonly Value[], value: unknown): value is Value {
  return values.some((each) => each === value);
}
