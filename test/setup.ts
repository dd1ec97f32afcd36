import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findPostgresqlPrograms } from './support/postgresql.ts';

/** Where Debian puts NIST's Public Key Interoperability Test Suite. */
export const PKITS_FOLDER = '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data';

/** Something outside npm that tests need, and the Debian or Ubuntu package that brings it. */
interface TestTool {
  readonly name: string;
  readonly package: string;
  /** Not every system has it, and the tests do without. */
  readonly isOptional?: boolean;
  readonly isPresent: () => boolean;
}

export type TestToolName = keyof typeof TOOLS;

const TOOLS = {
  chromium: { name: 'Chromium', package: 'chromium', isPresent: () => findChromium() !== undefined },
  headlessChromium: {
    name: 'Chromium without windows',
    package: 'chromium-headless-shell',
    isOptional: true,
    isPresent: () => onPath('chromium-headless-shell') !== undefined,
  },
  fonts: { name: 'Noto CJK fonts', package: 'fonts-noto-cjk', isPresent: () => hasNotoCjk() },
  postgresql: {
    name: 'PostgreSQL server',
    package: 'postgresql',
    isPresent: () => findPostgresqlPrograms() !== undefined,
  },
  openssl: { name: 'OpenSSL', package: 'openssl', isPresent: () => onPath('openssl') !== undefined },
  pkits: {
    name: 'NIST’s certificate test suite',
    package: 'python3-cryptography-vectors',
    isPresent: () => existsSync(PKITS_FOLDER),
  },
  xmlsec1: { name: 'xmlsec1', package: 'xmlsec1', isPresent: () => onPath('xmlsec1') !== undefined },
  curl: { name: 'curl', package: 'curl', isPresent: () => onPath('curl') !== undefined },
  nginx: { name: 'nginx', package: 'nginx', isPresent: () => existsSync('/usr/sbin/nginx') },
  nginxJs: {
    name: 'njs for nginx',
    package: 'libnginx-mod-http-js',
    isPresent: () => existsSync('/usr/lib/nginx/modules/ngx_http_js_module.so'),
  },
  pysaml2: {
    name: 'pysaml2',
    package: 'python3-pysaml2',
    isPresent: () => existsSync('/usr/lib/python3/dist-packages/saml2'),
  },
  apache: { name: 'Apache', package: 'apache2', isPresent: () => existsSync('/usr/sbin/apache2') },
  shibboleth: {
    name: 'Shibboleth service provider',
    package: 'libapache2-mod-shib',
    isPresent: () => existsSync('/usr/lib/apache2/modules/mod_shib.so') && existsSync('/usr/sbin/shibd'),
  },
  mellon: {
    name: 'mod_auth_mellon',
    package: 'libapache2-mod-auth-mellon',
    isPresent: () => existsSync('/usr/lib/apache2/modules/mod_auth_mellon.so'),
  },
  nss: { name: 'NSS tools', package: 'libnss3-tools', isPresent: () => onPath('certutil') !== undefined },
} as const satisfies Readonly<Record<string, TestTool>>;

/** The whole browser, or undefined. */
export function findChromium(): string | undefined {
  return ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'].map(onPath).find(Boolean);
}

/** The same browser without windows of its own, which takes half of the time; where there is none, the whole one. */
export function findHeadlessChromium(): string | undefined {
  return onPath('chromium-headless-shell') ?? findChromium();
}

/**
 * Makes sure that the named tools are on this machine. Missing ones are installed when we are root and apt-get is there.
 *
 * @throws Error with the command to type when they cannot be installed from here
 */
export function ensureTestTools(names: readonly TestToolName[]): void {
  const missing = names.map((name): TestTool => TOOLS[name]).filter((tool) => !tool.isPresent());
  const needed = missing.filter(({ isOptional }) => !isOptional);
  try {
    install(missing);
  } catch (error) {
    if (needed.length === missing.length) throw error;
    install(needed);
  }
}

function install(missing: readonly TestTool[]): void {
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.package);
  const advice = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  const described = missing.map((tool) => tool.name).join(', ');
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error(`the tests need ${described}. Install it first, as root: ${advice}`);
  }
  process.stdout.write(`installing what the tests need: ${described}\n`);
  aptGet(['update', '--quiet'], advice);
  aptGet(['install', '--yes', '--quiet', '--no-install-recommends', ...packages], advice);
  const stillMissing = missing.filter((tool) => !tool.isPresent());
  if (stillMissing.length > 0) {
    throw new Error(`installed, but not found: ${stillMissing.map((tool) => tool.name).join(', ')}. Tried: ${advice}`);
  }
}

function aptGet(args: string[], advice: string): void {
  const result = spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (result.status === 0) return;
  const reason = (result.stderr || String(result.error)).trim().slice(-1000);
  throw new Error(`apt-get ${args[0]} failed. Install by hand, as root: ${advice}\n${reason}`);
}

function hasNotoCjk(): boolean {
  const folders = ['/usr/share/fonts/opentype/noto', '/usr/share/fonts/truetype/noto', '/usr/share/fonts/noto-cjk'];
  return folders.some((folder) => existsSync(join(folder, 'NotoSansCJK-Regular.ttc')));
}

function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

if (import.meta.main) ensureTestTools(Object.keys(TOOLS) as TestToolName[]);
