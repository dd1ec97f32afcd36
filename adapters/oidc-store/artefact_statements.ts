import type { Statement } from '../database/database.ts';
import { artefactModels } from './artefact_models.ts';

/**
 * Revocation of a grant is a mark on the grant's row; whatever names that grant is not found from that moment on.
 *
 * A scalar subquery, since NOT EXISTS becomes a join, and without statistics (the embedded database never gathers any)
 * one that reads every row.
 */
const GRANT_IS_NOT_REVOKED = `(
  SELECT grant_row.sealed_payload IS NULL FROM oidc_artefact AS grant_row WHERE grant_row.key = artefact.grant_key
  ) IS NOT TRUE`;

/** Using up: of any number of callers one changes the row. */
function use(key: string, now: string): string {
  return `UPDATE oidc_artefact AS artefact SET consumed_at = ${now}
    WHERE key = ${key} AND consumed_at IS NULL AND artefact.sealed_payload IS NOT NULL
      AND artefact.expires_at > ${now} AND ${GRANT_IS_NOT_REVOKED}`;
}

/** With the row come the grant that it names and the session that it is bound to, which the engine asks for next. */
function findBy(column: 'key' | 'uid_key' | 'user_code_key'): Statement {
  return {
    name: `artefact_find_by_${column}`,
    text: `SELECT artefact.key, artefact.sealed_payload, artefact.consumed_at, artefact.session_key,
        grant_row.key AS grant_key, grant_row.sealed_payload AS grant_payload, grant_row.expires_at AS grant_expires_at,
        session.key AS session_row_key, session.sealed_payload AS session_payload,
        session.expires_at AS session_expires_at
      FROM oidc_artefact AS artefact
        LEFT JOIN oidc_artefact AS grant_row ON grant_row.key = artefact.grant_key
        LEFT JOIN oidc_artefact AS session ON session.uid_key = artefact.session_key
      WHERE artefact.${column} = $1 AND artefact.sealed_payload IS NOT NULL AND artefact.expires_at > $2
        AND (grant_row.key IS NULL OR grant_row.sealed_payload IS NOT NULL)`,
  };
}

export const FIND = findBy('key');
export const FIND_BY_UID = findBy('uid_key');
export const FIND_BY_USER_CODE = findBy('user_code_key');

/** Rows of one model may be saved a single time (see artefact_models.ts). */
const ONCE = Object.entries(artefactModels)
  .filter(([, { writing }]) => writing === 'once')
  .map(([name]) => `'${name}'`)
  .join(', ');

/** Columns and their types: a list of values that is selected from has no other way to know them. */
const COLUMNS = {
  key: 'bytea',
  model: 'text',
  grant_key: 'bytea',
  uid_key: 'bytea',
  session_key: 'bytea',
  user_code_key: 'bytea',
  subject_key: 'bytea',
  sealed_payload: 'bytea',
  expires_at: 'bigint',
} as const;
const COLUMN_NAMES = Object.keys(COLUMNS).join(', ');
const statements = new Map<string, Statement>();

/**
 * Saves `rows` rows and deletes `gone` keys in one statement, and returns the keys that were saved. Parameters: now; when
 * `used`, the key of the code or token that is used up for it; the keys to delete; the columns of each row. A row that
 * has expired is as good as swept. `used` needs rows. When somebody else has used up the code or token, nothing is saved and nothing goes.
 */
export function saveTogether(rows: number, gone: number, used = false): Statement {
  const name = `artefact_${used ? 'use_' : ''}save_${rows}_delete_${gone}`;
  let statement = statements.get(name);
  if (!statement) {
    statement = { name, text: saveText(rows, gone, used) };
    statements.set(name, statement);
  }
  return statement;
}

function saveText(rows: number, gone: number, used: boolean): string {
  let parameter = 1;
  const next = () => {
    parameter += 1;
    return `$${parameter}`;
  };
  const usedUp = used ? `used AS (${use(next(), '$1')} RETURNING key)` : undefined;
  const condition = used ? 'EXISTS (SELECT FROM used)' : '$1::bigint IS NOT NULL';
  const keys = Array.from({ length: gone }, next);
  const deletion = `DELETE FROM oidc_artefact WHERE key IN (${keys.join(', ')}) AND ${condition}`;
  if (rows === 0) return `${deletion} RETURNING key`;
  const parts = [usedUp, gone > 0 ? `ended AS (${deletion})` : undefined].filter((part) => part !== undefined);
  const values = Array.from({ length: rows }, (_, row) => {
    const cells = Object.values(COLUMNS).map((type) => (row === 0 ? `${next()}::${type}` : next()));
    return `(${cells.join(', ')})`;
  });
  const source = `VALUES ${values.join(', ')}`;
  return `${parts.length > 0 ? `WITH ${parts.join(', ')}` : ''}
    INSERT INTO oidc_artefact AS artefact (${COLUMN_NAMES})
    ${used ? `SELECT * FROM (${source}) AS given WHERE ${condition}` : source}
    ON CONFLICT (key) DO UPDATE SET grant_key = excluded.grant_key, uid_key = excluded.uid_key,
      session_key = excluded.session_key, user_code_key = excluded.user_code_key, subject_key = excluded.subject_key,
      sealed_payload = excluded.sealed_payload, expires_at = excluded.expires_at, consumed_at = NULL
    WHERE artefact.expires_at <= $1 OR (excluded.model NOT IN (${ONCE})
      AND artefact.sealed_payload IS NOT NULL AND artefact.consumed_at IS NULL)
    RETURNING key`;
}

export const CONSUME: Statement = { name: 'artefact_consume', text: use('$1', '$2') };
/** After a second use: marks the end of the grant that the used-up row names. $2 is now, $3 when the mark may go. */
export const REVOKE_GRANT_OF_CONSUMED: Statement = {
  name: 'artefact_revoke_grant_of_consumed',
  text: `INSERT INTO oidc_artefact AS artefact (key, model, expires_at)
    SELECT grant_key, 'Grant', $3 FROM oidc_artefact
    WHERE key = $1 AND grant_key IS NOT NULL AND consumed_at IS NOT NULL AND expires_at > $2
    ON CONFLICT (key) DO UPDATE SET sealed_payload = NULL, expires_at = excluded.expires_at
      WHERE artefact.sealed_payload IS NOT NULL`,
};

export const DELETE: Statement = {
  name: 'artefact_delete',
  text: 'DELETE FROM oidc_artefact WHERE key = $1',
};
/** Empties a row and keeps it until $2. */
export const MARK_END: Statement = {
  name: 'artefact_mark_end',
  text: `UPDATE oidc_artefact SET sealed_payload = NULL, uid_key = NULL, expires_at = $2
    WHERE key = $1 AND sealed_payload IS NOT NULL`,
};
/** The same for a grant, whether or not it has been saved: the mark is what hides its tokens. */
export const REVOKE_GRANT: Statement = {
  name: 'artefact_revoke_grant',
  text: `INSERT INTO oidc_artefact AS artefact (key, model, expires_at) VALUES ($1, 'Grant', $2)
    ON CONFLICT (key) DO UPDATE SET sealed_payload = NULL, expires_at = excluded.expires_at
      WHERE artefact.sealed_payload IS NOT NULL`,
};
/** The sessions and grants of a subject that are alive at $2. */
export const FIND_OF_SUBJECT: Statement = {
  name: 'artefact_find_of_subject',
  text: `SELECT key FROM oidc_artefact
    WHERE subject_key = $1 AND sealed_payload IS NOT NULL AND expires_at > $2`,
};
export const SESSIONS_OF_SUBJECT: Statement = {
  name: 'artefact_sessions_of_subject',
  text: `SELECT key, sealed_payload, expires_at FROM oidc_artefact
    WHERE subject_key = $1 AND model = 'Session' AND sealed_payload IS NOT NULL AND expires_at > $2`,
};
export const READ_OF_SUBJECT: Statement = {
  name: 'artefact_read_of_subject',
  text: `SELECT key, model, sealed_payload FROM oidc_artefact
    WHERE subject_key = $1 AND sealed_payload IS NOT NULL AND expires_at > $2`,
};
/**
 * MARK_END that returns what the row held; nothing when it has ended already. One row at a time: several locked together
 * could deadlock with a request that saves them in another order.
 */
export const END: Statement = {
  name: 'artefact_end',
  text: `WITH live AS (
      SELECT sealed_payload FROM oidc_artefact WHERE key = $1 AND sealed_payload IS NOT NULL FOR UPDATE
    )
    UPDATE oidc_artefact AS artefact SET sealed_payload = NULL, uid_key = NULL, expires_at = $2
    FROM live WHERE artefact.key = $1 RETURNING artefact.model, live.sealed_payload`,
};
/** One model at a time: the engine revokes several at once, and disjoint rows cannot deadlock. */
export const DELETE_BY_GRANT: Statement = {
  name: 'artefact_delete_by_grant',
  text: 'DELETE FROM oidc_artefact WHERE grant_key = $1 AND model = $2',
};

/**
 * $1 model, $2 now, $3 how many. With a grant goes everything that names it: nothing may outlive the mark that hides it,
 * and tokens of an expired grant are refused anyway.
 */
export const SWEEP: Statement = {
  name: 'artefact_sweep',
  text: `WITH expired AS (
      SELECT key FROM oidc_artefact WHERE model = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3
      FOR UPDATE SKIP LOCKED
    ), children AS (
      DELETE FROM oidc_artefact WHERE grant_key IN (SELECT key FROM expired)
    )
    DELETE FROM oidc_artefact WHERE key IN (SELECT key FROM expired)`,
};

/** $1 model, $2 now, $3 where counting may stop. Reads one index. */
export const COUNT: Statement = {
  name: 'artefact_count',
  text: `SELECT count(*) AS count FROM (
      SELECT FROM oidc_artefact WHERE model = $1 AND expires_at > $2 LIMIT $3) AS counted`,
};
