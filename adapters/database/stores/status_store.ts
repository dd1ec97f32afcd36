import type { RecordedCertificate, StatusStore } from '../../../provider/status/status_store.ts';
import type { Queries, Statement } from '../database.ts';
import { octetsArray } from '../octets_array.ts';
import { storable } from '../storable_text.ts';
import { storedRevocation } from './revocation_store.ts';

/**
 * Of each identifier at least one row when it is the sector's and of somebody whose consent to this relying party lives.
 * Every table is searched by its index, one identifier after the other: each limit keeps the planner from reading all of it for
 * every batch. What every row carries costs more than finding it, so no column too many.
 */
const find = (name: string, more: string): Statement => ({
  name,
  text: `SELECT known.identifier, certificate.kind, certificate.not_before, certificate.not_after,
      array_position($3::bytea[], certificate.issuer_hash) AS issuer, certificate.sealed_revocation,
      certificate.revocation_as_of, certificate.check_as_of${more}
    FROM unnest($2::text[]) AS asked (identifier)
    CROSS JOIN LATERAL (
      SELECT subject_id, identifier FROM pairwise_identifier
      WHERE pairwise_identifier.sector = $1 AND pairwise_identifier.identifier = asked.identifier LIMIT 1
    ) AS known
    CROSS JOIN LATERAL (
      SELECT FROM consent WHERE consent.subject_id = known.subject_id AND consent.client_id = $4
        AND consent.withdrawn_at IS NULL AND consent.expires_at > $5 LIMIT 1
    ) AS agreed
    LEFT JOIN LATERAL (
      SELECT * FROM certificate WHERE certificate.subject_id = known.subject_id AND certificate.status = 'current'
      LIMIT 1000
    ) AS certificate ON true`,
});
const FIND = find('status_find', '');
const FIND_WITH_LOOKUPS = find('status_find_with_lookups', ', certificate.lookup');

interface Row {
  identifier: string;
  kind: RecordedCertificate['kind'] | null;
  not_before: number;
  not_after: number;
  /** From 1. */
  issuer: number | null;
  sealed_revocation: Buffer | null;
  revocation_as_of: number | null;
  check_as_of: number;
  lookup?: Buffer;
}

export function createStatusStore(queries: Queries): StatusStore {
  return {
    async find({ sector, clientId, now }, identifiers, issuerHashes, withLookups) {
      const { rows } = await queries.query<Row>(withLookups ? FIND_WITH_LOOKUPS : FIND, [
        sector,
        [...new Set(identifiers)].filter(storable),
        octetsArray(issuerHashes),
        clientId,
        now,
      ]);
      const known = new Set<string>();
      const certificates: RecordedCertificate[] = [];
      for (const row of rows) {
        known.add(row.identifier);
        if (row.kind === null) continue;
        certificates.push({
          identifier: row.identifier,
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
