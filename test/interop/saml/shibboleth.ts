import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filledExample } from '../../support/filled_example.ts';
import { reservePorts } from '../../support/ports.ts';
import { type ServerProcess, startServerProcess } from '../../support/server_process.ts';
import { publicFolder, startApache } from './apache.ts';
import { type KeyFiles, pemOf } from './provider_keys.ts';
import type { PublishedHub } from './published_hub.ts';

export interface Shibboleth {
  readonly origin: string;
  /** Where it publishes its metadata. */
  readonly metadataUrl: string;
  /** Has it sign with the first of these keys, decrypt with each, and publish all. */
  useKeys(keys: readonly KeyFiles[]): Promise<void>;
  /** Until it has taken other metadata of the hub than before. */
  untilReloaded(): Promise<void>;
  stop(): Promise<void>;
}

/** Where a sign-in begins by HTTP-POST; by HTTP-Redirect it does wherever a page asks for one. */
export const BY_POST = '/Shibboleth.sso/ByPost';
/** Where one begins with a request that lists its attributes: the name and nothing else. */
export const LISTED = '/Shibboleth.sso/Insured';

/** Runs the Shibboleth service provider — Apache with mod_shib, and shibd — with the examples for operators. */
export async function startShibboleth(hub: PublishedHub, ownKeys: KeyFiles): Promise<Shibboleth> {
  const folder = publicFolder('shibboleth');
  // It looks for a folder of its own name in those that it is given.
  const home = join(folder, 'shibboleth');
  const file = (name: string) => join(home, name);
  const [port = 0] = await reservePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const environment = Object.fromEntries(['CFG', 'RUN', 'LOG', 'CACHE'].map((name) => [`SHIBSP_${name}DIR`, folder]));
  const daemonLog = () => (existsSync(file('shibd.log')) ? readFileSync(file('shibd.log'), 'utf8') : '');

  async function startDaemon(keys: readonly KeyFiles[]): Promise<ServerProcess> {
    writeFileSync(file('shibboleth2.xml'), configuration(hub, origin, keys));
    const args = ['-f', '-F', '-p', file('shibd.pid')];
    const started = startServerProcess('/usr/sbin/shibd', args, { environment, furtherLog: daemonLog });
    await started.until(() => existsSync(file('shibd.sock')), 'start');
    return started;
  }

  cpSync('/etc/shibboleth', home, { recursive: true });
  writeFileSync(file('attribute-map.xml'), filledExample('saml/shibboleth-attribute-map.xml', {}));
  for (const [place, certificate] of hub.certificates.entries()) {
    writeFileSync(file(`musubi-${place}.pem`), pemOf(certificate));
  }
  const logging = readFileSync(file('shibd.logger'), 'utf8').replaceAll('/var/log/shibboleth/', `${home}/`);
  writeFileSync(file('shibd.logger'), logging);
  const native = readFileSync(file('native.logger'), 'utf8').replace('LocalSyslogAppender', 'ConsoleAppender');
  writeFileSync(file('native.logger'), native);

  let daemon = await startDaemon([ownKeys]);
  const apache = await startApache({
    ...{ folder, port, environment },
    site: filledExample('saml/shibboleth-apache.conf', {}),
    module: { name: 'mod_shib', file: 'mod_shib.so' },
  });
  const loads = () => daemonLog().split(`loaded XML resource (${hub.entityId})`).length;
  let loadsSeen = loads();
  return {
    origin,
    metadataUrl: `${origin}/Shibboleth.sso/Metadata`,
    async useKeys(keys) {
      await daemon.stop();
      rmSync(file('shibd.sock'), { force: true });
      daemon = await startDaemon(keys);
      loadsSeen = loads();
    },
    async untilReloaded() {
      await daemon.until(() => loads() > loadsSeen, 'take the hub’s new metadata');
      loadsSeen = loads();
    },
    async stop() {
      await apache.stop();
      await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration({ entityId, certificates }: PublishedHub, origin: string, keys: readonly KeyFiles[]): string {
  const pinned = certificates.map((_, place) => `<CredentialResolver type="File" certificate="musubi-${place}.pem"/>`);
  const own = (use: string, { key, certificate }: KeyFiles) =>
    `<CredentialResolver type="File" use="${use}" key="${key}" certificate="${certificate}"/>`;
  const byPost =
    `<SessionInitiator type="SAML2" Location="/ByPost" entityID="${entityId}"` +
    ' outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>';
  const listed = filledExample('saml/shibboleth-listed.xml', {
    'https://id.example.jp/saml/metadata': entityId,
    health_insurance_valid: 'urn:oid:2.16.840.1.113730.3.1.241',
  });
  return filledExample('saml/shibboleth2.xml', {
    'https://portal.example.jp': origin,
    'https://id.example.jp/saml/metadata': entityId,
    'handlerSSL="true"': 'handlerSSL="false"',
    'maxRefreshDelay="3600"': 'minRefreshDelay="1" maxRefreshDelay="1"',
    '<CredentialResolver type="File" certificate="musubi.pem"/>': pinned.join(''),
    '<CredentialResolver type="File" use="signing" key="sp-signing-key.pem" certificate="sp-signing-cert.pem"/>': keys
      .map((pair) => own('signing', pair))
      .join(''),
    '<CredentialResolver type="File" use="encryption" key="sp-encrypt-key.pem" certificate="sp-encrypt-cert.pem"/>':
      keys.map((pair) => own('encryption', pair)).join(''),
    '</Sessions>': `${byPost}${listed}</Sessions>`,
  });
}
