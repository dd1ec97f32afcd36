import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import { signWithCard } from '../../adapters/card/card_commands.ts';
import { openDatabase } from '../../adapters/database/open_database.ts';
import { hubSettings } from '../../adapters/sandbox/hub_settings.ts';
import { ensureWebTls, type TlsFiles } from '../../adapters/sandbox/web_tls.ts';
import { loadConfiguration } from '../../config/load.ts';
import { markAsSandbox } from '../../config/sandbox_marker.ts';
import type { Interposition } from '../../provider/hub/store.ts';
import { type Administration, type Hub, openAdministration, startHub } from '../../provider/hub.ts';
import { createLogger } from '../../provider/operations/logger.ts';
import { type Clock, systemClock } from '../../provider/world.ts';
import { copyTestDatabase } from './database.ts';
import { formAction, hiddenFields } from './hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from './http_browser.ts';
import { guard, watchAnswers } from './leaks/leak_guard.ts';
import { reservePorts } from './ports.ts';
import { startTestAuthority, type TestAuthority } from './sandbox_authority.ts';

export interface TestHub {
  readonly issuer: string;
  readonly mutualTlsUrl: string;
  /** Where browsers are asked for a citizen's certificate, and where that listens. */
  readonly certificateUrl: string;
  readonly signInTls: { readonly port: number };
  /** Where it listens on the loopback in plain http, whatever its public address is. */
  readonly port: number;
  /** The hub that runs now. */
  readonly hub: Hub;
  readonly authority: TestAuthority;
  readonly tls: TlsFiles;
  /** Everything that the hub has logged, one JSON object a line. */
  readonly log: readonly string[];
  /** What a card agent would deliver for this hub's sign-in page. */
  sign(card: string, nonce: string, pin?: string): Promise<string>;
  /** Drives an authorization request through card sign-in and consent; returns where the browser is sent. */
  signIn(authorizationUrl: string, options?: SignInOptions): Promise<URL>;
  /** Answers the pages of a sign-in, from the first one on — card, notices, consent — until something else comes. */
  answerPages(page: Visited, options: SignInOptions & { browser: HttpBrowser; stopAt?: string }): Promise<Visited>;
  /** Where the hub keeps its revocation lists. */
  readonly listFolder: string;
  /** Until the hub's copy of every revocation list is the authority's newest. */
  refreshLists(): Promise<void>;
  /** Stops the hub and starts another on the same database and addresses; `meanwhile` is what a command does between. */
  restart(meanwhile?: (administration: Administration) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface SignInOptions {
  /** Default a new one. */
  browser?: HttpBrowser;
  /** Default `taro`. */
  card?: string;
  pin?: string;
  /** Claims to tick on the consent page; all that are offered unless given. */
  agree?: readonly string[] | 'refuse';
  /** For how long, as the consent page names it. */
  period?: 'lasting' | 'once' | 'every_time';
}

export interface TestHubOptions {
  /** Settings over the sandbox's own, by group as in a configuration file. */
  settings?: Record<string, Record<string, unknown> | unknown>;
  clock?: Clock;
  authority?: TestAuthority;
  /** For what is measured: nobody looks for leaks in what it answers, logs and stores. */
  unwatched?: boolean;
  /** Between the hub and its neighbours. */
  interpose?: Interposition;
}

/** A whole hub beside a whole authority, on the database under test, on free ports. Stop it in an `after`. */
export async function startTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'musubi-test-hub-'));
  markAsSandbox(dataFolder);
  mkdirSync(join(dataFolder, 'sandbox'), { recursive: true });
  const authority = options.authority ?? (await startTestAuthority());
  const database = await copyTestDatabase();
  const tls = await ensureWebTls(dataFolder);
  const [port = 0, mutualTlsPort = 0, signInTlsPort = 0] = await reservePorts(3);
  const settings = await hubSettings({
    dataFolder: authority.dataFolder,
    ports: {
      hub: port,
      mutualTls: mutualTlsPort,
      signInTls: signInTlsPort,
      ...{ authority: 0, cardAgent: 0, clinic: 0, shop: 0, kenpo: 0, kokuho: 0, card: 0, points: 0 },
    },
    addresses: { authority: authority.authority.address, cardAgent: 'http://127.0.0.1:35975' },
    tls,
    now: systemClock(),
  });
  if (!options.unwatched) watchAnswers([port, mutualTlsPort, signInTlsPort]);
  const log: string[] = [];
  const destination: DestinationStream = { write: (line) => void log.push(line) };
  const config = loadConfiguration({
    values: merge(
      {
        ...settings,
        dataFolder,
        database: database.settings,
        rateLimits: { signInAttempts: 10_000, unauthenticatedWrites: 10_000 },
      },
      options.settings ?? {},
    ),
  });
  const world = {
    log: createLogger({ level: 'debug', format: 'json' }, destination),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.interpose ? { interpose: options.interpose } : {}),
  };
  const start = async () => {
    const started = await startHub(config, world);
    await started.refreshLists();
    return started;
  };
  let hub = await start();

  /** In everything that the hub has written and answered; what is found fails the test file at its end. */
  async function lookForLeaks(): Promise<void> {
    if (options.unwatched) return;
    const opened = await openDatabase(database.settings);
    await guard.database(opened).finally(() => opened.close());
    guard.log('the log', log);
    guard.lookAtAnswers();
  }

  const sign: TestHub['sign'] = async (card, nonce, pin = '1234') =>
    JSON.stringify(
      await signWithCard({ cardsFolder: authority.cardsFolder, name: card, pin, origin: config.publicUrl, nonce }),
    );

  const answerPages: TestHub['answerPages'] = async (
    first,
    { browser, card = 'taro', pin, agree, period, stopAt = NOWHERE },
  ) => {
    let page = first;
    if (page.status === 200 && page.text.includes('data-sign-in-form')) {
      const form = hiddenFields(page.text);
      const token = await sign(card, form.nonce ?? '', pin);
      page = await browser.post(formAction(page.text, 'data-sign-in-form', page.url), { ...form, token }, { stopAt });
    }
    page = await readNotices(browser, page, stopAt);
    if (page.status === 200 && page.text.includes('value="agree"')) {
      page = await answerConsent(browser, page, stopAt, agree, period);
    }
    return page;
  };

  return {
    issuer: config.publicUrl,
    mutualTlsUrl: config.mutualTls?.publicUrl ?? '',
    certificateUrl: config.signIn.tls?.publicUrl ?? '',
    signInTls: { port: config.signIn.tls?.port ?? 0 },
    port,
    get hub() {
      return hub;
    },
    authority,
    tls,
    log,
    sign,
    listFolder: config.revocation.listFolder,
    refreshLists: () => hub.refreshLists(),

    async signIn(authorizationUrl, { browser = createHttpBrowser(), ...options } = {}) {
      const stopAt = new URL(authorizationUrl).searchParams.get('redirect_uri') ?? NOWHERE;
      const first = await browser.get(authorizationUrl, { stopAt });
      const page = await answerPages(first, { ...options, browser, stopAt });
      if (page.status !== 0) throw new UnexpectedPage(page);
      return new URL(page.url);
    },
    answerPages,

    async restart(meanwhile) {
      await hub.shutdown.shutDown();
      if (meanwhile) {
        const administration = await openAdministration(config, world);
        await meanwhile(administration).finally(() => administration.close());
      }
      hub = await start();
    },

    async stop() {
      // Through the watched port; a test may have shut the hub down.
      await fetch(`http://127.0.0.1:${port}/metrics`).then(
        (answer) => answer.text(),
        () => undefined,
      );
      await hub.shutdown.shutDown();
      await lookForLeaks();
      await database.remove();
      if (!options.authority) await authority.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** An address that no test is sent to. */
const NOWHERE = 'http://redirect.invalid';

/** A page where a redirect to the relying party was expected; the test looks into `page`. */
export class UnexpectedPage extends Error {
  readonly page: Visited;

  constructor(page: Visited) {
    super(`${page.url} answered ${page.status}: ${page.text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 400)}`);
    this.page = page;
  }
}

/** Goes on from the notices that a sign-in may begin with. */
export async function readNotices(browser: HttpBrowser, page: Visited, stopAt: string): Promise<Visited> {
  const [, next] = /<h1>(?:お知らせ|Notices)<\/h1>[\s\S]*class="button [^"]*" href="([^"]+)"/.exec(page.text) ?? [];
  return next === undefined ? page : browser.get(new URL(next, page.url).href, { stopAt });
}

async function answerConsent(
  browser: HttpBrowser,
  page: Visited,
  stopAt: string,
  agree: readonly string[] | 'refuse' | undefined,
  period: SignInOptions['period'],
): Promise<Visited> {
  const { csrf = '' } = hiddenFields(page.text);
  const offered = [...page.text.matchAll(/type="checkbox" [^>]*name="claims" value="([^"]+)"/g)].map(
    (match) => match[1] ?? '',
  );
  const claims = agree === 'refuse' ? [] : (agree ?? offered);
  const decision = agree === 'refuse' ? 'refuse' : 'agree';
  const body: [string, string][] = [
    ['csrf', csrf],
    ['decision', decision],
    ...(period ? ([['period', period]] as const) : []).map(([name, value]): [string, string] => [name, value]),
    ...claims.map((name): [string, string] => ['claims', name]),
  ];
  return browser.post(`${page.url}/consent`, body, { stopAt });
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const isGroup = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const merged = Object.entries(over).map(([key, value]) => {
    const below = base[key];
    return [key, isGroup(value) && isGroup(below) ? merge(below, value) : value];
  });
  return { ...base, ...Object.fromEntries(merged) };
}
