import type { AttributeValue, UnavailableClaim } from '../attributes/attributes.ts';

interface ToldProvenance {
  source: string;
  /** Seconds since 1970. */
  obtained_at: number;
  current: boolean;
  /** Seconds since 1970, where the source says them. */
  as_of?: number;
  valid_until?: number;
  /** `YYYY-MM-DD`, where it is about a day that was asked for: whoever reads it sees which. */
  target_date?: string;
}

/**
 * `claims_provenance`: for each of the values that is somebody else's word, whose, since when, and whether they still stand
 * by it. Undefined when none is.
 */
export function provenanceClaim(
  values: Readonly<Record<string, AttributeValue>>,
): Readonly<Record<string, ToldProvenance>> | undefined {
  const told = Object.entries(values).flatMap(([name, { provenance }]) =>
    provenance === undefined
      ? []
      : [
          [
            name,
            {
              source: provenance.source,
              obtained_at: seconds(provenance.obtainedAt),
              current: provenance.isCurrent,
              ...(provenance.asOf !== undefined && { as_of: seconds(provenance.asOf) }),
              ...(provenance.validUntil !== undefined && { valid_until: seconds(provenance.validUntil) }),
              ...(provenance.targetDate !== undefined && { target_date: provenance.targetDate }),
            },
          ] as const,
        ],
  );
  return told.length > 0 ? Object.fromEntries(told) : undefined;
}

/** `claims_unavailable`: what could not be had now, who was asked for it, and why. Undefined when there is nothing of that kind. */
export function unavailableClaim(
  unavailable: Readonly<Record<string, UnavailableClaim>>,
): Readonly<Record<string, { source: string; reason: string }>> | undefined {
  const told = Object.entries(unavailable).map(
    ([name, { source, unavailable: reason }]) => [name, { source, reason }] as const,
  );
  return told.length > 0 ? Object.fromEntries(told) : undefined;
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);
