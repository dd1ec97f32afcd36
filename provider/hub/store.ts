import { createStorage } from '../../adapters/database/create_storage.ts';
import type { Database } from '../../adapters/database/database.ts';
import { createVault } from '../../adapters/database/encryption.ts';
import { loadMasterKeys } from '../../adapters/database/load_master_key.ts';
import { migrate } from '../../adapters/database/migrate.ts';
import { type DatabaseSettings, openDatabase } from '../../adapters/database/open_database.ts';
import { createOidcStore } from '../../adapters/oidc-store/oidc_store.ts';
import { ensureSandboxEncryptionKey } from '../../config/encryption_key.ts';
import type { Configuration } from '../../config/schema.ts';
import type { ProviderTransport } from '../attributes/providers/provider_questions.ts';
import type { MailTransport } from '../notices_by_mail/mail_delivery.ts';
import type { Logger } from '../operations/logger.ts';
import type { Metrics } from '../operations/metrics.ts';
import type { Clock, Random } from '../world.ts';

/* Wiring of the composition root: the database with what is kept in it. */

export interface Base {
  config: Configuration;
  log: Logger;
  clock: Clock;
  random: Random;
  metrics: Metrics;
  interpose?: Interposition;
  mail?: MailTransport | undefined;
}

/** Puts something between the hub and a neighbour: for tests of what happens when that fails. */
export interface Interposition {
  database?(database: Database): Database;
  providerTransport?(transport: ProviderTransport): ProviderTransport;
}

export type Store = Awaited<ReturnType<typeof openStore>>;

export async function openStore({ config, log, clock, random, metrics, interpose }: Base) {
  const opened = await openDatabase(databaseSettings(config), {
    log: (event, details) => log.warn({ event, ...details }, 'database'),
  });
  const database = timed(metrics, interpose?.database?.(opened) ?? opened);
  try {
    const migrations = await migrate(database);
    if (migrations.length > 0) log.info({ migrations }, 'migrated');
    if (config.mode === 'sandbox') ensureSandboxEncryptionKey(config.encryptionKeyFile, random);
    const vault = createVault(loadMasterKeys(config.encryptionKeyFile), random);
    const storage = createStorage(database, vault);
    const oidcStore = createOidcStore({ database, vault, clients: storage.clients, clock });
    return { database, vault, storage, oidcStore };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The same database, with the time of each statement in the figures. */
export function timed(metrics: Metrics, database: Database): Database {
  return {
    ...database,
    async query(statement, values) {
      const start = performance.now();
      try {
        return await database.query(statement, values);
      } finally {
        metrics.databaseTook(statement.name, (performance.now() - start) / 1000);
      }
    },
  };
}

export function databaseSettings({ database }: Configuration): DatabaseSettings {
  return database.kind === 'embedded'
    ? { kind: 'embedded', folder: database.folder }
    : { kind: 'postgresql', url: database.url ?? '', poolSize: database.poolSize };
}
