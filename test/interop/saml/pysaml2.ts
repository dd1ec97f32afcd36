import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { filledExample } from '../../support/filled_example.ts';
import { type KeyFiles, pemOf } from './provider_keys.ts';
import type { PublishedHub } from './published_hub.ts';

/** What pysaml2 made of a sign-in. */
export interface Pysaml2SignIn {
  readonly nameId: string;
  readonly format: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly sessionIndex: string;
  readonly authnContext: string;
  readonly issuer: string;
}

/** How a message leaves it: an address for the browser, or a page that posts it. */
export interface Pysaml2Message {
  readonly location: string | null;
  readonly page: string | null;
}

export interface Pysaml2 {
  readonly origin: string;
  metadata(): Promise<string>;
  /** @param lists whether the request lists its attributes: the name, and nothing else */
  login(binding: 'redirect' | 'post', lists?: boolean): Promise<Pysaml2Message>;
  /** @throws Error with what pysaml2 takes offence at. */
  consume(response: string): Promise<Pysaml2SignIn>;
  logout(): Promise<Pysaml2Message>;
  /** Whether the hub's answer to a logout says that it is done. */
  loggedOut(response: string): Promise<boolean>;
  /** What it answers to the hub's request. */
  askedToLogOut(request: string, relayState: string): Promise<Pysaml2Message>;
  /** Takes the hub's metadata again, as signed by the key that signs now. */
  load(hub: PublishedHub): Promise<void>;
  /** Has it sign with the first of these keys, decrypt with each, and publish all. */
  useKeys(keys: readonly KeyFiles[]): Promise<void>;
  stop(): Promise<void>;
}

/** Runs a service provider of pysaml2 with the example for operators; nothing listens at its addresses. */
export async function startPysaml2(hub: PublishedHub, keys: KeyFiles): Promise<Pysaml2> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-pysaml2-'));
  const origin = 'https://portal.example.jp';
  // It takes one certificate: the one that signs now.
  const pin = ({ certificates: [first = ''] }: PublishedHub) => writeFileSync(join(folder, 'musubi.pem'), pemOf(first));
  pin(hub);
  writeFileSync(
    join(folder, 'pysaml2_settings.py'),
    filledExample('saml/pysaml2_settings.py', {
      'https://id.example.jp/saml/metadata': hub.entityId,
      '/etc/portal/musubi.pem': join(folder, 'musubi.pem'),
      '/etc/portal/saml.key': keys.key,
      '/etc/portal/saml.crt': keys.certificate,
    }),
  );
  writeFileSync(
    join(folder, 'pysaml2_listed.py'),
    filledExample('saml/pysaml2_listed.py', {
      health_insurance_valid: 'urn:oid:2.16.840.1.113730.3.1.241',
      NAME_FORMAT_BASIC: 'NAME_FORMAT_URI',
    }),
  );
  const child = spawn('/usr/bin/python3', [join(import.meta.dirname, 'pysaml2_party.py'), folder], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`pysaml2 has ended: ${said}`);
    const { result, error } = JSON.parse(value) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${error}\n${said}`);
    return result;
  };
  const ask = (command: string, ...args: unknown[]) => {
    child.stdin.write(`${JSON.stringify([command, args])}\n`);
    return answer() as Promise<never>;
  };
  await answer();
  return {
    origin,
    metadata: () => ask('metadata'),
    login: (binding, lists = false) => ask('login', binding, lists),
    consume: (response) => ask('consume', response),
    logout: () => ask('logout'),
    loggedOut: (response) => ask('logged_out', response),
    askedToLogOut: (request, relayState) => ask('asked_to_log_out', request, relayState),
    load(changed) {
      pin(changed);
      return ask('load');
    },
    useKeys: (used) => ask('use_keys', used),
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
