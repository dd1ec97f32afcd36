import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningAuthority, startAuthority } from '../../adapters/sandbox/authority/start_authority.ts';
import type { AuthorityState } from '../../adapters/sandbox/authority/state.ts';
import { guard } from './leaks/leak_guard.ts';

export interface TestAuthority {
  readonly authority: RunningAuthority;
  readonly dataFolder: string;
  readonly cardsFolder: string;
  stop(): Promise<void>;
}

/**
 * A sandbox authority with its citizens, for this caller alone. The keys of all citizens take seconds to make, so the
 * folder is copied from one that is made once for each version of the authority's code.
 */
export async function startTestAuthority(): Promise<TestAuthority> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'musubi-test-authority-'));
  cpSync(await authorityTemplate(), dataFolder, { recursive: true });
  const authority = await startAuthority({ dataFolder });
  const { store } = authority;
  rememberSecrets(store.state);
  const update = store.update.bind(store);
  store.update = async (change) => {
    const result = await update(change);
    rememberSecrets(store.state);
    return result;
  };
  return {
    authority,
    dataFolder,
    cardsFolder: join(dataFolder, 'cards'),
    async stop() {
      await authority.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** A data folder whose authority has run once; copy it, never use it. */
export async function authorityTemplate(): Promise<string> {
  const folder = join(tmpdir(), `musubi-test-citizens-${codeVersion()}`);
  if (existsSync(folder)) return folder;
  const draft = mkdtempSync(`${folder}.${randomBytes(4).toString('hex')}`);
  await (await startAuthority({ dataFolder: draft, firstSerial: longSerial })).stop();
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another test file was faster.
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** What a hub must not let out of all that the authority has issued and registered. */
export function rememberSecrets(state: Readonly<AuthorityState>): void {
  for (const { certificate } of state.certificates) guard.secrets.certificate(Buffer.from(certificate, 'base64'));
  for (const { attributes } of state.citizens) guard.secrets.person(attributes);
}

/** Sixteen octets, which chance writes nowhere: what looks like one of them in a log is one. */
const longSerial = (): bigint => BigInt(`0x5a${randomBytes(15).toString('hex')}`);

/** Changes with the authority, with the certificates it makes, and with the day: citizens' certificates have dates. */
function codeVersion(): string {
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 10));
  hash.update(readFileSync(new URL(import.meta.url)));
  for (const folder of ['../../adapters/sandbox/authority/', '../../adapters/sandbox/pki/']) {
    const url = new URL(folder, import.meta.url);
    for (const name of readdirSync(url).sort()) hash.update(name).update(readFileSync(new URL(name, url)));
  }
  return hash.digest('hex').slice(0, 16);
}
