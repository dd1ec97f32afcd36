import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectFolder } from './suites.ts';

export interface Nginx {
  /** Everything that it has logged. */
  readonly log: () => string;
  readonly pid: number;
  stop(): Promise<void>;
}

const EXAMPLES = join(projectFolder, 'docs/examples');
/** Milliseconds. */
const START_LIMIT = 10_000;

/**
 * The example configuration for operators with other names, ports and paths. Throws Error when one of them is not in it,
 * so that the example and the test cannot drift apart.
 */
export function nginxExample(replacements: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(EXAMPLES, 'nginx.conf'), 'utf8').replaceAll(/^\s*#.*\n/gm, '');
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`docs/examples/nginx.conf has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text.replace('/etc/nginx/musubi/client_cert.js', join(EXAMPLES, 'client_cert.js'));
}

/** Runs nginx with these server blocks as a child of ours; resolves when it listens on `port`. */
export async function startNginx(servers: string, port: number, { workers = 1 } = {}): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-nginx-'));
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(folder, name));
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes ${workers};
pid ${folder}/pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${servers}
}
`,
  );
  const child = spawn('/usr/sbin/nginx', ['-p', folder, '-e', 'stderr', '-c', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  for (let waited = 0; !(await listens(port)); waited += 50) {
    if (child.exitCode !== null || waited > START_LIMIT) {
      await stop();
      throw new Error(`nginx did not start: ${log}`);
    }
    await delay(50);
  }
  return { log: () => log, pid: child.pid ?? 0, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
