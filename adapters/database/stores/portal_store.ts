import type { Exit } from '../../../provider/consent/consent_store.ts';
import type { KeptCertificate, KeptConsent, PortalStore } from '../../../provider/portal/portal_store.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

// A new decision withdraws the old one in the same moment.
const CONSENT_COLUMNS = `id, client_id, granted, declined, purpose, period, granted_at, expires_at, withdrawn_at,
      withdrawn_at IS NOT NULL AND EXISTS (
        SELECT FROM consent AS next WHERE next.subject_id = consent.subject_id AND next.client_id = consent.client_id
          AND next.granted_at = consent.withdrawn_at AND next.id <> consent.id
      ) AS is_replaced`;
const LIST_LIVE_CONSENTS: Statement = {
  name: 'portal_list_live_consents',
  text: `SELECT ${CONSENT_COLUMNS} FROM consent
    WHERE subject_id = $1 AND withdrawn_at IS NULL AND expires_at > $2 ORDER BY granted_at DESC, id DESC LIMIT $3`,
};
// From the place of the one that is named, since two decisions may be of one moment.
const LIST_PAST_CONSENTS: Statement = {
  name: 'portal_list_past_consents',
  text: `SELECT ${CONSENT_COLUMNS} FROM consent
    WHERE subject_id = $1 AND NOT (withdrawn_at IS NULL AND expires_at > $2) AND ($3::uuid IS NULL
      OR (granted_at, id) < (
        SELECT last.granted_at, last.id FROM consent AS last WHERE last.subject_id = $1 AND last.id = $3))
    ORDER BY granted_at DESC, id DESC LIMIT $4`,
};
const FIND_CONSENTS: Statement = {
  name: 'portal_find_consents',
  text: `SELECT ${CONSENT_COLUMNS} FROM consent WHERE subject_id = $1 AND id = ANY($2::uuid[])`,
};
const LIST_DISCLOSURES: Statement = {
  name: 'portal_list_disclosures',
  text: `SELECT sequence, client_id, consent_id, exit, disclosure.at, delivery.at AS delivered_at,
      array_agg(claim ORDER BY place) AS claims, array_agg(source ORDER BY place) AS sources
    FROM disclosure LEFT JOIN disclosure_delivery AS delivery USING (subject_id, sequence)
    WHERE subject_id = $1 AND sequence IN (
      SELECT DISTINCT sequence FROM disclosure
      WHERE subject_id = $1 AND ($2::text IS NULL OR client_id = $2) AND ($3::text IS NULL OR claim = $3)
        AND ($4::bigint IS NULL OR at >= $4) AND ($5::bigint IS NULL OR at < $5)
        AND ($6::bigint IS NULL OR sequence < $6)
      ORDER BY sequence DESC LIMIT $7
    )
    GROUP BY sequence, client_id, consent_id, exit, disclosure.at, delivery.at ORDER BY sequence DESC`,
};
const COUNT_DISCLOSURES: Statement = {
  name: 'portal_count_disclosures',
  text: `SELECT client_id, claim, count(*) AS count, max(at) AS last_at
    FROM (
      SELECT client_id, claim, at FROM disclosure WHERE subject_id = $1 ORDER BY sequence DESC, place DESC LIMIT $2
    ) AS newest
    GROUP BY client_id, claim ORDER BY client_id, claim`,
};
const LIST_CERTIFICATES: Statement = {
  name: 'portal_list_certificates',
  text: `SELECT kind, status, bound_at, not_after, checked_at, previously_checked_at, link_method,
      revocation_as_of IS NOT NULL AS is_revoked
    FROM certificate WHERE subject_id = $1 ORDER BY bound_at DESC LIMIT $2`,
};
const FIND_RELYING_PARTIES: Statement = {
  name: 'portal_find_relying_parties',
  text: `SELECT client_id, true AS is_registered, metadata FROM relying_party WHERE client_id = ANY($1::text[])
    UNION ALL
    SELECT client_id, false, names FROM former_relying_party WHERE client_id = ANY($1::text[])
      AND NOT EXISTS (SELECT FROM relying_party WHERE relying_party.client_id = former_relying_party.client_id)`,
};

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface ConsentRow {
  id: string;
  client_id: string;
  granted: string[];
  declined: string[];
  purpose: string | null;
  period: KeptConsent['period'];
  granted_at: number;
  expires_at: number;
  withdrawn_at: number | null;
  is_replaced: boolean;
}

function keptConsent(row: ConsentRow): KeptConsent {
  const { id, granted, declined, period } = row;
  return {
    ...{ id, granted, declined, period, clientId: row.client_id, purpose: row.purpose ?? undefined },
    ...{ grantedAt: row.granted_at, expiresAt: row.expires_at, withdrawnAt: row.withdrawn_at ?? undefined },
    isReplaced: row.is_replaced,
  };
}

export function createPortalStore(queries: Queries): PortalStore {
  return {
    async listLiveConsents(subjectId, now, limit) {
      return (await queries.query<ConsentRow>(LIST_LIVE_CONSENTS, [subjectId, now, limit])).rows.map(keptConsent);
    },

    async listPastConsents(subjectId, now, after, limit) {
      if (after !== undefined && !UUID_SHAPE.test(after)) return [];
      const { rows } = await queries.query<ConsentRow>(LIST_PAST_CONSENTS, [subjectId, now, after ?? null, limit]);
      return rows.map(keptConsent);
    },

    async findConsents(subjectId, consentIds) {
      const ids = consentIds.filter((id) => UUID_SHAPE.test(id));
      return (await queries.query<ConsentRow>(FIND_CONSENTS, [subjectId, ids])).rows.map(keptConsent);
    },

    async listDisclosures(subjectId, { clientId, claim, from, until }, before, limit) {
      if (!storable(`${clientId}${claim}`)) return [];
      const { rows } = await queries.query<{
        sequence: number;
        client_id: string;
        consent_id: string;
        exit: Exit;
        claims: string[];
        sources: (string | null)[];
        at: number;
        delivered_at: number | null;
      }>(LIST_DISCLOSURES, [
        ...[subjectId, clientId ?? null, claim ?? null, from ?? null, until ?? null],
        before ?? null,
        limit,
      ]);
      return rows.map(({ client_id, consent_id, delivered_at, sources, ...row }) => ({
        sources: sources.map((source) => source ?? undefined),
        ...{ clientId: client_id, consentId: consent_id, deliveredAt: delivered_at ?? undefined },
        ...row,
      }));
    },

    async countDisclosures(subjectId, limit) {
      const { rows } = await queries.query<{ client_id: string; claim: string; count: number; last_at: number }>(
        COUNT_DISCLOSURES,
        [subjectId, limit],
      );
      return rows.map(({ client_id, claim, count, last_at }) => ({
        ...{ clientId: client_id, claim, count, lastAt: last_at },
      }));
    },

    async listCertificates(subjectId, limit) {
      const { rows } = await queries.query<{
        kind: KeptCertificate['kind'];
        status: KeptCertificate['status'];
        bound_at: number;
        not_after: number;
        checked_at: number;
        previously_checked_at: number | null;
        link_method: NonNullable<KeptCertificate['method']> | null;
        is_revoked: boolean;
      }>(LIST_CERTIFICATES, [subjectId, limit]);
      return rows.map((row) => ({
        ...{ kind: row.kind, status: row.status, boundAt: row.bound_at, notAfter: row.not_after },
        ...{ checkedAt: row.checked_at, previouslyCheckedAt: row.previously_checked_at ?? undefined },
        ...{ method: row.link_method ?? undefined, isRevoked: row.is_revoked },
      }));
    },

    async findRelyingParties(clientIds) {
      const { rows } = await queries.query<{
        client_id: string;
        is_registered: boolean;
        metadata: Record<string, unknown>;
      }>(FIND_RELYING_PARTIES, [clientIds.filter(storable)]);
      return rows.map(({ client_id: clientId, is_registered: isRegistered, metadata }) => ({
        ...{ clientId, isRegistered, metadata },
      }));
    },
  };
}
