import type pg from 'pg';
import type { Statement } from './database.ts';
import { statementMessage } from './statement_message.ts';
import { typeParsers } from './type_parsers.ts';

interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

export interface QueryResult {
  rows: Record<string, unknown>[];
  count: number;
  /** `SELECT`, `COMMIT` … */
  command: string;
}

/** What each connection has prepared, and the columns that come of it. */
const prepared = new WeakMap<pg.Connection, Map<string, readonly Column[]>>();

/**
 * One run of a prepared statement on a connection of pg: what pg's own Query is for, in one write and without asking
 * for the columns every time. On the sign-in path that is half the cost of the driver.
 *
 * pg calls the methods; their names and order are pg's (its Query is the reference).
 */
export class PreparedQuery implements pg.Submittable {
  /** Set by pg, which wraps it once more for its time limit. */
  callback: ((error: Error | null, result?: QueryResult) => void) | undefined;
  readonly #statement: Statement;
  readonly #values: readonly unknown[];
  readonly #result: QueryResult = { rows: [], count: 0, command: '' };
  #known: Map<string, readonly Column[]> | undefined;
  #columns: readonly Column[] | undefined;
  #failure: Error | undefined;

  constructor(statement: Statement, values: readonly unknown[]) {
    this.#statement = statement;
    this.#values = values;
  }

  /** Returns the error when there is nothing to send; pg hands it to `handleError`. */
  submit(connection: pg.Connection): Error | undefined {
    let known = prepared.get(connection);
    if (!known) {
      known = new Map();
      prepared.set(connection, known);
    }
    this.#known = known;
    this.#columns = known.get(this.#statement.name);
    let message: Buffer;
    try {
      message = statementMessage(this.#statement.name, this.#columns ? undefined : this.#statement.text, this.#values);
    } catch (error) {
      return error as Error; // a TypeError: nothing else is thrown there
    }
    connection.stream.write(message);
    return undefined;
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: typeParsers.getTypeParser(dataTypeID, 'text') as Column['parse'],
    }));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#failure) return;
    try {
      const row: Record<string, unknown> = {};
      this.#columns?.forEach(({ name, parse }, index) => {
        const text = fields[index];
        row[name] = text === null || text === undefined ? null : parse(text);
      });
      this.#result.rows.push(row);
    } catch (error) {
      this.#failure = error as Error; // of a type parser
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const words = text.split(' ');
    this.#result.command = words[0] ?? '';
    const count = Number(words.at(-1));
    if (Number.isSafeInteger(count)) this.#result.count = count;
    this.#known?.set(this.#statement.name, this.#columns ?? []);
  }

  handleError(error: Error): void {
    // Whatever went wrong may concern the prepared statement itself: the next run prepares it again.
    this.#known?.delete(this.#statement.name);
    this.callback?.(error);
  }

  handleReadyForQuery(): void {
    if (this.#failure) this.handleError(this.#failure);
    else this.callback?.(null, this.#result);
  }

  // None of our statements is empty, asks for its rows in portions, or copies.
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}
