import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerProcess } from '../../support/server_process.ts';

export interface Apache {
  /** Takes its files again. Not gracefully: a process of before might answer one request more. */
  restart(): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

const MODULES = '/usr/lib/apache2/modules';
/** Those of Debian's own configuration that an application behind a SAML module needs. */
const COMMON_MODULES = ['mpm_prefork', 'authn_core', 'authz_core', 'authz_user', 'dir', 'filter', 'include', 'mime'];

/** A folder that Apache's children, which are another user when we are root, can read. */
export function publicFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `musubi-test-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/**
 * Runs Apache on a port of the loopback, with pages that show what the application is told of a person: every address
 * answers with the variables of the request, one `NAME=value` a line.
 *
 * @param site what the operator puts into the virtual host.
 * @param module the SAML module: its name for LoadModule, and its file in Debian's folder.
 */
export async function startApache({
  folder,
  port,
  site,
  module,
  environment = {},
}: {
  folder: string;
  port: number;
  site: string;
  module: { readonly name: string; readonly file: string };
  environment?: Readonly<Record<string, string>>;
}): Promise<Apache> {
  const pages = join(folder, 'pages');
  mkdirSync(join(pages, 'secure'), { recursive: true });
  for (const place of [pages, join(pages, 'secure')]) {
    writeFileSync(join(place, 'index.shtml'), '<!--#printenv -->');
  }
  const errorLog = join(folder, 'error.log');
  const configuration = join(folder, 'apache.conf');
  const modules = COMMON_MODULES.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`);
  writeFileSync(
    configuration,
    `ServerRoot ${folder}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${errorLog}
LogLevel warn mpm_prefork:notice
${modules.join('\n')}
LoadModule ${module.name} ${MODULES}/${module.file}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
KeepAlive Off
StartServers 1
MinSpareServers 1
MaxSpareServers 2
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
Listen 127.0.0.1:${port}
ServerName http://127.0.0.1:${port}
UseCanonicalName On
DocumentRoot ${pages}
DirectoryIndex index.shtml
<Directory ${pages}>
  Options +Includes
  Require all granted
</Directory>
${site}
`,
  );
  const start = async () => {
    // Started anew it has a log of its own.
    rmSync(errorLog, { force: true });
    const server = startServerProcess('/usr/sbin/apache2', ['-f', configuration, '-D', 'FOREGROUND'], {
      environment,
      ownGroup: true, // it signals its group when it ends
      furtherLog: () => readFileSync(errorLog, { encoding: 'utf8', flag: 'a+' }),
    });
    await server.until(() => server.log().includes('resuming normal operations'), 'start');
    return server;
  };
  let server = await start();
  return {
    log: () => server.log(),
    stop: () => server.stop(),
    async restart() {
      await server.stop();
      server = await start();
    },
  };
}
