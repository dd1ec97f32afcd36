import type {
  ListProgressStore,
  RevocableCertificate,
  RevocationStore,
  StoredRevocation,
} from '../../../provider/identity/revocation_store.ts';
import type { Queries, Statement } from '../database.ts';
import { octetsArray } from '../octets_array.ts';

const COLUMNS = `lookup, kind, subject_id, sealed_serial, fingerprint, status, sealed_revocation, revocation_as_of,
  revocation_settled`;

/** As `= ANY`, which is a search of the index for each, where a join may read every certificate. */
export const FIND_BY_LOOKUPS: Statement = {
  name: 'revocation_find_by_lookups',
  text: `SELECT ${COLUMNS} FROM certificate WHERE lookup = ANY($1::bytea[])`,
};
/**
 * In the order of the primary key: a handful of issuers, so that few rows are passed over. With an upper end that no
 * look-up reaches, because a planner without statistics takes a range for small and an open end for a third of the table,
 * which it would read and sort for every page.
 */
export const WALK: Statement = {
  name: 'revocation_walk',
  text: `SELECT ${COLUMNS} FROM certificate
    WHERE lookup > $2 AND lookup < $4 AND issuer_hash = $1 ORDER BY lookup LIMIT $3`,
};
const RECORD: Statement = {
  name: 'revocation_record',
  text: `UPDATE certificate SET sealed_revocation = $2, revocation_as_of = $3, revocation_settled = false
    WHERE lookup = $1 AND sealed_revocation IS NOT DISTINCT FROM $4`,
};
const SETTLE: Statement = {
  name: 'revocation_settle',
  text: 'UPDATE certificate SET revocation_settled = true WHERE lookup = $1 AND NOT revocation_settled',
};

const APPLIED: Statement = {
  name: 'list_progress_applied',
  text: `SELECT list_id, applied_number, applied_this_update FROM crl_number WHERE applied_number IS NOT NULL`,
};
const IS_BEHIND = `(applied_number IS NULL OR (applied_number, applied_this_update) < ($2::numeric, $3::bigint))`;
const CLAIM: Statement = {
  name: 'list_progress_claim',
  text: `UPDATE crl_number SET claimed_by = $4, claimed_until = $6
    WHERE list_id = $1 AND ${IS_BEHIND} AND (claimed_by IS NULL OR claimed_by = $4 OR claimed_until <= $5)`,
};
const FINISH: Statement = {
  name: 'list_progress_finish',
  text: `UPDATE crl_number SET applied_number = $2, applied_this_update = $3, claimed_by = NULL, claimed_until = NULL
    WHERE list_id = $1 AND ${IS_BEHIND}`,
};
const RELEASE: Statement = {
  name: 'list_progress_release',
  text: 'UPDATE crl_number SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1',
};

interface Row {
  lookup: Buffer;
  kind: RevocableCertificate['kind'];
  subject_id: string;
  sealed_serial: Buffer;
  fingerprint: Buffer;
  status: RevocableCertificate['status'];
  sealed_revocation: Buffer | null;
  revocation_as_of: number | null;
  revocation_settled: boolean;
}

/** Comes before every look-up. */
const FIRST = new Uint8Array();
/** Comes after every look-up, which has 32 octets. */
const LAST = new Uint8Array(33).fill(0xff);

export function createRevocationStore(queries: Queries): RevocationStore {
  return {
    async findByLookups(lookups) {
      const { rows } = await queries.query<Row>(FIND_BY_LOOKUPS, [octetsArray(lookups)]);
      return rows.map(fromRow);
    },

    async walk(issuerHash, after, limit) {
      const { rows } = await queries.query<Row>(WALK, [issuerHash, after ?? FIRST, limit, LAST]);
      return rows.map(fromRow);
    },

    async record({ lookup, revocation: before }, { sealed, asOf }) {
      return (await queries.query(RECORD, [lookup, sealed, asOf, before?.sealed ?? null])).count === 1;
    },

    async settle(lookup) {
      await queries.query(SETTLE, [lookup]);
    },
  };
}

export function createListProgressStore(queries: Queries): ListProgressStore {
  return {
    async applied() {
      const { rows } = await queries.query<{
        list_id: string;
        applied_number: string;
        applied_this_update: number;
      }>(APPLIED);
      return new Map(
        rows.map((row) => [row.list_id, { number: BigInt(row.applied_number), thisUpdate: row.applied_this_update }]),
      );
    },

    async claim(series, { number, thisUpdate }, { owner, now, until }) {
      const values = [series, number.toString(), thisUpdate, owner, now, until];
      return (await queries.query(CLAIM, values)).count === 1;
    },

    async finish(series, { number, thisUpdate }) {
      await queries.query(FINISH, [series, number.toString(), thisUpdate]);
    },

    async release(owner) {
      await queries.query(RELEASE, [owner]);
    },
  };
}

function fromRow(row: Row): RevocableCertificate {
  return {
    lookup: row.lookup,
    kind: row.kind,
    subjectId: row.subject_id,
    sealedSerial: row.sealed_serial,
    fingerprint: row.fingerprint,
    status: row.status,
    revocation: storedRevocation(row.sealed_revocation, row.revocation_as_of),
    isSettled: row.revocation_settled,
  };
}

/** Both columns are set, or neither is. */
export function storedRevocation(sealed: Buffer | null, asOf: number | null): StoredRevocation | undefined {
  return sealed === null || asOf === null ? undefined : { sealed, asOf };
}
