/**
 * Program: writes subjects and audit events for ever and says each id only after its transaction was committed.
 * Argument: what `openDatabase` takes, as JSON.
 */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { openDatabase } from '../../../adapters/database/open_database.ts';

const database = await openDatabase(JSON.parse(process.argv[2] ?? ''));
const storage = createStorage(database, createVault([new Uint8Array(32)]));
for (;;) {
  const subjectId = randomUUID();
  await storage.transaction(async (stores) => {
    await stores.identity.insertSubject(subjectId, Date.now());
    await stores.audit.append({ kind: 'subject.created', actor: 'hub', subjectId }, Date.now());
  });
  writeSync(1, `${subjectId}\n`);
}
