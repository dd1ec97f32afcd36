import { type ChildProcess, fork } from 'node:child_process';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SoftCardFile } from '../adapters/card/soft_card_file.ts';
import { formAction, hiddenFields } from '../test/support/hidden_fields.ts';
import { startPostgresql } from '../test/support/postgresql.ts';
import { discover, type Outcome, signIn, type Target } from './driver.ts';
import { processTreeCpu } from './process_cpu.ts';
import { describeStarts, measureStarts } from './start.ts';
import type { Usage } from './usage.ts';

const USAGE = `npm run bench [-- --sign-ins 300 --concurrency 4 --rounds 3]

Complete sign-ins (authorize, card challenge, verification, remembered consent, code, validated tokens) over HTTP
keep-alive: the hub on PGlite and on PostgreSQL beside a bare oidc-provider with its in-memory store, driven by the same
driver in turns. The figure to look at is server CPU per sign-in and its ratio to the bare engine's: wall time is shared
with the driver.
`;

/** Sign-ins that are not counted: the compiler needs a thousand of them, and the first ones ask for consent. */
const WARM_UP = 1000;
const REDIRECT_URI = 'https://rp.example/callback';
const { values } = parseArgs({
  options: {
    'sign-ins': { type: 'string', default: '300' },
    concurrency: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean' },
  },
});

interface Contender {
  name: string;
  child: ChildProcess;
  target: Target;
  /** Processes whose CPU counts as the database's. */
  databasePid: number | undefined;
}

interface Round {
  cpu: number;
  databaseCpu: number;
  perSecond: number;
  outcomes: Outcome[];
  resident: number;
}

async function main(): Promise<void> {
  const signIns = Number(values['sign-ins']);
  const concurrency = Number(values.concurrency);
  const postgresql = await startPostgresql({ durable: true });
  const contenders: Contender[] = [];
  try {
    contenders.push(
      await start('bare engine, RS256', './bare_engine.ts', ['RS256'], {}),
      await start('bare engine, ES256', './bare_engine.ts', ['ES256'], {}),
      await start('hub, PGlite', './hub_server.ts', ['ES256'], { MUSUBI_TEST_DATABASE: 'pglite' }),
      await start(
        'hub, PostgreSQL',
        './hub_server.ts',
        ['ES256'],
        { MUSUBI_TEST_DATABASE: 'postgresql', MUSUBI_TEST_POSTGRESQL_URL: postgresql.url },
        postgresql.pid,
      ),
    );
    const rounds = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
    for (const contender of contenders) await drive(contender, WARM_UP, concurrency);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const contender of contenders) rounds.get(contender)?.push(await drive(contender, signIns, concurrency));
    }
    report(rounds);
  } finally {
    for (const { child } of contenders) {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    }
    await postgresql.stop();
  }
  console.log('\nStarting, and memory at rest:\n');
  console.log(describeStarts(await measureStarts()));
}

async function start(
  name: string,
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
  databasePid?: number,
): Promise<Contender> {
  const child = fork(join(import.meta.dirname, script), [REDIRECT_URI, ...args], {
    env: { ...process.env, ...environment, NODE_ENV: 'production' },
  });
  const [message] = await once(child, 'message');
  const { issuer, clientId, clientSecret, cards } = (message as { ready: Record<string, string> }).ready;
  const common = {
    issuer: issuer ?? '',
    clientId: clientId ?? '',
    clientSecret: clientSecret ?? '',
    redirectUri: REDIRECT_URI,
  };
  const discovered = await discover(common.issuer);
  const answers = cards
    ? { scope: 'openid card_status', answer: cardHolder(common.issuer, readCards(cards)) }
    : { scope: 'openid', answer: developmentPages };
  return { name, child, databasePid, target: { ...common, ...discovered, ...answers } };
}

async function drive(contender: Contender, signIns: number, concurrency: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const before = await usage(contender);
  const start = performance.now();
  const outcomes: Outcome[] = [];
  let left = signIns;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left > 0) {
        left -= 1;
        outcomes.push(await signIn(contender.target, agent));
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const after = await usage(contender);
  agent.destroy();
  return {
    cpu: (after.cpu - before.cpu) / signIns,
    databaseCpu: (after.databaseCpu - before.databaseCpu) / signIns,
    perSecond: signIns / seconds,
    outcomes,
    resident: after.resident,
  };
}

async function usage({ child, databasePid }: Contender): Promise<Usage & { databaseCpu: number }> {
  child.send('usage');
  const [message] = await once(child, 'message');
  return { ...(message as { usage: Usage }).usage, databaseCpu: databasePid ? processTreeCpu(databasePid) : 0 };
}

/** Each contender's median round; times in milliseconds. */
function report(rounds: ReadonlyMap<Contender, readonly Round[]>): void {
  const rows = [...rounds].map(([contender, all]) => {
    const totals = all.flatMap(({ outcomes }) => outcomes.map(({ total }) => total));
    return {
      name: contender.name,
      cpu: median(all.map(({ cpu }) => cpu)),
      databaseCpu: median(all.map(({ databaseCpu }) => databaseCpu)),
      perSecond: median(all.map(({ perSecond }) => perSecond)),
      p50: quantile(totals, 0.5),
      p99: quantile(totals, 0.99),
      resident: Math.max(...all.map(({ resident }) => resident)) / 1_048_576,
      requests: all[0]?.outcomes[0]?.steps.length ?? 0,
      steps: stepMedians(all.flatMap(({ outcomes }) => outcomes)),
    };
  });
  const yardstick = rows[0]?.cpu ?? Number.NaN;
  console.log('\nCPU is that of the server process alone, per complete sign-in; the ratio is to the first row.\n');
  console.log('                      CPU ms  ratio  db ms  sign-ins/s   p50 ms   p99 ms   MB  requests');
  for (const row of rows) {
    console.log(
      row.name.padEnd(20),
      row.cpu.toFixed(2).padStart(7),
      (row.cpu / yardstick).toFixed(2).padStart(6),
      row.databaseCpu.toFixed(2).padStart(6),
      row.perSecond.toFixed(1).padStart(11),
      row.p50.toFixed(1).padStart(8),
      row.p99.toFixed(1).padStart(8),
      row.resident.toFixed(0).padStart(4),
      String(row.requests).padStart(9),
    );
  }
  console.log('\nWhere the time goes, median ms of each request as the driver saw it:\n');
  for (const row of rows) console.log(row.name.padEnd(20), row.steps);
}

function stepMedians(outcomes: readonly Outcome[]): string {
  const names = outcomes[0]?.steps.map(({ name }) => name) ?? [];
  return names
    .map(
      (name, index) =>
        `${name} ${quantile(
          outcomes.map(({ steps }) => steps[index]?.time ?? 0),
          0.5,
        ).toFixed(1)}`,
    )
    .join(' · ');
}

/** The development interactions of oidc-provider: a login form that takes any name, then a consent form. */
function developmentPages(html: string, path: string): { path: string; form: Record<string, string> } {
  const prompt = /name="prompt" value="([a-z]+)"/.exec(html)?.[1] ?? 'login';
  return { path, form: prompt === 'login' ? { prompt, login: 'bench', password: 'bench' } : { prompt } };
}

/** Signs as the card agent would, each time with the next card; agrees to everything the first time. */
function cardHolder(origin: string, cards: readonly Card[]): Target['answer'] {
  let turn = 0;
  return (html, path) => {
    const { csrf = '', nonce = '' } = hiddenFields(html);
    if (html.includes('value="agree"')) {
      const form: Record<string, string> = { csrf, decision: 'agree', claims: 'card_status' };
      return { path: `${path}/consent`, form };
    }
    const card = cards[turn % cards.length];
    turn += 1;
    if (!card) throw new Error('no card');
    const hash = (text: string) => createHash('sha256').update(text).digest();
    const signature = sign('sha256', Buffer.concat([hash(origin), hash(nonce)]), card.key);
    const token = JSON.stringify({
      format: 'web-eid:1.0',
      unverifiedCertificate: card.certificate,
      algorithm: 'RS256',
      signature: signature.toString('base64'),
      appVersion: 'bench',
    });
    return { path: new URL(formAction(html, 'data-sign-in-form', origin)).pathname, form: { csrf, nonce, token } };
  };
}

interface Card {
  certificate: string;
  key: ReturnType<typeof createPrivateKey>;
}

/** The sandbox's citizens whose cards are in order. */
function readCards(folder: string): Card[] {
  const good = ['taro', 'ichiro', 'keiko', 'hanako', 'mei', 'tanaka-sub'];
  return readdirSync(folder)
    .filter((name) => good.includes(name.replace('.card.json', '')))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as SoftCardFile)
    .map(({ user }) => ({ certificate: user.certificate, key: createPrivateKey(user.privateKey) }));
}

function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

if (values.help) console.log(USAGE);
else await main();
