import type { RecordedCertificate, StatusStore } from '../../../provider/status/status_store.ts';
import type { Queries, Statement } from '../database.ts';
import { octetsArray } from '../octets_array.ts';
import { storable } from '../storable_text.ts';
import { storedRevocation } from './revocation_store.ts';

/** Of each identifier at least one row when it is the sector's. */
export const FIND_STATUS: Statement = {
  name: 'status_find',
  text: `SELECT asked.place::int AS place, certificate.lookup, certificate.kind, certificate.not_before,
      certificate.not_after, array_position($3::bytea[], certificate.issuer_hash) AS issuer,
      certificate.sealed_revocation, certificate.revocation_as_of, certificate.check_as_of
    FROM unnest($2::text[]) WITH ORDINALITY AS asked (identifier, place)
    JOIN pairwise_identifier AS known ON known.sector = $1 AND known.identifier = asked.identifier
    LEFT JOIN certificate ON certificate.subject_id = known.subject_id AND certificate.status = 'current'`,
};

interface Row {
  /** From 1. */
  place: number;
  lookup: Buffer | null;
  kind: RecordedCertificate['kind'];
  not_before: number;
  not_after: number;
  /** From 1. */
  issuer: number | null;
  sealed_revocation: Buffer | null;
  revocation_as_of: number | null;
  check_as_of: number;
}

export function createStatusStore(queries: Queries): StatusStore {
  return {
    async find(sector, identifiers, issuerHashes) {
      const { rows } = await queries.query<Row>(FIND_STATUS, [
        sector,
        identifiers.map((identifier) => (storable(identifier) ? identifier : '')),
        octetsArray(issuerHashes),
      ]);
      const known = new Set<number>();
      const certificates: RecordedCertificate[] = [];
      for (const row of rows) {
        const place = row.place - 1;
        known.add(place);
        if (row.lookup === null) continue;
        certificates.push({
          place,
          lookup: row.lookup,
          kind: row.kind,
          notBefore: row.not_before,
          notAfter: row.not_after,
          issuer: row.issuer === null ? undefined : row.issuer - 1,
          revocation: storedRevocation(row.sealed_revocation, row.revocation_as_of),
          checkAsOf: row.check_as_of,
        });
      }
      return { known, certificates };
    },
  };
}
