import type { EnrolmentStore } from '../../../provider/identity/enrolment_store.ts';
import type { Queries, Statement } from '../database.ts';
import { type KnownRow, knownLookup } from './identity_store.ts';

const KEEP_ATTRIBUTES: Statement = {
  name: 'enrolment_keep_attributes',
  text: `INSERT INTO identity_attributes (subject_id, sealed, certificate, obtained_at, match)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (subject_id) DO UPDATE SET sealed = excluded.sealed, certificate = excluded.certificate,
      obtained_at = excluded.obtained_at, match = excluded.match`,
};
const FIND_ATTRIBUTES: Statement = {
  name: 'enrolment_find_attributes',
  text: `SELECT kept.sealed, kept.obtained_at,
      (stated.status = 'current' AND stated.revocation_as_of IS NULL AND stated.not_after > $2) AS is_current
    FROM identity_attributes AS kept JOIN certificate AS stated ON stated.lookup = kept.certificate
    WHERE kept.subject_id = $1`,
};
const IS_STATED_BY: Statement = {
  name: 'enrolment_is_stated_by',
  text: 'SELECT FROM identity_attributes WHERE subject_id = $1 AND certificate = $2',
};
const FIND_REGISTERED: Statement = {
  name: 'enrolment_find_registered',
  text: `SELECT stated.lookup, stated.subject_id, stated.kind, stated.status, stated.fingerprint, EXISTS (
        SELECT FROM certificate AS card WHERE card.subject_id = kept.subject_id AND card.kind = 'user'
          AND card.status = 'current' AND card.revocation_as_of IS NULL AND card.not_after > $2
      ) AS has_living_card
    FROM identity_attributes AS kept JOIN certificate AS stated ON stated.lookup = kept.certificate
    WHERE kept.match = $1 ORDER BY kept.obtained_at LIMIT $3`,
};
const KEEP_APPLICATION: Statement = {
  name: 'enrolment_keep_application',
  text: `INSERT INTO enrolment (id, subject_id, certificate, sealed_document, terms_version, enrolled_at)
    VALUES ($1, $2, $3, $4, $5, $6)`,
};
const LIST_APPLICATIONS: Statement = {
  name: 'enrolment_list_applications',
  text: `SELECT id, certificate, sealed_document, terms_version, enrolled_at FROM enrolment
    WHERE subject_id = $1 ORDER BY enrolled_at DESC LIMIT $2`,
};
const SUPERSEDE_PAST: Statement = {
  name: 'enrolment_supersede_past',
  text: `UPDATE certificate SET status = 'superseded'
    WHERE subject_id = $1 AND kind = 'signing' AND status = 'current'
      AND (revocation_as_of IS NOT NULL OR not_after <= $2)`,
};

export function createEnrolmentStore(queries: Queries): EnrolmentStore {
  return {
    async keepAttributes({ subjectId, sealed, certificate, obtainedAt, match }) {
      await queries.query(KEEP_ATTRIBUTES, [subjectId, sealed, certificate, obtainedAt, match ?? null]);
    },

    async isStatedBy(subjectId, certificate) {
      return (await queries.query(IS_STATED_BY, [subjectId, certificate])).rows.length === 1;
    },

    async findAttributes(subjectId, now) {
      const { rows } = await queries.query<{ sealed: Buffer; obtained_at: number; is_current: boolean }>(
        FIND_ATTRIBUTES,
        [subjectId, now],
      );
      const [row] = rows;
      return row && { sealed: row.sealed, obtainedAt: row.obtained_at, isCurrent: row.is_current };
    },

    async findRegistered(match, now, limit) {
      const { rows } = await queries.query<KnownRow & { has_living_card: boolean }>(FIND_REGISTERED, [
        match,
        now,
        limit,
      ]);
      return rows.map(({ has_living_card: hasLivingCard, ...row }) => ({ ...knownLookup(row), hasLivingCard }));
    },

    async keepApplication({ id, subjectId, certificate, sealedDocument, termsVersion, enrolledAt }) {
      const values = [id, subjectId, certificate, sealedDocument, termsVersion, enrolledAt];
      await queries.query(KEEP_APPLICATION, values);
    },

    async listApplications(subjectId, limit) {
      const { rows } = await queries.query<{
        id: string;
        certificate: Buffer;
        sealed_document: Buffer;
        terms_version: string;
        enrolled_at: number;
      }>(LIST_APPLICATIONS, [subjectId, limit]);
      return rows.map((row) => ({
        id: row.id,
        subjectId,
        certificate: row.certificate,
        sealedDocument: row.sealed_document,
        termsVersion: row.terms_version,
        enrolledAt: row.enrolled_at,
      }));
    },

    async supersedePastSigningCertificates(subjectId, now) {
      await queries.query(SUPERSEDE_PAST, [subjectId, now]);
    },
  };
}
