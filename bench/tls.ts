import { type ChildProcess, execFile, fork } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { freePorts } from '../adapters/sandbox/free_ports.ts';
import type { TlsFiles } from '../adapters/sandbox/web_tls.ts';
import { userCertificateOf } from '../test/support/certificate_browser.ts';
import { startNginx } from '../test/support/nginx.ts';
import { processTreeCpu } from './process_cpu.ts';

const USAGE = `npm run bench:tls [-- --seconds 5 --rounds 3 --clients 2]

Full TLS handshakes with a client certificate (RSA-2048, nothing resumed, one short request and its answer each): the
hub's own listener beside nginx with the settings of docs/examples/nginx.conf, asked in turns by the same openssl s_time.
The figure to look at is server CPU per handshake and its ratio: wall time is shared with the clients, who sign.
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '2' },
    help: { type: 'boolean' },
  },
});

interface Contender {
  name: string;
  origin: string;
  /** What uses processor time for it. */
  pid: number;
}

interface Round {
  handshakes: number;
  perSecond: number;
  /** Milliseconds of server CPU for one. */
  cpu: number;
}

interface Ready {
  origin: string;
  tls: TlsFiles;
  cards: string;
  data: string;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-bench-tls-'));
  const { child, ready } = await startHub();
  const [port = 0] = await freePorts(1);
  const nginx = await startNginx(nginxServer(ready, folder, port), port);
  try {
    const { cert, key } = await userCertificateOf(ready.cards, 'taro');
    writeFileSync(join(folder, 'taro.crt'), cert);
    writeFileSync(join(folder, 'taro.key'), key);
    const contenders: Contender[] = [
      { name: 'nginx', origin: `https://localhost:${port}`, pid: nginx.pid },
      { name: 'hub', origin: ready.origin, pid: child.pid ?? 0 },
    ];
    for (const contender of contenders) await knock(contender, folder, 2);
    const rounds = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const contender of contenders) {
        rounds.get(contender)?.push(await knock(contender, folder, Number(values.seconds)));
      }
    }
    report(rounds);
  } finally {
    const ended = once(child, 'exit');
    child.disconnect();
    await Promise.all([nginx.stop(), ended]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startHub(): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = fork(join(import.meta.dirname, 'tls_server.ts'));
  const [message] = (await once(child, 'message')) as [{ ready: Ready }];
  return { child, ready: message.ready };
}

/** The listener of the example, which answers by itself. */
function nginxServer({ tls, data }: Ready, folder: string, port: number): string {
  const path = join(data, 'sandbox/authority');
  const { anchors } = JSON.parse(readFileSync(join(path, 'anchors.json'), 'utf8')) as {
    anchors: { kind: string; file: string }[];
  };
  const roots = anchors
    .filter(({ kind }) => kind === 'user')
    .map(({ file }) => new X509Certificate(readFileSync(join(path, file))).toString());
  writeFileSync(join(folder, 'user-roots.pem'), roots.join(''));
  return `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${tls.certificateFile};
    ssl_certificate_key ${tls.keyFile};
    ssl_protocols TLSv1.3;
    ssl_client_certificate ${join(folder, 'user-roots.pem')};
    ssl_verify_client optional_no_ca;
    ssl_verify_depth 1;
    ssl_session_cache off;
    ssl_session_tickets off;
    keepalive_timeout 0;
    location / { return 404; }
  }`;
}

/** So many clients at once for so many seconds. */
async function knock({ origin, pid }: Contender, folder: string, seconds: number): Promise<Round> {
  const before = processTreeCpu(pid);
  const args = ['s_time', '-connect', new URL(origin).host, '-new', '-www', '/', '-time', String(seconds)];
  const shown = ['-cert', join(folder, 'taro.crt'), '-key', join(folder, 'taro.key')];
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: Number(values.clients) }, () => promisify(execFile)('openssl', [...args, ...shown])),
  );
  const elapsed = (performance.now() - started) / 1000;
  const handshakes = answers.reduce(
    (sum, { stdout }) => sum + Number(/^(\d+) connections in \d+ real seconds/m.exec(stdout)?.[1] ?? 0),
    0,
  );
  if (handshakes === 0) throw new Error(`no handshakes: ${answers[0]?.stdout}`);
  return { handshakes, perSecond: handshakes / elapsed, cpu: (processTreeCpu(pid) - before) / handshakes };
}

function report(rounds: ReadonlyMap<Contender, readonly Round[]>): void {
  const cpuOf = (of: readonly Round[]) => median(of.map(({ cpu }) => cpu));
  const base = cpuOf([...rounds.values()][0] ?? []);
  for (const [{ name }, each] of rounds) {
    const cpu = cpuOf(each);
    const wall = median(each.map(({ perSecond }) => perSecond));
    const most = Math.round(1000 / cpu);
    process.stdout.write(
      `${name.padEnd(6)} ${cpu.toFixed(2)} ms server CPU a handshake (${most}/s a core)  ${wall.toFixed(0)}/s with the clients on the same machine  ` +
        `speed beside nginx ${(base / cpu).toFixed(2)}\n`,
    );
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

if (values.help) process.stdout.write(USAGE);
else await main();
