import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { LAUNCH } from './person.ts';

/** Somebody's own computer: a Chromium with a profile and a certificate store. */
export interface Computer {
  readonly context: BrowserContext;
  shutDown(): Promise<void>;
}

/**
 * Chromium with the certificates of these files in its store, the NSS database of a home folder, as a person imports
 * them. What a person does in the window that asks which one to use, which no test can, the profile has been told: the
 * first that fits.
 *
 * @param files PKCS #12, passphrase `test`
 * @param authority PEM of the authority for servers
 * @param origin that asks for certificates
 */
export async function startComputer(
  { files, authority, origin }: { files: readonly string[]; authority: string; origin: string },
  options: BrowserContextOptions = {},
): Promise<Computer> {
  const home = mkdtempSync(join(tmpdir(), 'musubi-test-home-'));
  const store = join(home, '.pki/nssdb');
  mkdirSync(store, { recursive: true });
  const database = `sql:${store}`;
  execFileSync('certutil', ['-N', '-d', database, '--empty-password']);
  execFileSync('certutil', ['-A', '-d', database, '-n', 'servers', '-t', 'C,,', '-i', authority]);
  for (const file of files) execFileSync('pk12util', ['-i', file, '-d', database, '-W', 'test'], { stdio: 'ignore' });
  const profile = join(home, 'profile');
  mkdirSync(join(profile, 'Default'), { recursive: true });
  const choices = { [`${origin},*`]: { setting: { filters: [{}] } } };
  const preferences = { profile: { content_settings: { exceptions: { auto_select_certificate: choices } } } };
  writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, {
    ...LAUNCH,
    env: { ...process.env, HOME: home },
    locale: 'ja-JP',
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  return {
    context,
    async shutDown() {
      await context.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
