import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SettingsChange } from '../../../provider/saml/provider_settings.ts';
import { enrolCitizen } from '../../protocol/enrol_citizen.ts';
import type { HttpBrowser } from '../../support/http_browser.ts';
import { startTestHub, type TestHub } from '../../support/hub.ts';

import { type KeyFiles, makeKeyFiles } from './provider_keys.ts';
import { type PublishedHub, publishedHub } from './published_hub.ts';

/** A hub with one citizen, for one service provider. */
export interface InteropHub {
  readonly hub: TestHub;
  /** Taro is signed in at the hub here, and has enrolled. */
  readonly browser: HttpBrowser;
  /** What it publishes now. */
  published(): Promise<PublishedHub>;
  /** A service provider's first key. */
  readonly keys: KeyFiles;
  /** Another. */
  makeKeys(): KeyFiles;
  /** Registers or renews a service provider by its metadata, as an operator with a file does. */
  bringMetadata(metadata: string, settings?: SettingsChange): Promise<void>;
  /** Publishes its next key; it signs with it only after `signWithNextKey`. */
  publishNextKey(): Promise<void>;
  signWithNextKey(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds between publishing a key and signing with it, which pass on the hub's clock only. */
const OVERLAP = 5_000;
/** How long a process of the hub goes by what it has read of a service provider (ms), and a little more. */
const UNTIL_SEEN = 2_100;

export async function startInteropHub(): Promise<InteropHub> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-keys-'));
  // All together less than the half minute by which an assertion is valid before it is made: providers have their own clocks.
  let ahead = 0;
  let pairs = 0;
  const makeKeys = () => makeKeyFiles(join(folder, String(pairs++)));
  const hub = await startTestHub({ clock: () => Date.now() + ahead });
  return {
    hub,
    browser: await enrolCitizen(hub, 'taro'),
    published: () => publishedHub(hub),
    keys: makeKeys(),
    makeKeys,
    async bringMetadata(metadata, settings = {}) {
      await hub.hub.serviceProviders.add({ kind: 'file', document: Buffer.from(metadata) }, { settings });
      ahead += UNTIL_SEEN;
    },
    async publishNextKey() {
      await hub.hub.keys.rotateSaml(OVERLAP);
      await hub.hub.refreshKeys();
    },
    async signWithNextKey() {
      ahead += OVERLAP;
      await hub.hub.refreshKeys();
    },
    async stop() {
      await hub.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
