import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from './authority/write_file.ts';
import { createWebAuthority, issueTlsServerCertificate } from './pki/index.ts';

/** PEM files of the sandbox's own web authority: the hub's two TLS listeners, and whom the mutual-TLS one believes. */
export interface TlsFiles {
  authorityFile: string;
  authorityKeyFile: string;
  certificateFile: string;
  keyFile: string;
}

/**
 * The listeners' certificate for `localhost`, made at first start. Relying parties that try `tls_client_auth` get their
 * client certificates from the same authority; its key stays in the data folder for that.
 */
export async function ensureWebTls(dataFolder: string): Promise<TlsFiles> {
  const folder = join(dataFolder, 'sandbox', 'web');
  const files: TlsFiles = {
    authorityFile: join(folder, 'authority.crt'),
    authorityKeyFile: join(folder, 'authority.key'),
    certificateFile: join(folder, 'localhost.crt'),
    keyFile: join(folder, 'localhost.key'),
  };
  // Written last: when it is there, everything is.
  if (await exists(files.certificateFile)) return files;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authority = await createWebAuthority();
  const server = await issueTlsServerCertificate(authority, ['localhost', '127.0.0.1']);
  const pkcs8 = (key: typeof server.key) => key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writeFileAtomically(files.authorityFile, authority.pem);
  await writeFileAtomically(files.authorityKeyFile, pkcs8(authority.key));
  await writeFileAtomically(files.keyFile, pkcs8(server.key));
  await writeFileAtomically(files.certificateFile, server.pem);
  return files;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
