import { once } from 'node:events';
import type { Server } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { guard } from './leaks/leak_guard.ts';
import { reservePorts } from './ports.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** By name in lower case, unfolded, as they stand. */
  readonly headers: Readonly<Record<string, string>>;
  readonly subject: string;
  readonly text: string;
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
}

export interface MailServer {
  readonly port: number;
  /** What came, oldest first; empty it at will. */
  received: ReceivedMail[];
  /** How RCPT TO and DATA are answered from now on. */
  answer: { recipient?: number; data?: number };
  /** Not there for whoever connects from now on. */
  stop(): Promise<void>;
  /** There again, on the same port. */
  start(): Promise<void>;
}

export interface MailServerOptions {
  /** PEM. Without it no TLS is offered. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly implicit?: boolean };
  /** Address that it listens on. */
  readonly host?: string;
  readonly login?: { readonly user: string; readonly password: string };
}

/** A mail server on the loopback that keeps what it is sent. */
export async function startMailServer({ tls, login, host = '127.0.0.1' }: MailServerOptions = {}): Promise<MailServer> {
  const failure = (responseCode: number | undefined) =>
    responseCode === undefined ? null : Object.assign(new Error('not this one <person@example.jp>'), { responseCode });
  const options: SMTPServerOptions = {
    ...(tls ? { key: tls.key, cert: tls.cert, secure: tls.implicit === true } : { disabledCommands: ['STARTTLS'] }),
    authOptional: login === undefined,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth({ username, password }, _session, done) {
      if (username === login?.user && password === login?.password) done(null, { user: username ?? '' });
      else done(new Error('no'));
    },
    onRcptTo(_address, _session, done) {
      done(failure(server.answer.recipient));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const failed = failure(server.answer.data);
        if (!failed) {
          const { mailFrom, rcptTo } = session.envelope;
          const mail = {
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            ...parse(Buffer.concat(chunks).toString('utf8')),
            isEncrypted: session.secure,
            user: session.user === undefined ? undefined : String(session.user),
          };
          guard.answer('mail', [mail.subject, mail.text, JSON.stringify(mail.headers)]);
          server.received.push(mail);
        }
        done(failed);
      });
    },
  };
  let running: SMTPServer | undefined;
  const start = async (port: number) => {
    running = new SMTPServer(options);
    // Whoever hangs up in the middle is no reason to fall.
    running.on('error', () => {});
    const listener = running.listen(port, host) as Server;
    await once(listener, 'listening');
  };
  const [port = 0] = await reservePorts(1);
  const server: MailServer = {
    port,
    received: [],
    answer: {},
    async stop() {
      const stopping = running;
      running = undefined;
      await new Promise<void>((resolve) => (stopping ? stopping.close(() => resolve()) : resolve()));
    },
    start: () => start(port),
  };
  await start(port);
  return server;
}

function parse(raw: string): Pick<ReceivedMail, 'headers' | 'subject' | 'text'> {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = raw.slice(end + 4);
  const octets =
    headers['content-transfer-encoding'] === 'base64' ? Buffer.from(body, 'base64') : quotedPrintable(body);
  return {
    headers,
    subject: decodeWords(headers.subject ?? ''),
    text: octets.toString('utf8').replaceAll('\r\n', '\n'),
  };
}

/** RFC 2045 §6.7; a text in ASCII is its own. */
function quotedPrintable(body: string): Buffer {
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

/** RFC 2047. */
function decodeWords(text: string): string {
  const joined = text.replaceAll(/\?=\s+=\?/g, '?==?');
  return joined.replaceAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_, encoding: string, word: string) =>
    encoding.toUpperCase() === 'B'
      ? Buffer.from(word, 'base64').toString('utf8')
      : quotedPrintable(word.replaceAll('_', ' ')).toString('utf8'),
  );
}
