import type { AttributeValue } from '../attributes/catalogue.ts';

interface ToldProvenance {
  source: string;
  /** Seconds since 1970. */
  obtained_at: number;
  current: boolean;
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
              obtained_at: Math.floor(provenance.obtainedAt / 1000),
              current: provenance.isCurrent,
            },
          ] as const,
        ],
  );
  return told.length > 0 ? Object.fromEntries(told) : undefined;
}
