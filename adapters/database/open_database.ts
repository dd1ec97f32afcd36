import type { Database } from './database.ts';
import { openEmbedded } from './embedded/open_embedded.ts';
import { openPostgresql } from './open_postgresql.ts';

export type DatabaseSettings =
  | {
      readonly kind: 'embedded';
      /** Made when it is missing; belongs to one process at a time. */
      readonly folder: string;
    }
  | {
      readonly kind: 'postgresql';
      /** `postgresql://user:password@host:port/database`. */
      readonly url: string;
      /** Connections this process may hold. */
      readonly poolSize: number;
    };

export interface DatabaseOptions {
  /** Hears of lost connections that no query was waiting for. Never receives values or the connection string. */
  readonly log?: (event: string, details: Record<string, unknown>) => void;
}

/**
 * Opens the embedded database (PGlite) or connects to PostgreSQL. A new embedded folder comes migrated; otherwise
 * `migrate` is for the caller to run.
 *
 * @throws HubError `database_in_use` when another process holds the embedded folder
 * @throws HubError `storage_unavailable` when PostgreSQL cannot be reached
 */
export async function openDatabase(settings: DatabaseSettings, options: DatabaseOptions = {}): Promise<Database> {
  return settings.kind === 'embedded' ? openEmbedded(settings, options) : openPostgresql(settings, options);
}
