import type { RevocationChannel, RevocationVerdict } from './revocation.ts';

/**
 * Authentication context classes. `aal3`: card and PIN, the government's highest authenticator level; `crl` and `ocsp`
 * name the revocation channel, as the national service's `acr_values=aal3 crl` does (fact sheet §5).
 */
export const ACR_VALUES = ['aal3', 'crl', 'ocsp'] as const;

/** RFC 8176: smart card, PIN, a key in hardware, and so more than one factor. */
export const CARD_AMR = ['sc', 'pin', 'hwk', 'mfa'] as const;

/** What a card sign-in achieved, as the session keeps it: the level and the channel that was really asked. */
export function achievedAcr(revocation: RevocationVerdict): string {
  return `aal3 ${revocation.source}`;
}

/** The channel among requested `acr` values; `any` when the relying party names none or both. */
export function requestedChannel(requested: readonly string[]): RevocationChannel {
  const tokens = new Set(requested.flatMap((value) => value.split(' ')));
  if (tokens.has('crl') === tokens.has('ocsp')) return 'any';
  return tokens.has('crl') ? 'crl' : 'ocsp';
}

/**
 * The `acr` to answer: the plain level, and the channel behind it only for those who asked about channels, so that a
 * relying party which compares with `aal3` is not surprised by what another one asked for in the same session.
 */
export function answeredAcr(achieved: string | undefined, requested: readonly string[]): string | undefined {
  if (achieved === undefined || requestedChannel(requested) === 'any') return achieved?.split(' ')[0];
  return achieved;
}

/** False when the session was made over another revocation channel than the one asked for: then the card is asked again. */
export function satisfies(achieved: string | undefined, requested: readonly string[]): boolean {
  const channel = requestedChannel(requested);
  return channel === 'any' || achieved === undefined || achieved.split(' ').includes(channel);
}

/** False when no sign-in of this hub can ever give any of these values: an essential request for them is refused. */
export function canMeet(requested: readonly string[]): boolean {
  return requested.some((value) =>
    value.split(' ').every((token) => (ACR_VALUES as readonly string[]).includes(token)),
  );
}
