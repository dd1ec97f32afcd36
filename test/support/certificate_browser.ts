import { readFileSync } from 'node:fs';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { createHttpBrowser, type HttpBrowser } from './http_browser.ts';
import type { TestHub } from './hub.ts';
import { mutualTlsFetch } from './mutual_tls_fetch.ts';

/** A certificate and its key, PEM. */
export interface CertificateAndKey {
  cert: string;
  key: string;
}

/** The user certificate of a sandbox citizen, as a browser or middleware has it. */
export async function userCertificateOf(cardsFolder: string, name: string): Promise<CertificateAndKey> {
  const { user } = await readSoftCardFile(cardsFolder, name);
  return { cert: pemOf(Buffer.from(user.certificate, 'base64')), key: user.privateKey };
}

export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** A browser that shows a certificate to whoever asks in a handshake: what `choice` holds at that moment. */
export function createCertificateBrowser(
  { tls }: Pick<TestHub, 'tls'>,
  choice: { certificate: CertificateAndKey | undefined },
): HttpBrowser {
  const ca = readFileSync(tls.authorityFile, 'utf8');
  return createHttpBrowser({
    send: (url, { method, headers, body }) =>
      mutualTlsFetch({ ca, ...choice.certificate })(url, {
        ...(method ? { method } : {}),
        headers: body ? { ...headers, 'content-type': 'application/x-www-form-urlencoded' } : headers,
        body,
      }),
  });
}
