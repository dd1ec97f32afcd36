import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXAMPLES, filledExample } from './filled_example.ts';
import { listens, startServerProcess } from './server_process.ts';

export interface Nginx {
  /** Everything that it has logged. */
  readonly log: () => string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The example configuration for operators with other names, ports and paths. */
export function nginxExample(replacements: Readonly<Record<string, string>>): string {
  const script = join(EXAMPLES, 'client_cert.js');
  return filledExample('nginx.conf', { ...replacements, '/etc/nginx/musubi/client_cert.js': script });
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
  const server = startServerProcess('/usr/sbin/nginx', ['-p', folder, '-e', 'stderr', '-c', file]);
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  await server
    .until(() => listens(port), 'start')
    .catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  return { log: server.log, pid: server.pid, stop };
}
