import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filledExample } from '../../support/filled_example.ts';
import { reservePorts } from '../../support/ports.ts';
import { publicFolder, startApache } from './apache.ts';
import { certificateText, type KeyFiles, pemOf } from './provider_keys.ts';
import type { PublishedHub } from './published_hub.ts';

export interface Mellon {
  readonly origin: string;
  readonly metadataUrl: string;
  /** Loads other metadata of the hub, or another key of its own, as an operator's restart does. */
  restart(changed: { hub?: PublishedHub; keys?: KeyFiles }): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

/** Runs Apache with mod_auth_mellon and the example for operators. */
export async function startMellon(hub: PublishedHub, ownKeys: KeyFiles): Promise<Mellon> {
  const folder = publicFolder('mellon');
  const [port = 0] = await reservePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const file = (name: string) => join(folder, name);

  function write({ hub, keys }: { hub?: PublishedHub; keys?: KeyFiles }): void {
    if (hub) writeFileSync(file('musubi.xml'), hub.metadata);
    if (hub) writeFileSync(file('musubi.pem'), hub.certificates.map(pemOf).join(''));
    if (!keys) return;
    writeFileSync(file('portal.key'), readFileSync(keys.key));
    writeFileSync(file('portal.cert'), readFileSync(keys.certificate));
    writeFileSync(file('portal.xml'), providerMetadata(origin, keys));
  }
  write({ hub, keys: ownKeys });
  const apache = await startApache({
    ...{ folder, port },
    site: `MellonLockFile ${file('lock')}\n${filledExample('saml/mellon-apache.conf', { '/etc/apache2/mellon': folder })}`,
    module: { name: 'auth_mellon_module', file: 'mod_auth_mellon.so' },
  });
  return {
    origin,
    metadataUrl: `${origin}/mellon/metadata`,
    async restart(changed) {
      write(changed);
      await apache.restart();
    },
    log: apache.log,
    async stop() {
      await apache.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function providerMetadata(origin: string, keys: KeyFiles): string {
  return filledExample('saml/mellon-metadata.xml', {
    'https://portal.example.jp': origin,
    CERTIFICATE: certificateText(keys),
  });
}
