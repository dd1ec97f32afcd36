import { parseArgs } from 'node:util';
import { startPostgresql } from '../test/support/postgresql.ts';
import { type Contender, drive, endContender, median, quantile, type Round, startContender } from './contender.ts';
import type { Outcome } from './driver.ts';
import { describeStarts, measureStarts } from './start.ts';

const USAGE = `npm run bench [-- --sign-ins 300 --concurrency 4 --rounds 3]

Complete sign-ins (authorize, card challenge, verification, remembered consent, code, validated tokens) over HTTP
keep-alive: the hub on PGlite and on PostgreSQL beside a bare oidc-provider with its in-memory store, driven by the same
driver in turns. The figure to look at is server CPU per sign-in and its ratio to the bare engine's: wall time is shared
with the driver.
`;

/** Sign-ins that are not counted: the compiler needs a thousand of them, and the first ones ask for consent. */
const WARM_UP = 1000;
const { values } = parseArgs({
  options: {
    'sign-ins': { type: 'string', default: '300' },
    concurrency: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<void> {
  const signIns = Number(values['sign-ins']);
  const concurrency = Number(values.concurrency);
  const postgresql = await startPostgresql({ durable: true });
  const contenders: Contender[] = [];
  try {
    contenders.push(
      await startContender('bare engine, RS256', './bare_engine.ts', ['RS256'], {}),
      await startContender('bare engine, ES256', './bare_engine.ts', ['ES256'], {}),
      await startContender('hub, PGlite', './hub_server.ts', ['ES256'], { MUSUBI_TEST_DATABASE: 'pglite' }),
      await startContender(
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
    for (const contender of contenders) await endContender(contender);
    await postgresql.stop();
  }
  console.log('\nStarting, and memory at rest:\n');
  console.log(describeStarts(await measureStarts()));
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

if (values.help) console.log(USAGE);
else await main();
