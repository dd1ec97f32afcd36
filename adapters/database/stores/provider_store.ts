import type { JSONWebKeySet } from 'jose';
import type {
  AttributeProvider,
  EntryField,
  KeptAnswer,
  Member,
  Membership,
  ProviderKind,
  ProviderStore,
  UserinfoInterface,
} from '../../../provider/attributes/providers/provider_store.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const COLUMNS = 'id, kind, names, url, keys, jwks_uri, userinfo, entries, forms, is_active, created_at';

const INSERT: Statement = {
  name: 'provider_insert',
  text: `INSERT INTO attribute_provider (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT DO NOTHING`,
};
const FIND: Statement = { name: 'provider_find', text: `SELECT ${COLUMNS} FROM attribute_provider WHERE id = $1` };
const LIST: Statement = { name: 'provider_list', text: `SELECT ${COLUMNS} FROM attribute_provider ORDER BY id` };
const REPLACE: Statement = {
  name: 'provider_replace',
  text: `UPDATE attribute_provider SET kind = $2, names = $3, url = $4, keys = $5, jwks_uri = $6, userinfo = $7,
    entries = $8, forms = $9, is_active = $10 WHERE id = $1`,
};
const REMOVE: Statement = { name: 'provider_remove', text: 'DELETE FROM attribute_provider WHERE id = $1' };

// The member that is asked for may be removed in this moment: then there is nothing to say of it.
const SET_OF_PROVIDER: Statement = {
  name: 'provider_set_attribute',
  text: `INSERT INTO member_attribute (provider_id, claim, holds, offers, accepts)
    SELECT id, $2, $3, $4, $5 FROM attribute_provider WHERE id = $1 FOR KEY SHARE
    ON CONFLICT (provider_id, claim) WHERE provider_id IS NOT NULL
    DO UPDATE SET holds = excluded.holds, offers = excluded.offers, accepts = excluded.accepts`,
};
const SET_OF_CLIENT: Statement = {
  name: 'provider_set_acceptance',
  text: `INSERT INTO member_attribute (client_id, claim, holds, offers, accepts)
    SELECT client_id, $2, $3, $4, $5 FROM relying_party WHERE client_id = $1 FOR KEY SHARE
    ON CONFLICT (client_id, claim) WHERE client_id IS NOT NULL
    DO UPDATE SET holds = excluded.holds, offers = excluded.offers, accepts = excluded.accepts`,
};
const LIST_ATTRIBUTES: Statement = {
  name: 'provider_list_attributes',
  text: `SELECT provider_id, client_id, claim, holds, offers, accepts FROM member_attribute
    ORDER BY provider_id NULLS LAST, client_id, claim`,
};
// Looked up for each question, so that what an administrator changes holds at once.
const SELECTABLE: Statement = {
  name: 'provider_selectable',
  text: `SELECT offer.claim, membership.id AS membership_id, membership.sealed_reference, membership.bound_at,
      provider.id, provider.kind, provider.names, provider.url, provider.keys, provider.jwks_uri, provider.userinfo,
      provider.entries, provider.forms, provider.is_active, provider.created_at
    FROM membership
    JOIN attribute_provider provider ON provider.id = membership.provider_id AND provider.is_active
    JOIN member_attribute offer ON offer.provider_id = provider.id AND offer.offers
    WHERE membership.subject_id = $1 AND membership.ended_at IS NULL AND offer.claim = ANY ($3::text[])
      AND ($2::text IS NULL OR EXISTS (
        SELECT 1 FROM member_attribute acceptance
        WHERE acceptance.client_id = $2 AND acceptance.claim = offer.claim AND acceptance.accepts
      ))
    ORDER BY membership.bound_at DESC, membership.id`,
};
const ACCEPTED: Statement = {
  name: 'provider_accepted',
  text: 'SELECT claim FROM member_attribute WHERE client_id = $1 AND claim = ANY ($2::text[]) AND accepts',
};

const END_OWN: Statement = {
  name: 'provider_end_own_membership',
  text: `UPDATE membership SET ended_at = $3, ended_by = 'replaced'
    WHERE subject_id = $1 AND provider_id = $2 AND ended_at IS NULL`,
};
const DROP_ANSWERS_OF: Statement = {
  name: 'provider_drop_answers',
  text: `DELETE FROM provider_answer USING membership
    WHERE membership.id = provider_answer.membership_id AND membership.subject_id = $1 AND membership.provider_id = $2`,
};
// Two that bind at the same moment: the second waits here for the first, and then meets its row.
const LOCK_SUBJECT: Statement = {
  name: 'provider_lock_subject',
  text: 'SELECT id FROM subject WHERE id = $1 FOR NO KEY UPDATE',
};
const IS_TAKEN: Statement = {
  name: 'provider_customer_is_taken',
  text: `SELECT 1 FROM membership
    WHERE provider_id = $1 AND customer = $2 AND subject_id <> $3 AND ended_at IS NULL`,
};
const BIND: Statement = {
  name: 'provider_bind',
  text: `INSERT INTO membership (id, subject_id, provider_id, customer, sealed_reference, bound_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
};
const LIST_MEMBERSHIPS: Statement = {
  name: 'provider_list_memberships',
  text: `SELECT id, provider_id, customer, sealed_reference, bound_at FROM membership
    WHERE subject_id = $1 AND ended_at IS NULL ORDER BY bound_at DESC, id`,
};
const END: Statement = {
  name: 'provider_end_membership',
  text: `WITH ended AS (
      UPDATE membership SET ended_at = $4, ended_by = $3
      WHERE id = $1 AND subject_id = $2 AND ended_at IS NULL RETURNING id, provider_id
    ), dropped AS (
      DELETE FROM provider_answer USING ended WHERE provider_answer.membership_id = ended.id
    )
    SELECT provider_id FROM ended`,
};

const WITH_REFERENCES: Statement = {
  name: 'provider_with_references',
  text: `SELECT ${COLUMNS} FROM attribute_provider WHERE is_active AND id IN (
      SELECT source FROM disclosure
      WHERE subject_id = $1 AND consent_id = $2 AND exit = 'distributed' AND disclosure.at > $3
    )`,
};

const KEEP_ANSWER: Statement = {
  name: 'provider_keep_answer',
  text: `INSERT INTO provider_answer (membership_id, claim, sealed, obtained_at, kept_until)
    SELECT id, $2, $3, $4, $5 FROM membership WHERE id = $1 AND ended_at IS NULL FOR KEY SHARE
    ON CONFLICT (membership_id, claim)
    DO UPDATE SET sealed = excluded.sealed, obtained_at = excluded.obtained_at, kept_until = excluded.kept_until`,
};
const FIND_ANSWERS: Statement = {
  name: 'provider_find_answers',
  text: `SELECT claim, sealed, obtained_at, kept_until FROM provider_answer
    WHERE membership_id = $1 AND claim = ANY ($2::text[]) AND kept_until > $3`,
};
const SWEEP_ANSWERS: Statement = {
  name: 'provider_sweep_answers',
  text: `DELETE FROM provider_answer WHERE (membership_id, claim) IN (
      SELECT membership_id, claim FROM provider_answer WHERE kept_until <= $1 LIMIT $2
    )`,
};

interface ProviderRow {
  id: string;
  kind: ProviderKind;
  names: AttributeProvider['names'];
  url: string;
  keys: JSONWebKeySet | null;
  jwks_uri: string | null;
  userinfo: UserinfoInterface | null;
  entries: EntryField[];
  forms: AttributeProvider['forms'];
  is_active: boolean;
  created_at: number;
}

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `transact` as for createConsentStore. */
export function createProviderStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
): ProviderStore {
  return {
    async insert(provider) {
      return (await queries.query(INSERT, [...valuesOf(provider), provider.createdAt])).count === 1;
    },

    async find(id) {
      if (!storable(id)) return undefined;
      const [row] = (await queries.query<ProviderRow>(FIND, [id])).rows;
      return row && providerOf(row);
    },

    async list() {
      return (await queries.query<ProviderRow>(LIST)).rows.map(providerOf);
    },

    async replace(provider) {
      return (await queries.query(REPLACE, valuesOf(provider))).count === 1;
    },

    async remove(id) {
      if (!storable(id)) return false;
      return (await queries.query(REMOVE, [id])).count === 1;
    },

    async setAttribute({ member, claim, holds, offers, accepts }) {
      const [statement, id] =
        'providerId' in member
          ? ([SET_OF_PROVIDER, member.providerId] as const)
          : ([SET_OF_CLIENT, member.clientId] as const);
      if (!storable(id)) return false;
      return (await queries.query(statement, [id, claim, holds, offers, accepts])).count === 1;
    },

    async listAttributes() {
      const { rows } = await queries.query<{
        provider_id: string | null;
        client_id: string | null;
        claim: string;
        holds: boolean;
        offers: boolean;
        accepts: boolean;
      }>(LIST_ATTRIBUTES);
      return rows.map(({ provider_id, client_id, ...attribute }) => {
        const member: Member = provider_id === null ? { clientId: client_id ?? '' } : { providerId: provider_id };
        return { member, ...attribute };
      });
    },

    async selectable(subjectId, clientId, claims) {
      if (clientId !== undefined && !storable(clientId)) return [];
      const { rows } = await queries.query<
        ProviderRow & { claim: string; membership_id: string; sealed_reference: Buffer; bound_at: number }
      >(SELECTABLE, [subjectId, clientId ?? null, claims]);
      return rows.map((row) => ({
        claim: row.claim,
        provider: providerOf(row),
        membership: { id: row.membership_id, sealedReference: row.sealed_reference, boundAt: row.bound_at },
      }));
    },

    async accepted(clientId, claims) {
      if (!storable(clientId)) return [];
      const { rows } = await queries.query<{ claim: string }>(ACCEPTED, [clientId, claims]);
      return rows.map(({ claim }) => claim);
    },

    async bind({ id, subjectId, providerId, customer, sealedReference, boundAt }) {
      return transact(async (inside) => {
        await inside.query(LOCK_SUBJECT, [subjectId]);
        const taken = await inside.query(IS_TAKEN, [providerId, customer, subjectId]);
        if (taken.count > 0) return false;
        await inside.query(DROP_ANSWERS_OF, [subjectId, providerId]);
        await inside.query(END_OWN, [subjectId, providerId, boundAt]);
        const values = [id, subjectId, providerId, customer, sealedReference, boundAt];
        return (await inside.query(BIND, values)).count === 1;
      });
    },

    async listMemberships(subjectId) {
      const { rows } = await queries.query<{
        id: string;
        provider_id: string;
        customer: Buffer;
        sealed_reference: Buffer;
        bound_at: number;
      }>(LIST_MEMBERSHIPS, [subjectId]);
      return rows.map(
        (row): Membership => ({
          ...{ id: row.id, subjectId, providerId: row.provider_id, customer: row.customer },
          ...{ sealedReference: row.sealed_reference, boundAt: row.bound_at },
        }),
      );
    },

    async end(membershipId, subjectId, by, now) {
      if (!UUID_SHAPE.test(membershipId)) return undefined;
      const { rows } = await queries.query<{ provider_id: string }>(END, [membershipId, subjectId, by, now]);
      return rows[0]?.provider_id;
    },

    async withReferences(subjectId, consentId, since) {
      return (await queries.query<ProviderRow>(WITH_REFERENCES, [subjectId, consentId, since])).rows.map(providerOf);
    },

    async keepAnswer(membershipId, { claim, sealed, obtainedAt, keptUntil }) {
      await queries.query(KEEP_ANSWER, [membershipId, claim, sealed, obtainedAt, keptUntil]);
    },

    async findAnswers(membershipId, claims, now) {
      const { rows } = await queries.query<{ claim: string; sealed: Buffer; obtained_at: number; kept_until: number }>(
        FIND_ANSWERS,
        [membershipId, claims, now],
      );
      return rows.map(
        (row): KeptAnswer => ({
          ...{ claim: row.claim, sealed: row.sealed, obtainedAt: row.obtained_at, keptUntil: row.kept_until },
        }),
      );
    },

    sweepAnswers: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP_ANSWERS, [now, limit])).count),
  };
}

/** Of the columns up to `is_active`. */
function valuesOf({ id, kind, names, url, keys, jwksUri, userinfo, entries, forms, isActive }: AttributeProvider) {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  const described = [json(keys), jwksUri ?? null, json(userinfo), json(entries), json(forms)];
  return [id, kind, json(names), url, ...described, isActive];
}

function providerOf(row: ProviderRow): AttributeProvider {
  const { id, kind, names, url, keys, jwks_uri, userinfo, entries, forms } = row;
  return {
    ...{ id, kind, names, url, entries, forms, isActive: row.is_active, createdAt: row.created_at },
    ...(keys && { keys }),
    ...(jwks_uri !== null && { jwksUri: jwks_uri }),
    ...(userinfo && { userinfo }),
  };
}
