import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestHub, type TestHub } from './hub.ts';
import { nginxExample, startNginx } from './nginx.ts';
import { reservePorts } from './ports.ts';
import type { TestAuthority } from './sandbox_authority.ts';

export interface ProxiedHub {
  readonly hub: TestHub;
  stop(): Promise<void>;
}

/** The user roots that the sandbox's authority has had, all generations. */
export function userRoots({ dataFolder }: TestAuthority): X509Certificate[] {
  const folder = join(dataFolder, 'sandbox/authority');
  const { anchors } = JSON.parse(readFileSync(join(folder, 'anchors.json'), 'utf8')) as {
    anchors: { kind: string; file: string }[];
  };
  return anchors
    .filter(({ kind }) => kind === 'user')
    .map(({ file }) => new X509Certificate(readFileSync(join(folder, file))));
}

/**
 * A hub behind nginx as docs/examples/nginx.conf sets it up. The hub's own origin is asked directly, as in the sandbox; the
 * origin for certificates through nginx.
 *
 * @param change of the example, for what its comments tell
 */
export async function startProxiedHub(
  authority: TestAuthority,
  change: (example: string) => string = (example) => example,
): Promise<ProxiedHub> {
  const [nginxPort = 0, mainPort = 0, port = 0] = await reservePorts(3);
  const tls = {
    publicUrl: `https://localhost:${nginxPort}`,
    port,
    certificateFile: undefined,
    keyFile: undefined,
    proxies: ['127.0.0.1'],
  };
  const hub = await startTestHub({ authority, settings: { signIn: { tls } } });
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-proxied-'));
  const roots = join(folder, 'user-roots.pem');
  // One for each name, as the hub itself has it: nginx would name them again for each generation.
  const byName = new Map(userRoots(authority).map((root) => [root.subject, root.toString()]));
  writeFileSync(roots, [...byName.values()].join(''));
  const example = nginxExample({
    'http://127.0.0.1:3000': `http://127.0.0.1:${hub.port}`,
    'http://127.0.0.1:3444': `http://127.0.0.1:${port}`,
    'server_name card.id.example.jp': 'server_name localhost',
    '/etc/nginx/musubi/id.crt': hub.tls.certificateFile,
    '/etc/nginx/musubi/id.key': hub.tls.keyFile,
    '/etc/nginx/musubi/card.crt': hub.tls.certificateFile,
    '/etc/nginx/musubi/card.key': hub.tls.keyFile,
    '/etc/nginx/musubi/user-roots.pem': roots,
  });
  const [main = '', card = ''] = example.split(/(?=server \{\s+listen 443 ssl;\s+server_name localhost)/);
  const servers =
    main.replace('listen 443', `listen 127.0.0.1:${mainPort}`) +
    change(card).replace('listen 443', `listen 127.0.0.1:${nginxPort}`);
  const nginx = await startNginx(servers, nginxPort);
  return {
    hub,
    async stop() {
      await nginx.stop();
      await hub.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
