import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createSmtpTransport, type SmtpSettings } from '../../../adapters/mail/smtp_transport.ts';
import { ensureWebTls } from '../../../adapters/sandbox/web_tls.ts';
import { MailNotSent, type MailTransport, type OutgoingMail } from '../../../provider/notices_by_mail/mail_delivery.ts';
import { type MailServer, type MailServerOptions, startMailServer } from '../../support/mail_server.ts';

const MAIL: OutgoingMail = {
  id: '8f14e45f-ceea-467f-a0e6-1c2b7a1f0001',
  to: 'taro@example.jp',
  subject: 'Musubi 結びからのお知らせ / A notice',
  text: '「さくら医院」への情報の提供に同意しました。\n\n- 氏名\n.\nEnd\n',
  at: Date.parse('2026-11-30T13:05:00Z'),
};

describe('mail over SMTP', () => {
  const folders: string[] = [];
  const closing: (() => unknown)[] = [];
  let tls: { key: string; cert: string; authority: string };
  let otherAuthority: string;

  async function newTls() {
    const folder = mkdtempSync(join(tmpdir(), 'musubi-mail-'));
    folders.push(folder);
    const { keyFile, certificateFile, authorityFile } = await ensureWebTls(folder);
    const [key, cert, authority] = [keyFile, certificateFile, authorityFile].map((file) => readFileSync(file, 'utf8'));
    return { key: key ?? '', cert: cert ?? '', authority: authority ?? '' };
  }
  before(async () => {
    tls = await newTls();
    otherAuthority = (await newTls()).authority;
  });
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function server(options: MailServerOptions = {}): Promise<MailServer> {
    const started = await startMailServer(options);
    closing.push(started.stop);
    return started;
  }
  function transport(port: number, over: Partial<SmtpSettings> = {}): MailTransport {
    const created = createSmtpTransport({
      ...{ host: 'localhost', port, security: 'starttls', authorities: tls.authority, login: undefined },
      from: { name: 'Musubi 結び', address: 'notices@id.example.jp' },
      ...{ timeout: 5_000, connections: 2 },
      ...over,
    });
    closing.unshift(created.close);
    return created;
  }
  const notSent = (reason: RegExp) => (error: unknown) =>
    error instanceof MailNotSent && reason.test(error.reason) && !error.message.includes('@');

  for (const security of ['starttls', 'implicit'] as const) {
    it(`arrives under TLS (${security}) as it was written`, async () => {
      const { port, received } = await server({ tls: { ...tls, implicit: security === 'implicit' } });
      assert.equal(await transport(port, { security }).send(MAIL), 'sent');
      const [mail] = received;
      assert.equal(received.length, 1);
      assert.ok(mail?.isEncrypted);
      assert.deepEqual([mail.from, mail.to], ['notices@id.example.jp', ['taro@example.jp']]);
      assert.equal(mail.subject, MAIL.subject);
      assert.equal(mail.text.trimEnd(), MAIL.text.trimEnd());
      assert.equal(mail.headers['message-id'], `<${MAIL.id}@id.example.jp>`);
      assert.equal(mail.headers['auto-submitted'], 'auto-generated');
      assert.equal(Date.parse(mail.headers.date ?? ''), MAIL.at);
      assert.equal(mail.headers.to, 'taro@example.jp');
      assert.match(mail.headers['content-type'] ?? '', /^text\/plain; charset=utf-8/);
      assert.equal(mail.headers['x-mailer'], undefined);
    });

    it(`does not go to a server whose certificate another authority issued (${security})`, async () => {
      const { port, received } = await server({ tls: { ...tls, implicit: security === 'implicit' } });
      const sending = transport(port, { security, authorities: otherAuthority }).send(MAIL);
      await assert.rejects(sending, notSent(/^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/));
      assert.equal(received.length, 0);
    });
  }

  it('does not go to a server whose certificate names another host', async () => {
    const host = '127.0.0.2';
    const { port, received } = await server({ tls, host });
    await assert.rejects(transport(port, { host }).send(MAIL), notSent(/^ERR_TLS_CERT_ALTNAME_INVALID$/));
    assert.equal(received.length, 0);
  });

  it('does not go to a server that offers no TLS', async () => {
    const { port, received } = await server();
    await assert.rejects(transport(port).send(MAIL), notSent(/^ETLS/));
    assert.equal(received.length, 0);
  });

  it('goes without TLS where that was configured', async () => {
    const { port, received } = await server();
    assert.equal(await transport(port, { security: 'none' }).send(MAIL), 'sent');
    assert.equal(received[0]?.isEncrypted, false);
  });

  it('goes by the hub’s user and password', async () => {
    const login = { user: 'musubi', password: 'correct horse' };
    const { port, received } = await server({ tls, login });
    assert.equal(await transport(port, { login }).send(MAIL), 'sent');
    assert.equal(received[0]?.user, 'musubi');
    const wrong = transport(port, { login: { user: 'musubi', password: 'other' } });
    await assert.rejects(wrong.send(MAIL), notSent(/^EAUTH 535$/));
  });

  it('is refused where the server will never take the address', async () => {
    const started = await server({ tls });
    started.answer.recipient = 550;
    assert.equal(await transport(started.port).send(MAIL), 'refused');
  });

  it('can be tried again where the server does not take it now, and its words stay here', async () => {
    const started = await server({ tls });
    started.answer.recipient = 451;
    await assert.rejects(transport(started.port).send(MAIL), notSent(/451$/));
    started.answer = { data: 554 };
    await assert.rejects(transport(started.port).send(MAIL), notSent(/554$/));
  });

  it('goes over one connection after the other, and through a server that was away', async () => {
    const started = await server({ tls });
    const sending = transport(started.port);
    await sending.send(MAIL);
    await started.stop();
    await assert.rejects(sending.send(MAIL), notSent(/^E/));
    await started.start();
    assert.equal(await sending.send(MAIL), 'sent');
    assert.equal(started.received.length, 2);
  });

  for (const [what, serve] of [
    ['says nothing', () => {}],
    [
      'says an octet now and then',
      (socket: Socket) => {
        socket.write('220 ready\r\n');
        const timer = setInterval(() => socket.write('2'), 20);
        socket.on('close', () => clearInterval(timer));
      },
    ],
  ] as const) {
    it(`does not wait longer than it may for a server that ${what}`, async () => {
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => {
        sockets.add(socket.on('error', () => {}));
        serve(socket);
      }).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      closing.push(() => {
        for (const socket of sockets) socket.destroy();
        silent.close();
      });
      const { port } = silent.address() as { port: number };
      const start = performance.now();
      const sending = transport(port, { security: 'none', timeout: 300, host: '127.0.0.1' }).send(MAIL);
      await assert.rejects(sending, MailNotSent);
      assert.ok(performance.now() - start < 3_000);
    });
  }

  it('has no more headers than its own, whatever stands in it', async () => {
    const started = await server({ tls });
    const subject = 'Notice\r\nBcc: all@example.jp\r\n\r\nbody';
    await transport(started.port).send({ ...MAIL, subject });
    const [mail] = started.received;
    assert.deepEqual(mail?.to, ['taro@example.jp']);
    assert.equal(mail?.headers.bcc, undefined);
    assert.equal(mail?.text.trimEnd(), MAIL.text.trimEnd());
  });
});
