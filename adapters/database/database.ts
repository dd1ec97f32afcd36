import type { Knex } from 'knex';

/** A prepared statement. `name` is unique for its text (at most 63 bytes): the server plans it once a connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface Result<Row> {
  rows: Row[];
  /** Rows that were read or changed. */
  count: number;
}

/**
 * What a store needs of the database. Values come back the same from both engines: `bigint` columns as numbers
 * (times are milliseconds since the epoch), `numeric` as strings, `bytea` as Buffers, `jsonb` parsed.
 */
export interface Queries {
  /**
   * Runs one prepared statement.
   *
   * @throws HubError `storage_unavailable` (503) when the database cannot be reached or does not answer in time
   */
  query<Row = Record<string, never>>(statement: Statement, values?: readonly unknown[]): Promise<Result<Row>>;
}

export interface Database extends Queries {
  readonly engine: 'embedded' | 'postgresql';
  /**
   * Runs `work` in one READ COMMITTED transaction on one connection. A serialisation failure or deadlock is tried
   * again, a bounded number of times, so `work` must have no effects but its queries.
   *
   * Only the queries handed in take part. The embedded engine has one connection: asking the database itself for
   * something inside `work` waits for a connection that never comes, and fails with `storage_unavailable`.
   */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /** Query builder over the same connections, for migrations and cold paths; loaded at first use (30 MB, 0.2 s). */
  knex(): Promise<Knex>;
  /** Waits for what is running, then disconnects and gives the folder free. */
  close(): Promise<void>;
}
