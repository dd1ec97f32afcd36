import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SoftCardFile } from '../../../../adapters/card/soft_card_file.ts';
import { type AuthorityClient, authorityClient } from '../../../../adapters/sandbox/authority/citizen_commands.ts';
import {
  type AnchorsFile,
  authorityFolder,
  cardsFolder,
  type RunningAuthority,
  SANDBOX_CITIZENS,
  type StartOptions,
  startAuthority,
} from '../../../../adapters/sandbox/authority/index.ts';
import type { KeyPair } from '../../../../adapters/sandbox/pki/index.ts';
import { encodePem } from '../../../../adapters/sandbox/pki/index.ts';
import { rsaKey } from '../pki/key_pool.ts';

/** A folder that is gone when the test is over. */
export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'musubi-authority-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Keys out of the process's pool, each one different. */
export function keysFromPool(): () => Promise<KeyPair> {
  let taken = 0;
  return () => rsaKey(`authority ${taken++}`);
}

export interface TestAuthority extends RunningAuthority {
  dataFolder: string;
  /** Carries commands to it. */
  client: AuthorityClient;
  /** Moves the clock; milliseconds. */
  pass(time: number): void;
  card(name: string): Promise<SoftCardFile>;
  anchors(): Promise<AnchorsFile>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** With the hub's secret. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A running authority with these citizens of the sandbox, stopped when the test is over. Its clock stands still. */
export async function startTestAuthority(
  test: TestContext,
  { only = ['taro'], ...options }: Partial<StartOptions> & { only?: string[] } = {},
): Promise<TestAuthority> {
  const dataFolder = options.dataFolder ?? (await temporaryFolder(test));
  let now = Date.now();
  const authority = await startAuthority({
    clock: () => now,
    citizens: SANDBOX_CITIZENS.filter(({ name }) => only.includes(name)),
    generateKey: keysFromPool(),
    ...options,
    dataFolder,
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= authority.stop();
    return stopped;
  };
  test.after(stop);
  const read = async (folder: string, name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'));
  return {
    ...authority,
    stop,
    dataFolder,
    client: authorityClient({ dataFolder }),
    pass: (time) => {
      now += time;
    },
    card: (name) => read(cardsFolder(dataFolder), `${name}.card.json`),
    anchors: () => read(authorityFolder(dataFolder), 'anchors.json'),
    get: (path, headers = {}) =>
      fetch(authority.address + path, { headers: { authorization: `Bearer ${authority.serviceToken}`, ...headers } }),
    post: (path, body, headers = {}) =>
      fetch(authority.address + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${authority.serviceToken}`,
          ...headers,
        },
        body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body),
      }),
  };
}

export const pemOf = (certificate: string): string => encodePem('CERTIFICATE', Buffer.from(certificate, 'base64'));

/** The `error` of a refusal, after its status. */
export async function refusalOf(response: Response): Promise<[status: number, code: unknown]> {
  const body: { error?: unknown } = Object(await response.json());
  return [response.status, body.error];
}
