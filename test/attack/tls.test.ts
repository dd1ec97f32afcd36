import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRoot, issueUserCertificate } from '../../adapters/sandbox/pki/index.ts';
import { type ErrorCode, jaErrors } from '../../views/words/ja_errors.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { createRelyingParty, REDIRECT_URI, type RelyingParty, subOf } from '../protocol/relying_party.ts';
import { pemOf, userCertificateOf } from '../support/certificate_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startProxiedHub, userRoots } from '../support/proxied_hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';

let authority: TestAuthority;
let folder: string;

before(async () => {
  authority = await startTestAuthority();
  folder = mkdtempSync(join(tmpdir(), 'musubi-test-tls-'));
  for (const name of ['alice', 'bob']) {
    await authority.authority.citizens.issue({ name });
    await writeCertificate(name);
  }
  for (const name of ['taro', 'saburo', 'umeko']) await writeCertificate(name);
  const impostor = await createRoot({ kind: 'user', key: await rsaKey('impostor') });
  const { der, key } = await issueUserCertificate(impostor, { key: await rsaKey('citizen') });
  writeFileSync(join(folder, 'stranger.crt'), pemOf(der));
  writeFileSync(join(folder, 'stranger.key'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
});
after(async () => {
  await authority?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function writeCertificate(name: string): Promise<void> {
  const { cert, key } = await userCertificateOf(authority.cardsFolder, name);
  writeFileSync(join(folder, `${name}.crt`), cert);
  writeFileSync(join(folder, `${name}.key`), key);
}

interface CurlAnswer {
  /** Where it ended; the relying party's address when it was sent there. */
  url: string;
  status: number;
  text: string;
}

/** One person with curl, whose cookies last; `card` is what curl shows when it is asked. */
function curlOf(hub: TestHub) {
  const jar = join(mkdtempSync(join(folder, 'person-')), 'jar');
  return async (url: string, { card, more = [] }: { card?: string; more?: string[] } = {}): Promise<CurlAnswer> => {
    const certificate = card ? ['--cert', join(folder, `${card}.crt`), '--key', join(folder, `${card}.key`)] : [];
    const args = ['-sSL', '-b', jar, '-c', jar, '--cacert', hub.tls.authorityFile, ...certificate];
    // Nobody answers for the relying party: curl stops there.
    const stop = ['--resolve', 'rp.example:443:127.0.0.1', '--connect-timeout', '5'];
    const said = await new Promise<string>((resolve, reject) => {
      const write = ['-w', '\n%{url_effective}\n%{http_code}'];
      execFile('curl', [...args, ...stop, ...write, ...more, url], { timeout: 20_000 }, (error, stdout, stderr) => {
        if (error && (error.code !== 7 || !stdout.includes(REDIRECT_URI))) reject(new Error(`${error}: ${stderr}`));
        else resolve(stdout);
      });
    });
    const lines = said.split('\n');
    const status = Number(lines.pop());
    const at = lines.pop() ?? '';
    return { url: at, status, text: lines.join('\n') };
  };
}

type Curl = ReturnType<typeof curlOf>;

const wayOn = (page: string): string => /href="(\/interaction\/[^"]+\/certificate)"/.exec(page)?.[1] ?? '';

/** `openssl s_client`, which sends `input` and reads until the server closes. */
function sClient(origin: string, args: readonly string[], input: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const client = spawn('openssl', ['s_client', '-connect', new URL(origin).host, '-ign_eof', ...args], {
    cwd: folder,
    stdio: 'pipe',
    timeout: 20_000,
  });
  let output = '';
  for (const stream of [client.stdout, client.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  client.on('error', reject).on('close', () => resolve(output));
  client.stdin.on('error', () => {});
  client.stdin.write(input);
  return promise;
}

const get = (origin: string, path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${new URL(origin).host}\r\n\r\n`;
const answersIn = (output: string): string[] => output.match(/^HTTP\/1\.1 \d+/gm) ?? [];

/** Both ways in which TLS can end before the hub; what is promised is the same. */
const PLACES = [
  {
    place: 'at the hub’s own listener',
    start: async () => {
      const hub = await startTestHub({ authority });
      return { hub, stop: () => hub.stop() };
    },
  },
  { place: 'at nginx, as docs/examples/nginx.conf has it', start: () => startProxiedHub(authority) },
];

for (const { place, start } of PLACES) {
  describe(`signing in by TLS ${place}`, () => {
    let hub: TestHub;
    let stop: () => Promise<void>;
    let party: RelyingParty;
    let curl: Curl;

    before(async () => {
      ({ hub, stop } = await start());
      party = await createRelyingParty(hub);
    });
    after(() => stop?.());

    /** A new person with curl at a new sign-in page. */
    async function begin(parameters: Record<string, string> = {}) {
      curl = curlOf(hub);
      const attempt = await party.attempt(parameters);
      const { text } = await curl(party.authorizationUrl(attempt));
      const path = wayOn(text);
      assert.ok(path, text);
      return { attempt, way: hub.issuer + path };
    }

    /** The consent page, if it is shown, is agreed to; the result is who the relying party sees. */
    async function finish(attempt: Awaited<ReturnType<typeof begin>>['attempt'], done: CurlAnswer): Promise<string> {
      let { url, text } = done;
      if (text.includes('value="agree"')) {
        const csrf = /name="csrf" value="([^"]*)"/.exec(text)?.[1] ?? '';
        ({ url, text } = await curl(`${url}/consent`, {
          more: ['--data-urlencode', `csrf=${csrf}`, '-d', 'decision=agree'],
        }));
      }
      assert.ok(url.startsWith(REDIRECT_URI), `${url} ${text.replaceAll(/<[^>]*>|\s+/g, ' ').slice(0, 300)}`);
      return subOf(await party.exchange(attempt, new URL(url)));
    }

    async function signIn(card: string, parameters?: Record<string, string>): Promise<string> {
      const { attempt, way } = await begin(parameters);
      return finish(attempt, await curl(way, { card }));
    }

    function assertProblem({ status, text, url }: CurlAnswer, code: ErrorCode, expected = 403): void {
      assert.equal(status, expected, text.replaceAll(/<[^>]*>|\s+/g, ' ').slice(0, 300));
      assert.ok(text.includes(jaErrors[code].title), text);
      assert.equal(new URL(url).origin, hub.issuer);
    }

    /** The address on the listener that the main origin sends this person to, path only. */
    async function requestOf(way: string): Promise<string> {
      const { text } = await curl(way, { more: ['--max-redirs', '0', '--no-location', '-i'] });
      const location = /^location: (\S+)/im.exec(text)?.[1] ?? '';
      const { pathname, search, origin } = new URL(location);
      assert.equal(origin, hub.certificateUrl);
      return pathname + search;
    }

    it('curl with a citizen’s certificate is the person that the card agent knows', async () => {
      assert.equal(await signIn('taro'), subOf(await party.signIn({ card: 'taro' })));
    });

    it('no certificate gives a clear page, and the next try in the same sign-in works', async () => {
      const { attempt, way } = await begin();
      assertProblem(await curl(way), 'certificate_missing');
      assert.ok(await finish(attempt, await curl(way, { card: 'taro' })));
    });

    for (const [what, card, code] of [
      ['an expired certificate', 'saburo', 'certificate_expired'],
      ['a revoked one', 'umeko', 'certificate_revoked'],
      ['one of another authority with the same name', 'stranger', 'certificate_untrusted'],
    ] as const)
      it(`${what} gives a page of its own`, async () => {
        const { way } = await begin();
        assertProblem(await curl(way, { card }), code);
      });

    it('forged headers change nothing, with a certificate or without', async () => {
      const forged = new X509Certificate(readFileSync(join(folder, 'bob.crt'))).raw.toString('base64');
      const more = ['Client-Cert', 'Client_Cert', 'X-Client-Cert', 'X-SSL-Client-Cert', 'X-Forwarded-Client-Cert']
        .flatMap((name) => ['-H', `${name}: :${forged}:`])
        .concat('-H', `Client-Cert-Chain: :${forged}:`, '-H', 'X-SSL-Client-Verify: SUCCESS');
      const without = await begin();
      assertProblem(await curl(without.way, { more }), 'certificate_missing');
      const { attempt, way } = await begin();
      assert.equal(await finish(attempt, await curl(way, { card: 'alice', more })), await signIn('alice'));
    });

    it('the handshake names the user roots, each name once, and no others', async () => {
      const output = await sClient(hub.certificateUrl, [], get(hub.certificateUrl, '/'));
      const block = /Acceptable client certificate CA names\n([\s\S]*?)\nRequested Signature Algorithms/.exec(
        output,
      )?.[1];
      const names = [...new Set(userRoots(authority).map(({ subject }) => subject))];
      assert.deepEqual(
        block?.split('\n').map((line) => line.replaceAll(' = ', '=').replaceAll(', ', '\n')),
        names,
      );
    });

    it('TLS is 1.3 and nothing older', async () => {
      assert.match(await sClient(hub.certificateUrl, ['-tls1_3'], get(hub.certificateUrl, '/')), /New, TLSv1\.3/);
      const older = await sClient(hub.certificateUrl, ['-tls1_2'], get(hub.certificateUrl, '/'));
      assert.deepEqual(answersIn(older), []);
      assert.match(older, /alert protocol version/);
    });

    it('a session is never resumed, and none outlives a revocation', async () => {
      // Issued for this place: the revocation is the end of the card.
      const name = hub.certificateUrl.replace(/\D+/, 'carol-');
      await authority.authority.citizens.issue({ name });
      await writeCertificate(name);
      const session = join(folder, 'session');
      rmSync(session, { force: true });
      const shown = ['-cert', `${name}.crt`, '-key', `${name}.key`, '-tls1_3'];
      const first = await requestOf((await begin()).way);
      const output = await sClient(
        hub.certificateUrl,
        [...shown, '-sess_out', session],
        get(hub.certificateUrl, first),
      );
      assert.match(output, /^Location: \S+certificate-return\?code=/m, output);

      await authority.authority.citizens.revoke({ name, certificate: 'user', reason: 'keyCompromise' });
      await hub.refreshLists();
      const kept = (() => {
        try {
          readFileSync(session);
          return ['-sess_in', session];
        } catch {
          return []; // the server gave nothing to keep
        }
      })();
      // With the session and without any certificate: nobody.
      const { way } = await begin();
      const without = await sClient(
        hub.certificateUrl,
        [...kept, '-tls1_3'],
        get(hub.certificateUrl, await requestOf(way)),
      );
      assert.doesNotMatch(without, /^Reused/m);
      assert.match(without, /^New, TLSv1\.3/m);
      assertProblem(await curl(/^Location: (\S+)/m.exec(without)?.[1] ?? ''), 'certificate_missing');
      // And with the certificate that has been revoked since.
      const revoked = await begin();
      assertProblem(await curl(revoked.way, { card: name }), 'certificate_revoked');
    });

    it('one connection signs one person in: what comes behind the first request is not looked at', async () => {
      const { way } = await begin();
      const first = await requestOf(way);
      const second = await requestOf((await begin()).way);
      const requests = get(hub.certificateUrl, first) + get(hub.certificateUrl, second);
      const output = await sClient(hub.certificateUrl, ['-cert', 'alice.crt', '-key', 'alice.key'], requests);
      assert.equal(output.match(/certificate-return\?code=/g)?.length, 1);
      assert.match(output, /^Connection: close/im);
      assert.deepEqual(answersIn(output).slice(0, 1), ['HTTP/1.1 303']);
      // The second request is still good, for whoever comes with a handshake of their own.
      const other = await sClient(
        hub.certificateUrl,
        ['-cert', 'bob.crt', '-key', 'bob.key'],
        get(hub.certificateUrl, second),
      );
      assert.match(other, /certificate-return\?code=/);
    });

    it('another card in the reader is another person, in the same browser', async () => {
      const alice = await signIn('alice');
      const attempt = await party.attempt({ prompt: 'login' });
      const { text } = await curl(party.authorizationUrl(attempt));
      const sub = subOf(
        await party.exchange(attempt, new URL(await endOf(await curl(hub.issuer + wayOn(text), { card: 'bob' })))),
      );
      assert.notEqual(sub, alice);
      assert.equal(sub, await signIn('bob'));
    });

    /** Past the pages that lie between: the engine's question about the other session, and consent. */
    async function endOf({ url, text }: CurlAnswer): Promise<string> {
      let at = url;
      let page = text;
      for (let steps = 0; steps < 4 && !at.startsWith(REDIRECT_URI); steps += 1) {
        const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page.slice(page.indexOf('<main')));
        const fields = [...(form?.[2] ?? page).matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
        const more = fields.flatMap(([, name, value]) => ['--data-urlencode', `${name}=${value}`]);
        const target = new URL(form?.[1] ?? at, at).href;
        ({ url: at, text: page } = await curl(target, { more: [...more, '-d', 'decision=agree'] }));
      }
      return at;
    }
  });
}

describe('the listener for middleware that signs PKCS#1 v1.5 only', () => {
  let hub: TestHub;
  before(async () => {
    hub = await startTestHub({ authority, settings: { signIn: { tls: { compatibility: 'pkcs1' } } } });
  });
  after(() => hub?.stop());

  it('speaks TLS 1.2 with forward secrecy, asks for no PSS, and resumes nothing', async () => {
    const session = join(folder, 'session-pkcs1');
    const args = ['-cert', 'taro.crt', '-key', 'taro.key'];
    const output = await sClient(hub.certificateUrl, [...args, '-sess_out', session], get(hub.certificateUrl, '/'));
    assert.match(output, /New, TLSv1\.2, Cipher is ECDHE-/);
    const asked = /^Requested Signature Algorithms: (.*)$/m.exec(output)?.[1] ?? '';
    assert.match(asked, /RSA\+SHA256/);
    assert.doesNotMatch(asked, /PSS/i);
    assert.match(output, /^Peer signature type: (?!.*PSS)/m);
    assert.doesNotMatch(output, /TLS session ticket:/);
    const again = await sClient(hub.certificateUrl, [...args, '-sess_in', session], get(hub.certificateUrl, '/'));
    assert.match(again, /^New, TLSv1\.2/m);
  });

  it('signs in who shows a certificate by it', async () => {
    const party = await createRelyingParty(hub);
    const curl = curlOf(hub);
    const { text } = await curl(party.authorizationUrl(await party.attempt()));
    const { url } = await curl(hub.issuer + wayOn(text), { card: 'taro', more: ['--tls-max', '1.2'] });
    assert.match(url, /\/interaction\/[^/]+$|^https:\/\/rp\.example/);
  });

  it('is the same behind nginx with the lines of the example that say so', async () => {
    const example = readFileSync(new URL('../../docs/examples/nginx.conf', import.meta.url), 'utf8');
    const instead = /ssl_protocols TLSv1\.3;\n.*\n((?: +# {3}ssl_.*\n)+)/.exec(example)?.[1]?.replaceAll('#', '');
    assert.ok(instead);
    const { hub, stop } = await startProxiedHub(authority, (card) => card.replace('ssl_protocols TLSv1.3;', instead));
    try {
      const args = ['-cert', 'taro.crt', '-key', 'taro.key'];
      const output = await sClient(hub.certificateUrl, args, get(hub.certificateUrl, '/'));
      assert.match(output, /New, TLSv1\.2, Cipher is ECDHE-/);
      assert.deepEqual(answersIn(output), ['HTTP/1.1 404']);
      assert.equal(/^Requested Signature Algorithms: (.*)$/m.exec(output)?.[1], 'RSA+SHA256:RSA+SHA384:RSA+SHA512');
    } finally {
      await stop();
    }
  });

  it('does not speak TLS 1.3', async () => {
    const output = await sClient(hub.certificateUrl, ['-tls1_3'], get(hub.certificateUrl, '/'));
    assert.deepEqual(answersIn(output), []);
  });
});
