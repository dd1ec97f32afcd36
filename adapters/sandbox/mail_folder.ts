import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MailTransport } from '../../provider/notices_by_mail/mail_delivery.ts';
import { writeFileAtomically } from './authority/write_file.ts';

/**
 * The sandbox's mail server: what the hub writes to people becomes files that a developer can read, the newest last by name.
 *
 * @param folder for its owner only; made if it is not there.
 */
export function createMailFolder(folder: string): MailTransport {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    async send({ id, to, subject, text, at }) {
      const time = new Date(at).toISOString().replaceAll(':', '-');
      await writeFileAtomically(join(folder, `${time} ${id}.txt`), `To: ${to}\nSubject: ${subject}\n\n${text}`);
      return 'sent';
    },
    close() {},
  };
}
