import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SAML, type SamlConfig } from '@node-saml/node-saml';
import { filledExample } from '../../support/filled_example.ts';
import { type KeyFiles, pemOf } from './provider_keys.ts';
import type { PublishedHub } from './published_hub.ts';

export const NODE_SAML_ORIGIN = 'https://portal.example.jp';

/** A service provider of node-saml with the example for operators; nothing listens at its addresses. */
export async function createNodeSaml(
  hub: PublishedHub,
  keys: KeyFiles,
  changed: Partial<SamlConfig> = {},
): Promise<SAML> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-node-saml-'));
  const origin = new URL(hub.entityId).origin;
  const settingsFile = join(folder, 'settings.js');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'musubi.pem'), hub.certificates.map(pemOf).join(''));
  writeFileSync(join(folder, 'saml.key'), readFileSync(keys.key));
  writeFileSync(join(folder, 'saml.crt'), readFileSync(keys.certificate));
  writeFileSync(
    settingsFile,
    filledExample('saml/node_saml_settings.js', { 'https://id.example.jp': origin, '/etc/portal': folder }),
  );
  const { settings } = (await import(pathToFileURL(settingsFile).href)) as { settings: SamlConfig };
  rmSync(folder, { recursive: true });
  return new SAML({ ...settings, ...changed });
}

/** What it publishes of itself. */
export function nodeSamlMetadata(saml: SAML, { certificate }: KeyFiles): string {
  const own = readFileSync(certificate, 'utf8');
  const metadata = saml.generateServiceProviderMetadata(own, own);
  // Of answers to a logout it compares the request by redirect only, and refuses those that come by form.
  return metadata.replace(/(<SingleLogoutService Binding="[^"]*:)HTTP-POST"/, '$1HTTP-Redirect"');
}
