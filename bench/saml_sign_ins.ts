import { startPostgresql } from '../test/support/postgresql.ts';
import { drive, endContender, median, quantile, type Round, startContender } from './contender.ts';
import { signIn } from './driver.ts';
import { signInBySaml } from './saml_driver.ts';

/** Server CPU of a sign-in by SAML beside one by OpenID Connect: the most that is accepted (issue 5). */
const TARGET = 1.3;
/** Sign-ins of each kind that are not counted: the compiler needs them, and the first ones ask for consent. */
const WARM_UP = 600;
const AT_ONCE = 4;

/**
 * Complete sign-ins at one hub on PostgreSQL, by OpenID Connect (id_token by ES256) and by SAML (request, assertion and
 * response signed by RSA-2048), in turns. Prints a table; resolves with whether the target is met.
 */
export async function compareSignIns(signIns: number, rounds: number): Promise<boolean> {
  const postgresql = await startPostgresql({ durable: true });
  const environment = { MUSUBI_TEST_DATABASE: 'postgresql', MUSUBI_TEST_POSTGRESQL_URL: postgresql.url };
  const hub = await startContender('hub', './hub_server.ts', ['ES256'], environment, postgresql.pid);
  const ways = [
    { name: 'OpenID Connect', by: signIn },
    { name: 'SAML', by: signInBySaml },
  ];
  const taken = new Map<string, Round[]>(ways.map(({ name }) => [name, []]));
  try {
    for (const { by } of ways) await drive(hub, WARM_UP, AT_ONCE, by);
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, by } of ways) taken.get(name)?.push(await drive(hub, signIns, AT_ONCE, by));
    }
  } finally {
    await endContender(hub);
    await postgresql.stop();
  }
  const cpuOf = (name: string) => median((taken.get(name) ?? []).map(({ cpu }) => cpu));
  const yardstick = cpuOf('OpenID Connect');
  console.log('\nComplete sign-ins at one hub, PostgreSQL; server CPU per sign-in.\n');
  console.log('                  CPU ms  ratio  db ms  sign-ins/s   p50 ms   p99 ms  requests');
  for (const [name, all] of taken) {
    const totals = all.flatMap(({ outcomes }) => outcomes.map(({ total }) => total));
    console.log(
      name.padEnd(16),
      cpuOf(name).toFixed(2).padStart(7),
      (cpuOf(name) / yardstick).toFixed(2).padStart(6),
      median(all.map(({ databaseCpu }) => databaseCpu))
        .toFixed(2)
        .padStart(6),
      median(all.map(({ perSecond }) => perSecond))
        .toFixed(1)
        .padStart(11),
      quantile(totals, 0.5).toFixed(1).padStart(8),
      quantile(totals, 0.99).toFixed(1).padStart(8),
      String(all[0]?.outcomes[0]?.steps.length ?? 0).padStart(9),
    );
  }
  const ratio = cpuOf('SAML') / yardstick;
  console.log(`\nSAML takes ${ratio.toFixed(2)} of the CPU of OpenID Connect; at most ${TARGET} is the target.`);
  return ratio <= TARGET;
}
