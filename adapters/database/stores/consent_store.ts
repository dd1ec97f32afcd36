import type { Consent, ConsentStore, Exit } from '../../../provider/consent/consent_store.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const FIND_LIVE: Statement = {
  name: 'consent_find_live',
  text: `SELECT id, granted, declined, purpose, granted_at, expires_at FROM consent
    WHERE subject_id = $1 AND client_id = $2 AND withdrawn_at IS NULL AND expires_at > $3`,
};
// Two decisions of one person queue up here, so that the second sees the first. NO KEY: others may still refer to the
// subject meanwhile.
const LOCK_SUBJECT: Statement = {
  name: 'consent_lock_subject',
  text: 'SELECT id FROM subject WHERE id = $1 FOR NO KEY UPDATE',
};
const WITHDRAW_LIVE: Statement = {
  name: 'consent_withdraw_live',
  text: `UPDATE consent SET withdrawn_at = $3
    WHERE subject_id = $1 AND client_id = $2 AND withdrawn_at IS NULL`,
};
const INSERT: Statement = {
  name: 'consent_insert',
  text: `INSERT INTO consent (id, subject_id, client_id, granted, declined, purpose, granted_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
};
// What the person signed so that this relying party is told the latest attributes rests on it, and ends with it.
const WITHDRAW: Statement = {
  name: 'consent_withdraw',
  text: `WITH withdrawn AS (
      UPDATE consent SET withdrawn_at = $2 WHERE id = $1 AND withdrawn_at IS NULL AND expires_at > $2
      RETURNING subject_id, client_id
    ), ended AS (
      UPDATE latest_consent SET ended_at = $2, ended_by = 'consent_withdrawn' FROM withdrawn
      WHERE latest_consent.subject_id = withdrawn.subject_id AND latest_consent.client_id = withdrawn.client_id
        AND latest_consent.ended_at IS NULL
    )
    SELECT 1 FROM withdrawn`,
};
// Invariant 6: what leaves and the row that says so are one statement. In the order asked for, each claim once.
const DISCLOSE: Statement = {
  name: 'consent_disclose',
  text: `WITH live AS (
      SELECT id, ARRAY(
        SELECT asked.claim FROM unnest($4::text[]) WITH ORDINALITY AS asked (claim, place)
        WHERE asked.claim = ANY (consent.granted) GROUP BY asked.claim ORDER BY min(asked.place)
      ) AS claims
      FROM consent
      WHERE subject_id = $1 AND client_id = $2 AND withdrawn_at IS NULL AND expires_at > $5
    ), written AS (
      INSERT INTO disclosure (subject_id, client_id, consent_id, exit, claims, at)
      SELECT $1, $2, id, $3, claims, $5 FROM live WHERE cardinality(claims) > 0
    )
    SELECT claims FROM live`,
};
const LIST_DISCLOSURES: Statement = {
  name: 'consent_list_disclosures',
  text: `SELECT client_id, consent_id, exit, claims, at FROM disclosure
    WHERE subject_id = $1 ORDER BY id DESC LIMIT $2`,
};

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `transact` runs its work in a transaction: a new one, or the one that these queries already belong to. */
export function createConsentStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
): ConsentStore {
  return {
    async findLive(subjectId, clientId, now) {
      if (!storable(clientId)) return undefined;
      const { rows } = await queries.query<{
        id: string;
        granted: string[];
        declined: string[];
        purpose: string | null;
        granted_at: number;
        expires_at: number;
      }>(FIND_LIVE, [subjectId, clientId, now]);
      const [row] = rows;
      if (!row) return undefined;
      return {
        id: row.id,
        subjectId,
        clientId,
        granted: row.granted,
        declined: row.declined,
        purpose: row.purpose ?? undefined,
        grantedAt: row.granted_at,
        expiresAt: row.expires_at,
      } satisfies Consent;
    },

    async replace(consent) {
      await transact(async (inside) => {
        await inside.query(LOCK_SUBJECT, [consent.subjectId]);
        await inside.query(WITHDRAW_LIVE, [consent.subjectId, consent.clientId, consent.grantedAt]);
        await inside.query(INSERT, [
          consent.id,
          consent.subjectId,
          consent.clientId,
          consent.granted,
          consent.declined,
          consent.purpose ?? null,
          consent.grantedAt,
          consent.expiresAt,
        ]);
      });
    },

    async withdraw(consentId, now) {
      if (!UUID_SHAPE.test(consentId)) return false;
      const { rows } = await queries.query(WITHDRAW, [consentId, now]);
      return rows.length === 1;
    },

    async disclose({ subjectId, clientId, exit, claims, now }) {
      const { rows } = await queries.query<{ claims: string[] }>(DISCLOSE, [subjectId, clientId, exit, claims, now]);
      return rows[0]?.claims;
    },

    async listDisclosures(subjectId, limit) {
      const { rows } = await queries.query<{
        client_id: string;
        consent_id: string;
        exit: Exit;
        claims: string[];
        at: number;
      }>(LIST_DISCLOSURES, [subjectId, limit]);
      return rows.map(({ client_id, consent_id, ...rest }) => ({
        clientId: client_id,
        consentId: consent_id,
        ...rest,
      }));
    },
  };
}
