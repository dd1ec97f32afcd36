import type {
  Consent,
  ConsentStore,
  Exit,
  KeptConsent,
  StoredReceipt,
} from '../../../provider/consent/consent_store.ts';
import { entryParts } from '../../../provider/consent/disclosure_chain.ts';
import type { Vault } from '../../../provider/vault.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const COLUMNS = `id, subject_id, client_id, granted, declined, purpose, granted_at, expires_at, period, passing, passing_until,
  terms`;
const FIND_LIVE: Statement = {
  name: 'consent_find_live',
  text: `SELECT ${COLUMNS}, withdrawn_at FROM consent
    WHERE subject_id = $1 AND client_id = $2 AND withdrawn_at IS NULL AND expires_at > $3`,
};
const FIND_LAST: Statement = {
  name: 'consent_find_last',
  text: `SELECT ${COLUMNS}, withdrawn_at FROM consent WHERE subject_id = $1 AND client_id = $2
    ORDER BY granted_at DESC, withdrawn_at DESC NULLS FIRST LIMIT 1`,
};
const FIND: Statement = {
  name: 'consent_find',
  text: `SELECT ${COLUMNS}, withdrawn_at FROM consent WHERE subject_id = $1 AND id = $2`,
};
const LIST: Statement = {
  name: 'consent_list',
  text: `SELECT ${COLUMNS}, withdrawn_at FROM consent WHERE subject_id = $1 ORDER BY granted_at DESC, id LIMIT $2`,
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
  text: `INSERT INTO consent (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
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
/**
 * Invariant 6: what leaves and the rows that say so are one statement. The chain's row is locked by moving it on: of one
 * person's releases each follows the one before it (disclosure_chain.ts has the same computation). $6 the entry up to the
 * consent's id, $4 claims, $7 their sources (empty where there is none), $8 their parts of the entry.
 */
const DISCLOSE: Statement = {
  name: 'consent_disclose',
  text: `WITH live AS (
      SELECT id, granted, CASE WHEN passing_until <= $5 THEN passing ELSE '{}' END AS passed FROM consent
      WHERE subject_id = $1 AND client_id = $2 AND withdrawn_at IS NULL AND expires_at > $5
        AND NOT EXISTS (SELECT FROM account_lock WHERE account_lock.subject_id = $1)
    ), told AS (
      SELECT live.id AS consent_id, claim, source, item, place
      FROM live, unnest($4::text[], $7::text[], $8::text[]) WITH ORDINALITY AS asked (claim, source, item, place)
      WHERE claim = ANY (live.granted) AND claim <> ALL (live.passed)
    ), entry AS MATERIALIZED (
      SELECT $6 || ',"' || consent_id || '",[' || string_agg(item, ',' ORDER BY place) || ']]' AS content
      FROM told GROUP BY consent_id
    ), fresh AS MATERIALIZED (
      SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS origin FROM entry
    ), linked AS (
      INSERT INTO disclosure_chain AS chain (subject_id, origin, sequence, head)
      SELECT $1, origin, 1, sha256(origin || int8send(1) || convert_to(content, 'UTF8')) FROM entry, fresh
      ON CONFLICT (subject_id) DO UPDATE SET sequence = chain.sequence + 1,
        head = sha256(chain.head || int8send(chain.sequence + 1) || convert_to((SELECT content FROM entry), 'UTF8'))
      RETURNING sequence, head
    ), written AS (
      INSERT INTO disclosure (subject_id, sequence, place, client_id, consent_id, exit, claim, source, at, hash)
      SELECT $1, sequence, place, $2, consent_id, $3, claim, nullif(source, ''), $5, head FROM linked, told
    )
    SELECT ARRAY(SELECT claim FROM told ORDER BY place) AS claims, (SELECT sequence FROM linked) AS sequence,
      id AS consent_id FROM live`,
};
const CONFIRM_DELIVERY: Statement = {
  name: 'consent_confirm_delivery',
  text: `INSERT INTO disclosure_delivery (subject_id, sequence, at)
    SELECT subject_id, sequence, $3 FROM unnest($1::uuid[], $2::bigint[]) AS sent (subject_id, sequence)
    ON CONFLICT DO NOTHING`,
};
const LIST_DISCLOSURES: Statement = {
  name: 'consent_list_disclosures',
  text: `SELECT sequence, client_id, consent_id, exit, disclosure.at, hash, delivery.at AS delivered_at,
      array_agg(claim ORDER BY place) AS claims, array_agg(source ORDER BY place) AS sources
    FROM disclosure LEFT JOIN disclosure_delivery AS delivery USING (subject_id, sequence)
    WHERE subject_id = $1 AND sequence IN (
      SELECT DISTINCT sequence FROM disclosure WHERE subject_id = $1 AND ($3::bigint IS NULL OR sequence < $3)
      ORDER BY sequence DESC LIMIT $2
    )
    GROUP BY sequence, client_id, consent_id, exit, disclosure.at, hash, delivery.at ORDER BY sequence DESC`,
};
const ADD_RECEIPT: Statement = {
  name: 'consent_add_receipt',
  text: `INSERT INTO consent_receipt (id, subject_id, consent_id, event, sealed_receipt, at)
    VALUES ($1, $2, $3, $4, $5, $6)`,
};
const RECEIPT = 'id, subject_id, consent_id, event, sealed_receipt, at';
const LIST_RECEIPTS: Statement = {
  name: 'consent_list_receipts',
  text: `SELECT ${RECEIPT} FROM consent_receipt WHERE subject_id = $1 ORDER BY at DESC, id LIMIT $2`,
};
const FIND_RECEIPT: Statement = {
  name: 'consent_find_receipt',
  text: `SELECT ${RECEIPT} FROM consent_receipt WHERE subject_id = $1 AND id = $2`,
};
const ADD_RECEIPT_SIGNATURE: Statement = {
  name: 'consent_add_receipt_signature',
  text: `INSERT INTO consent_receipt_signature (subject_id, receipt_id, sealed_document, at) VALUES ($1, $2, $3, $4)`,
};
const RECEIPT_SIGNATURES: Statement = {
  name: 'consent_receipt_signatures',
  text: 'SELECT receipt_id, max(at) AS at FROM consent_receipt_signature WHERE subject_id = $1 GROUP BY receipt_id',
};
const RECEIPT_PURPOSE = 'consent.receipt';

interface ConsentRow {
  id: string;
  subject_id: string;
  client_id: string;
  granted: string[];
  declined: string[];
  purpose: string | null;
  granted_at: number;
  expires_at: number;
  period: Consent['period'];
  passing: string[];
  passing_until: number | null;
  terms: Consent['terms'];
  withdrawn_at: number | null;
}

interface ReceiptRow {
  id: string;
  subject_id: string;
  consent_id: string;
  event: StoredReceipt['event'];
  sealed_receipt: Buffer;
  at: number;
}

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `transact` runs its work in a transaction: a new one, or the one that these queries already belong to. */
export function createConsentStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
  vault: Vault,
): ConsentStore {
  return {
    async findLive(subjectId, clientId, now) {
      if (!storable(clientId)) return undefined;
      const [row] = (await queries.query<ConsentRow>(FIND_LIVE, [subjectId, clientId, now])).rows;
      return row && consentOf(row);
    },

    async findLast(subjectId, clientId) {
      if (!storable(clientId)) return undefined;
      const [row] = (await queries.query<ConsentRow>(FIND_LAST, [subjectId, clientId])).rows;
      return row && keptConsentOf(row);
    },

    async find(subjectId, consentId) {
      if (!UUID_SHAPE.test(consentId)) return undefined;
      const [row] = (await queries.query<ConsentRow>(FIND, [subjectId, consentId])).rows;
      return row && keptConsentOf(row);
    },

    async list(subjectId, limit) {
      return (await queries.query<ConsentRow>(LIST, [subjectId, limit])).rows.map(keptConsentOf);
    },

    async replace(consent) {
      await transact(async (inside) => {
        await inside.query(LOCK_SUBJECT, [consent.subjectId]);
        await inside.query(WITHDRAW_LIVE, [consent.subjectId, consent.clientId, consent.grantedAt]);
        await inside.query(INSERT, [
          ...[consent.id, consent.subjectId, consent.clientId, consent.granted, consent.declined],
          ...[consent.purpose ?? null, consent.grantedAt, consent.expiresAt, consent.period, consent.passing],
          ...[consent.passingUntil ?? null, JSON.stringify(consent.terms)],
        ]);
      });
    },

    async withdraw(consentId, now) {
      if (!UUID_SHAPE.test(consentId)) return false;
      const { rows } = await queries.query(WITHDRAW, [consentId, now]);
      return rows.length === 1;
    },

    async disclose({ subjectId, clientId, exit, claims, now }) {
      // In the order asked for, each claim once.
      const told = [...new Map(claims.map((each) => [each.claim, each])).values()];
      const names = told.map(({ claim }) => claim);
      const sources = told.map(({ source }) => source);
      const { opening, items } = entryParts({ at: now, exit, clientId, claims: names, sources });
      const { rows } = await queries.query<{ claims: string[]; sequence: number | null; consent_id: string }>(
        DISCLOSE,
        [...[subjectId, clientId, exit, names, now], ...[opening, sources.map((source) => source ?? ''), items]],
      );
      const [row] = rows;
      return row && { claims: row.claims, sequence: row.sequence ?? undefined, consentId: row.consent_id };
    },

    async confirmDelivery(disclosures, now) {
      await queries.query(CONFIRM_DELIVERY, [
        disclosures.map(({ subjectId }) => subjectId),
        disclosures.map(({ sequence }) => String(sequence)),
        now,
      ]);
    },

    async listDisclosures(subjectId, limit, before) {
      const { rows } = await queries.query<{
        sequence: number;
        client_id: string;
        consent_id: string;
        exit: Exit;
        at: number;
        hash: Buffer;
        delivered_at: number | null;
        claims: string[];
        sources: (string | null)[];
      }>(LIST_DISCLOSURES, [subjectId, limit, before ?? null]);
      return rows.map(({ client_id, consent_id, delivered_at, sources, ...rest }) => ({
        clientId: client_id,
        consentId: consent_id,
        deliveredAt: delivered_at ?? undefined,
        sources: sources.map((source) => source ?? undefined),
        ...rest,
      }));
    },

    async addReceipt({ id, subjectId, consentId, event, receipt, at }) {
      const sealed = vault.seal(RECEIPT_PURPOSE, Buffer.from(receipt));
      await queries.query(ADD_RECEIPT, [id, subjectId, consentId, event, sealed, at]);
    },

    async listReceipts(subjectId, limit) {
      const { rows } = await queries.query<ReceiptRow>(LIST_RECEIPTS, [subjectId, limit]);
      return rows.map((row) => receiptOf(vault, row));
    },

    async findReceipt(subjectId, receiptId) {
      if (!UUID_SHAPE.test(receiptId)) return undefined;
      const [row] = (await queries.query<ReceiptRow>(FIND_RECEIPT, [subjectId, receiptId])).rows;
      return row && receiptOf(vault, row);
    },

    async addReceiptSignature(subjectId, receiptId, sealedDocument, at) {
      await queries.query(ADD_RECEIPT_SIGNATURE, [subjectId, receiptId, sealedDocument, at]);
    },

    async receiptSignatures(subjectId) {
      const { rows } = await queries.query<{ receipt_id: string; at: number }>(RECEIPT_SIGNATURES, [subjectId]);
      return new Map(rows.map(({ receipt_id, at }) => [receipt_id, at]));
    },
  };
}

function consentOf(row: ConsentRow): Consent {
  return {
    id: row.id,
    subjectId: row.subject_id,
    clientId: row.client_id,
    granted: row.granted,
    declined: row.declined,
    purpose: row.purpose ?? undefined,
    grantedAt: row.granted_at,
    expiresAt: row.expires_at,
    period: row.period,
    passing: row.passing,
    passingUntil: row.passing_until ?? undefined,
    terms: row.terms,
  };
}

function keptConsentOf(row: ConsentRow): KeptConsent {
  return { ...consentOf(row), withdrawnAt: row.withdrawn_at ?? undefined };
}

function receiptOf(vault: Vault, { id, subject_id, consent_id, event, sealed_receipt, at }: ReceiptRow): StoredReceipt {
  const receipt = Buffer.from(vault.open(RECEIPT_PURPOSE, sealed_receipt)).toString();
  return { id, subjectId: subject_id, consentId: consent_id, event, receipt, at };
}
