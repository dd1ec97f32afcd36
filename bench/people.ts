import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { startPostgresql, type TestPostgresql } from '../test/support/postgresql.ts';
import { type Contender, drive, endContender, median, quantile, type Round, startContender } from './contender.ts';

const USAGE = `npm run bench:people [-- --certificates 10000000 --few 1000 --sign-ins 300 --rounds 5]

The same hub on two databases of one PostgreSQL server: one with a thousand people, one with ten million, each with a
certificate and an identifier. Complete sign-ins are driven in turns; the figure to look at is the ratio of what one
costs, in the hub and in the database.
`;

const WARM_UP = 500;
const CONCURRENCY = 4;

const { values } = parseArgs({
  options: {
    certificates: { type: 'string', default: '10000000' },
    few: { type: 'string', default: '1000' },
    'sign-ins': { type: 'string', default: '300' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<void> {
  const server = await startPostgresql({ durable: true });
  const contenders: Contender[] = [];
  try {
    const rounds = new Map<Contender, Round[]>();
    for (const count of [Number(values.few), Number(values.certificates)]) {
      const before = await databases(server);
      const contender = await startContender(
        `${count.toLocaleString('en')} people`,
        './hub_server.ts',
        ['ES256'],
        { MUSUBI_TEST_DATABASE: 'postgresql', MUSUBI_TEST_POSTGRESQL_URL: server.url },
        server.pid,
      );
      contenders.push(contender);
      rounds.set(contender, []);
      const [own] = (await databases(server)).filter((name) => !before.includes(name));
      const start = performance.now();
      await fill(server, own ?? '', count);
      console.log(`${contender.name}: filled in ${((performance.now() - start) / 1000).toFixed(0)} s`);
    }
    for (const contender of contenders) await drive(contender, WARM_UP, CONCURRENCY);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [contender, all] of rounds) all.push(await drive(contender, Number(values['sign-ins']), CONCURRENCY));
    }
    report(rounds);
  } finally {
    for (const contender of contenders) await endContender(contender);
    await server.stop();
  }
}

async function databases({ url }: TestPostgresql): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE NOT datistemplate');
    return rows.map(({ datname }) => datname);
  });
}

/**
 * People who never come: rows of the sizes that real ones have. In the order of their look-ups, so that the index is
 * built from one end to the other.
 */
async function fill({ url }: TestPostgresql, name: string, count: number): Promise<void> {
  const own = new URL(url);
  own.pathname = `/${name}`;
  await withClient(own.href, async (client) => {
    await client.query('SET synchronous_commit = off');
    // Every reference is to a row of the statement before.
    await client.query('SET session_replication_role = replica');
    await client.query("SET work_mem = '1GB'");
    await client.query(
      `CREATE TEMP TABLE made AS
        SELECT sha256(number::text::bytea) AS lookup, gen_random_uuid() AS subject_id
        FROM generate_series(1, $1::bigint) AS number ORDER BY 1`,
      [count],
    );
    await client.query('INSERT INTO subject (id, created_at) SELECT subject_id, 0 FROM made');
    await client.query(
      `INSERT INTO certificate (lookup, kind, subject_id, sealed_serial, issuer_hash, fingerprint, not_before, not_after,
          status, bound_at, checked_at, check_source, check_as_of)
        SELECT lookup, 'user', subject_id, substring(sha256(lookup) || lookup FOR 40), sha256('issuer'),
          substring(sha256(lookup) FOR 8), 0, 4102444800000, 'current', 0, 0, 'crl', 0 FROM made`,
    );
    await client.query(
      `INSERT INTO pairwise_identifier (subject_id, sector, identifier)
        SELECT subject_id, 'rp.example', encode(substring(lookup FOR 20), 'base64') FROM made`,
    );
    await client.query('DROP TABLE made');
    for (const table of ['subject', 'certificate', 'pairwise_identifier'])
      await client.query(`VACUUM ANALYZE ${table}`);
    await client.query('CHECKPOINT');
  });
}

async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function report(rounds: ReadonlyMap<Contender, readonly Round[]>): void {
  const rows = [...rounds].map(([{ name }, all]) => {
    const totals = all.flatMap(({ outcomes }) => outcomes.map(({ total }) => total));
    return {
      name,
      cpu: median(all.map(({ cpu }) => cpu)),
      database: median(all.map(({ databaseCpu }) => databaseCpu)),
      p50: quantile(totals, 0.5),
      p99: quantile(totals, 0.99),
    };
  });
  const [few, many] = rows;
  console.log('\nOne complete sign-in      hub CPU ms  database CPU ms  p50 ms  p99 ms');
  for (const { name, cpu, database, p50, p99 } of rows) {
    const figures = [cpu.toFixed(2).padStart(10), database.toFixed(2).padStart(16), p50.toFixed(1).padStart(7)];
    console.log(name.padEnd(24), ...figures, p99.toFixed(1).padStart(7));
  }
  if (!few || !many) return;
  const ratio = (many.cpu + many.database) / (few.cpu + few.database);
  console.log(
    `\nRatio of what a sign-in costs, hub and database: ${ratio.toFixed(2)}; of its median time: ${(many.p50 / few.p50).toFixed(2)}`,
  );
}

if (values.help) console.log(USAGE);
else await main();
