import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthoritySettings, Revocation, RevocationWorld } from '../../../adapters/authority/index.ts';
import { createRevocation } from '../../../adapters/authority/index.ts';
import { type CrlOptions, createCrl, type Root } from '../../../adapters/sandbox/pki/index.ts';
import type {
  CrlNumberStore,
  RevocationPolicy,
  RevocationVerdict,
} from '../../../provider/authentication/revocation.ts';
import type { Certificate, TrustAnchor } from '../../../provider/pki/index.ts';
import { HOUR, NOW } from '../../provider/pki/fixtures.ts';

export const LIST_URL = 'http://authority.test/user.crl';
export const OCSP_URL = 'http://authority.test/ocsp';

/** A clock and its timers that move only when told to. */
export class HeldTime {
  now = NOW;
  #timers: { at: number; task: () => void }[] = [];

  readonly clock = (): number => this.now;

  readonly schedule = (delay: number, task: () => void): (() => void) => {
    const timer = { at: this.now + delay, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Milliseconds until each timer that waits. */
  get pending(): number[] {
    return this.#timers.map(({ at }) => at - this.now).sort((left, right) => left - right);
  }

  /** Moves on, running every timer at its time, and lets what they began come to its end. */
  async advance(duration: number): Promise<void> {
    const end = this.now + duration;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.now = next.at;
      next.task();
      await settled();
    }
    this.now = end;
  }
}

/** Lets everything that is ready to run come to its end, reads and writes of files included; there is no network here. */
export async function settled(): Promise<void> {
  for (let idle = 0; idle < 20; idle++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some((kind) => /^(?:FSReq|CloseReq|ProcessWrap)/.test(kind))) idle = 0;
  }
}

/** A folder for compiled lists, gone when the tests of the process are over. */
export function listFolder(): string {
  return mkdtempSync(join(listFolders, 'hub-'));
}

const listFolders = mkdtempSync(join(tmpdir(), 'musubi-test-lists-'));
process.once('exit', () => rmSync(listFolders, { recursive: true, force: true }));

/** Numbers in memory; outlives a hub when handed to the next one, as the database does. */
export function crlNumbersInMemory(): CrlNumberStore {
  const numbers = new Map<string, bigint>();
  return {
    async raise(listId, number) {
      if (number < (numbers.get(listId) ?? 0n)) return false;
      numbers.set(listId, number);
      return true;
    },
  };
}

/** Policies by short names: one channel alone, or the list and then OCSP, or the reverse. */
const POLICIES = {
  crl: policy('crl'),
  ocsp: policy('ocsp'),
  any: policy('crl', 'ocsp'),
  'ocsp-first': policy('ocsp', 'crl'),
} as const;

export function policy(...sources: RevocationPolicy['sources']): RevocationPolicy {
  return { name: sources.join('-'), sources, maxAge: undefined };
}

export type Answer = (request: Request) => Response | Promise<Response>;

export interface Authority {
  readonly time: HeldTime;
  readonly requests: Request[];
  readonly logged: Record<string, unknown>[];
  readonly revocation: Omit<Revocation, 'check'> & {
    check(
      certificate: Certificate,
      anchor: TrustAnchor,
      by: keyof typeof POLICIES | RevocationPolicy,
    ): Promise<RevocationVerdict>;
  };
  /** What the address answers from now on. */
  serve(url: string, answer: Answer): void;
  /** Serves a list, with validators and 304 as a web server would. */
  serveList(issuer: Root, options?: CrlOptions, url?: string): Promise<Buffer>;
}

/** A hub's view of an authority that answers what the test says. */
export function authority(
  anchors: readonly TrustAnchor[],
  options: Partial<Omit<RevocationWorld, 'settings'>> & { settings?: Partial<AuthoritySettings>; time?: HeldTime } = {},
): Authority {
  const time = options.time ?? new HeldTime();
  const answers = new Map<string, Answer>();
  const requests: Request[] = [];
  const logged: Record<string, unknown>[] = [];
  const log = (fields: Record<string, unknown>, message: string) => void logged.push({ ...fields, message });
  const anchor = anchors[0]?.id ?? '';
  const serve = (url: string, answer: Answer) => void answers.set(url, answer);
  const revocation = createRevocation({
    anchors,
    lists: [{ anchor, url: LIST_URL }],
    crlNumbers: crlNumbersInMemory(),
    folder: listFolder(),
    clock: time.clock,
    schedule: time.schedule,
    random: (length) => new Uint8Array(length).fill(0x80),
    log: { info: log, warn: log },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request);
      const answer = answers.get(request.url);
      if (answer === undefined) throw new TypeError('fetch failed');
      // fetch rejects when its signal fires, whatever the server does meanwhile.
      return await Promise.race([
        answer(request),
        new Promise<never>((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason));
        }),
      ]);
    },
    ...options,
    // A test that holds the time looks into the folder when it wants to.
    settings: { shelfInterval: 0, ...options.settings },
  });
  return {
    time,
    requests,
    logged,
    revocation: {
      ...revocation,
      check: (certificate, issuer, by) =>
        revocation.check(certificate, issuer, typeof by === 'string' ? POLICIES[by] : by),
    },
    serve,
    async serveList(issuer, crl = {}, url = LIST_URL) {
      const bytes = await createCrl(issuer, { thisUpdate: time.now - HOUR, ...crl });
      const etag = `"${bytes.subarray(-8).toString('hex')}"`;
      serve(url, (request) =>
        request.headers.get('if-none-match') === etag
          ? new Response(null, { status: 304 })
          : new Response(new Uint8Array(bytes), { headers: { etag } }),
      );
      return bytes;
    },
  };
}
