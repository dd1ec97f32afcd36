import type { RevocationChannel, RevocationPolicy, RevocationVerdict } from './revocation.ts';

/**
 * Authentication context classes. `aal3`: card and PIN, the government's highest authenticator level; `crl` and `ocsp`
 * name the revocation channel, as the national service's `acr_values=aal3 crl` does (fact sheet §5).
 */
export const ACR_VALUES = ['aal3', 'crl', 'ocsp'] as const;

/** RFC 8176: smart card, PIN, a key in hardware, and so more than one factor. */
export const CARD_AMR = ['sc', 'pin', 'hwk', 'mfa'] as const;

/** How the card signed: a challenge of a page, or the handshake of a TLS connection. */
export type CardMethod = 'challenge' | 'tls';

/** How the card of a session was checked when it was shown. */
export interface CardCheckOfSession {
  readonly source: RevocationChannel;
  /** Name of the policy in force. Undefined in sessions of hubs that kept none. */
  readonly policy: string | undefined;
  /** thisUpdate of what the authority said, milliseconds since 1970; likewise. */
  readonly asOf: number | undefined;
  /** Likewise. */
  readonly method: CardMethod | undefined;
}

/**
 * What a card sign-in achieved, as the session keeps it in the engine's own field and as it never leaves: the level, the
 * channel that was really asked, the policy, how old the authority's word was (seconds since 1970) and how the card signed.
 */
export function achievedAcr(
  {
    revocation,
    demand,
  }: {
    revocation: Pick<RevocationVerdict, 'source' | 'thisUpdate'>;
    demand: { policy: Pick<RevocationPolicy, 'name'> };
  },
  method: CardMethod,
): string {
  return `aal3 ${revocation.source} ${demand.policy.name} ${Math.floor(revocation.thisUpdate / 1000)} ${method}`;
}

/** Back from `achievedAcr`; undefined when nobody has shown a card. */
export function readAchievedAcr(achieved: string | undefined): CardCheckOfSession | undefined {
  const [, source, policy, asOf, method] = achieved?.split(' ') ?? [];
  if (source !== 'crl' && source !== 'ocsp') return undefined;
  return {
    source,
    policy,
    asOf: asOf === undefined ? undefined : Number(asOf) * 1000,
    method: method === 'challenge' || method === 'tls' ? method : undefined,
  };
}

/** How the card of a session signed; sessions of hubs that did not note it count as the way that everybody has. */
export function methodOf(achieved: string | undefined): CardMethod {
  return readAchievedAcr(achieved)?.method ?? 'challenge';
}

/** The channel among requested `acr` values; undefined when the relying party names none or both. */
export function requestedChannel(requested: readonly string[]): RevocationChannel | undefined {
  const tokens = new Set(requested.flatMap((value) => value.split(' ')));
  if (tokens.has('crl') === tokens.has('ocsp')) return undefined;
  return tokens.has('crl') ? 'crl' : 'ocsp';
}

/**
 * The `acr` to answer: the plain level, and the channel behind it only for those who asked about channels, so that a
 * relying party which compares with `aal3` is not surprised by what another one asked for in the same session. Then
 * `met`: the values for policies that were asked for and are met.
 */
export function answeredAcr(
  achieved: string | undefined,
  requested: readonly string[],
  met: readonly string[] = [],
): string | undefined {
  if (achieved === undefined) return undefined;
  const [level, channel] = achieved.split(' ');
  return [level, ...(requestedChannel(requested) === undefined ? [] : [channel]), ...met].join(' ');
}

/** False when no sign-in of this hub can ever give any of these values: an essential request for them is refused. */
export function canMeet(requested: readonly string[], policyValues: readonly string[]): boolean {
  const known: readonly string[] = [...ACR_VALUES, ...policyValues];
  return requested.some((value) => value.split(' ').every((token) => known.includes(token)));
}
