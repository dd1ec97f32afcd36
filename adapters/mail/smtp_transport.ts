import { createTransport } from 'nodemailer';
import type SMTPPool from 'nodemailer/lib/smtp-pool/index.js';
import { MailNotSent, type MailTransport } from '../../provider/notices_by_mail/mail_delivery.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first octet (RFC 8314 §3.3). `starttls`: no mail and no password before it. */
  readonly security: 'implicit' | 'starttls' | 'none';
  /** PEM; in the place of the system's authorities. */
  readonly authorities: string | undefined;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  readonly from: { readonly name: string; readonly address: string };
  /** Milliseconds for one whole attempt. */
  readonly timeout: number;
  readonly connections: number;
}

/** Mails over one connection: some servers count. */
const MAILS_PER_CONNECTION = 50;

/**
 * Mail over SMTP (RFC 5321), by connections that are kept for a while. The server's certificate is verified; there is no way
 * to say otherwise.
 */
export function createSmtpTransport(settings: SmtpSettings): MailTransport {
  const { host, port, security, authorities, login, from, timeout } = settings;
  const options: SMTPPool.Options = {
    pool: true,
    ...{ host, port },
    secure: security === 'implicit',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(authorities === undefined ? {} : { ca: authorities }) },
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    maxConnections: settings.connections,
    maxMessages: MAILS_PER_CONNECTION,
    // What fails is tried again by whoever keeps the mail.
    maxRequeues: 0,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  const transporter = createTransport(options);
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);

  return {
    async send({ id, to, subject, text, at }) {
      // The time-outs above are of silence; a server that answers an octet at a time never is silent.
      const signal = AbortSignal.timeout(timeout);
      const message = {
        from,
        // An object and an envelope of its own: nobody parses the address again.
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        ...{ subject, text, signal },
        date: new Date(at),
        messageId: `<${id}@${domain}>`,
        // RFC 3834 §5: no answering machine answers, and none of ours is kept awake.
        headers: { 'Auto-Submitted': 'auto-generated' },
        xMailer: false as const,
      };
      try {
        await transporter.sendMail(message);
        return 'sent';
      } catch (error) {
        if (isRefusedRecipient(error)) return 'refused';
        throw new MailNotSent(reasonOf(error));
      }
    },
    close() {
      transporter.close();
    },
  };
}

/** RFC 5321 §4.2.1: 5yz to RCPT TO is for ever. Elsewhere it is about us (the password, the sender), and can be mended. */
function isRefusedRecipient(error: unknown): boolean {
  const { command, responseCode } = error as { command?: unknown; responseCode?: unknown };
  return command === 'RCPT TO' && typeof responseCode === 'number' && responseCode >= 500 && responseCode <= 599;
}

/** Code of the system, of TLS or of the library, and the server's number; its words may name the person. */
function reasonOf(error: unknown): string {
  const { name, code, originalCode, responseCode } = error as Record<string, unknown>;
  const words = [originalCode ?? code ?? name, responseCode].filter(
    (word) => typeof word === 'string' || typeof word === 'number',
  );
  return words.join(' ') || 'unknown';
}
