import type {
  CardCheck,
  IdentityStore,
  KnownCertificate,
  KnownLookup,
  LinkMethod,
} from '../../../provider/identity/identity_store.ts';
import type { Queries, Statement } from '../database.ts';
import { octetsArray } from '../octets_array.ts';
import { storable } from '../storable_text.ts';
import { storedRevocation } from './revocation_store.ts';

const RECORD_SIGN_IN: Statement = {
  name: 'identity_record_sign_in',
  text: `WITH known AS (
      UPDATE certificate SET previously_checked_at = checked_at, checked_at = $2, check_source = $3, check_as_of = $4
      WHERE lookup = $1
      RETURNING subject_id, kind, status, previously_checked_at AS checked_before, sealed_revocation, revocation_as_of
    )
    SELECT known.*, linked.sealed_certificate, EXISTS (
        SELECT FROM notice WHERE notice.subject_id = known.subject_id AND seen_at IS NULL
          AND caused_by IS DISTINCT FROM $1
      ) AS has_notices,
      (SELECT reference FROM account_lock WHERE account_lock.subject_id = known.subject_id) AS lock
    FROM known LEFT JOIN certificate AS linked
      ON linked.subject_id = known.subject_id AND linked.kind = 'signing' AND linked.status = 'current'`,
};
const LAST_CARD_CHECK: Statement = {
  name: 'identity_last_card_check',
  text: `SELECT checked_at, check_source, check_as_of FROM certificate
    WHERE subject_id = $1 AND kind = 'user' ORDER BY checked_at DESC LIMIT 1`,
};
const INSERT_SUBJECT: Statement = {
  name: 'identity_insert_subject',
  text: 'INSERT INTO subject (id, created_at) VALUES ($1, $2)',
};
const INSERT_CERTIFICATE: Statement = {
  name: 'identity_insert_certificate',
  text: `INSERT INTO certificate (lookup, kind, subject_id, sealed_serial, issuer_hash, fingerprint, not_before,
      not_after, status, bound_at, checked_at, check_source, check_as_of, sealed_certificate, predecessor,
      link_method, linked_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'current', $9, $10, $11, $12, $13,
      CASE WHEN $14::text = 'linkage' THEN $15::bytea END, $14::text, $15::bytea)
    ON CONFLICT (lookup) DO NOTHING`,
};
const FIND: Statement = {
  name: 'identity_find',
  text: 'SELECT lookup, subject_id, kind, status, fingerprint FROM certificate WHERE lookup = $1',
};
const FIND_ALL: Statement = {
  name: 'identity_find_all',
  text: 'SELECT lookup, subject_id, kind, status, fingerprint FROM certificate WHERE lookup = ANY($1::bytea[])',
};
const RESERVE: Statement = {
  name: 'identity_reserve',
  // Locks of the transaction on numbers, since there is no row yet. In the order given, so that nobody waits in a circle.
  text: 'SELECT count(pg_advisory_xact_lock(number)) FROM unnest($1::bigint[]) AS number',
};
const HAS_OTHER: Statement = {
  name: 'identity_has_other_user_certificate',
  text: `SELECT FROM certificate WHERE subject_id = $1 AND lookup <> $2 AND kind = 'user' AND status = 'current'
      AND revocation_as_of IS NULL AND not_after > $3 LIMIT 1`,
};
const SUPERSEDE: Statement = {
  name: 'identity_supersede',
  text: `UPDATE certificate SET status = 'superseded' WHERE lookup = $1 AND status = 'current'`,
};
const LIST_LINKS: Statement = {
  name: 'identity_list_links',
  text: `SELECT linked.fingerprint, linked.link_method, known.fingerprint AS by, linked.bound_at, linked.status
    FROM certificate AS linked JOIN certificate AS known ON known.lookup = linked.linked_by
    WHERE linked.linked_by IS NOT NULL ORDER BY linked.bound_at DESC LIMIT $1`,
};
const FIND_LINK: Statement = {
  name: 'identity_find_link',
  text: `SELECT lookup, subject_id, kind, status, fingerprint FROM certificate
    WHERE fingerprint = $1 AND linked_by IS NOT NULL AND status = 'current'`,
};
const RECOGNISED_BY: Statement = {
  name: 'identity_recognised_by',
  text: `SELECT fingerprint FROM certificate WHERE linked_by = $1 AND status <> 'unlinked' ORDER BY bound_at DESC LIMIT 20`,
};
const UNDO_LINK: Statement = {
  name: 'identity_undo_link',
  // Without its predecessor the certificate no longer stands in the way of the one that really came after that.
  text: `WITH link AS (
      SELECT lookup, predecessor FROM certificate
      WHERE lookup = $1 AND linked_by IS NOT NULL AND status = 'current' FOR UPDATE
    ), undone AS (
      UPDATE certificate SET status = 'unlinked', predecessor = NULL FROM link WHERE certificate.lookup = link.lookup
    ), restored AS (
      UPDATE certificate SET status = 'current' FROM link WHERE certificate.lookup = link.predecessor
    )
    SELECT lookup FROM link`,
};
const PAIRWISE_IDENTIFIER: Statement = {
  name: 'identity_pairwise_identifier',
  text: `WITH stored AS (
      INSERT INTO pairwise_identifier (subject_id, sector, identifier) VALUES ($1, $2, $3)
      ON CONFLICT (subject_id, sector) DO NOTHING RETURNING identifier
    )
    SELECT identifier FROM stored
    UNION ALL SELECT identifier FROM pairwise_identifier WHERE subject_id = $1 AND sector = $2
    LIMIT 1`,
};
const FIND_BY_PAIRWISE: Statement = {
  name: 'identity_find_by_pairwise',
  text: 'SELECT subject_id FROM pairwise_identifier WHERE sector = $1 AND identifier = $2',
};

export interface KnownRow {
  lookup: Buffer;
  subject_id: string;
  kind: KnownCertificate['kind'];
  status: KnownCertificate['status'];
  fingerprint: Buffer;
}

export const knownLookup = ({ subject_id: subjectId, ...known }: KnownRow): KnownLookup => ({ subjectId, ...known });

export function createIdentityStore(queries: Queries): IdentityStore {
  return {
    async recordSignIn(lookup, check) {
      const { rows } = await queries.query<{
        subject_id: string;
        kind: KnownCertificate['kind'];
        status: KnownCertificate['status'];
        checked_before: number;
        sealed_revocation: Buffer | null;
        revocation_as_of: number | null;
        sealed_certificate: Buffer | null;
        has_notices: boolean;
        lock: string | null;
      }>(RECORD_SIGN_IN, [lookup, check.checkedAt, check.source, check.asOf]);
      const [row] = rows;
      return (
        row && {
          subjectId: row.subject_id,
          kind: row.kind,
          status: row.status,
          checkedBefore: row.checked_before,
          revocation: storedRevocation(row.sealed_revocation, row.revocation_as_of),
          hasNotices: row.has_notices,
          lock: row.lock ?? undefined,
          sealedSigningCertificates: rows.flatMap(({ sealed_certificate: sealed }) => (sealed ? [sealed] : [])),
        }
      );
    },

    async lastCardCheck(subjectId) {
      const { rows } = await queries.query<{
        checked_at: number;
        check_source: CardCheck['source'];
        check_as_of: number;
      }>(LAST_CARD_CHECK, [subjectId]);
      const [row] = rows;
      return row && { checkedAt: row.checked_at, source: row.check_source, asOf: row.check_as_of };
    },

    async find(lookup) {
      const { rows } = await queries.query<KnownRow>(FIND, [lookup]);
      return rows.map(knownLookup)[0];
    },

    async findAll(lookups) {
      return (await queries.query<KnownRow>(FIND_ALL, [octetsArray(lookups)])).rows.map(knownLookup);
    },

    async reserve(lookups) {
      const numbers = lookups.map((lookup) => Buffer.from(lookup).readBigInt64BE());
      await queries.query(RESERVE, [numbers.sort((one, other) => (one < other ? -1 : 1)).map(String)]);
    },

    async hasOtherUserCertificate(subjectId, lookup, now) {
      return (await queries.query(HAS_OTHER, [subjectId, lookup, now])).rows.length === 1;
    },

    async supersede(lookup) {
      return (await queries.query(SUPERSEDE, [lookup])).count === 1;
    },

    async listLinks(limit) {
      const { rows } = await queries.query<{
        fingerprint: Buffer;
        link_method: LinkMethod;
        by: Buffer;
        bound_at: number;
        status: KnownCertificate['status'];
      }>(LIST_LINKS, [limit]);
      return rows.map(({ bound_at: linkedAt, link_method: method, ...link }) => ({ ...link, method, linkedAt }));
    },

    async findLink(fingerprint) {
      const { rows } = await queries.query<KnownRow>(FIND_LINK, [fingerprint]);
      return rows.map(knownLookup)[0];
    },

    async recognisedBy(lookup) {
      const { rows } = await queries.query<{ fingerprint: Buffer }>(RECOGNISED_BY, [lookup]);
      return rows.map(({ fingerprint }) => fingerprint);
    },

    async undoLink(lookup) {
      return (await queries.query(UNDO_LINK, [lookup])).count === 1;
    },

    async insertSubject(subjectId, now) {
      await queries.query(INSERT_SUBJECT, [subjectId, now]);
    },

    async insertCertificate(record, check, now) {
      const { count } = await queries.query(INSERT_CERTIFICATE, [
        record.lookup,
        record.kind,
        record.subjectId,
        record.sealedSerial,
        record.issuerHash,
        record.fingerprint,
        record.notBefore,
        record.notAfter,
        now,
        check.checkedAt,
        check.source,
        check.asOf,
        record.sealedCertificate ?? null,
        record.link?.method ?? null,
        record.link?.by ?? null,
      ]);
      return count === 1;
    },

    async pairwiseIdentifier(subjectId, sector, candidate) {
      // A statement that meets a concurrent insert stores nothing and, reading as of its start, finds nothing either:
      // asked again, it sees the other's.
      for (let attempt = 0; attempt < 3; attempt++) {
        const { rows } = await queries.query<{ identifier: string }>(PAIRWISE_IDENTIFIER, [
          subjectId,
          sector,
          candidate,
        ]);
        if (rows[0]) return rows[0].identifier;
      }
      throw new Error('a pairwise identifier was neither stored nor found');
    },

    async findSubjectByPairwise(sector, identifier) {
      if (!storable(identifier)) return undefined;
      const { rows } = await queries.query<{ subject_id: string }>(FIND_BY_PAIRWISE, [sector, identifier]);
      return rows[0]?.subject_id;
    },
  };
}
