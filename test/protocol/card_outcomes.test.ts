import assert from 'node:assert/strict';
import { createHash, sign } from 'node:crypto';
import { rmSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { createRoot, issueUserCertificate } from '../../adapters/sandbox/pki/index.ts';
import { enErrors } from '../../views/words/en_errors.ts';
import { type ErrorCode, jaErrors } from '../../views/words/ja_errors.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import {
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  later,
  open,
  presentCard,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

let authority: TestAuthority;
let hub: TestHub;
let party: RelyingParty;
let browser: HttpBrowser;

before(async () => {
  authority = await startTestAuthority();
  hub = await startTestHub({ authority });
  party = await createRelyingParty(hub);
});
after(async () => {
  await hub?.stop();
  rmSync(authority.dataFolder, { recursive: true, force: true });
});
beforeEach(() => {
  browser = createHttpBrowser();
});

async function signInPage(parameters: Record<string, string> = {}, inBrowser = browser): Promise<Visited> {
  const page = await open(party.authorizationUrl(await party.attempt(parameters)), inBrowser);
  assert.ok(isSignInPage(page));
  return page;
}

const nonceOf = (page: Visited): string => hiddenFields(page.text).nonce ?? '';

/** What the log says that the last request was refused for. */
function lastRefusal(): string | undefined {
  const entries = hub.log.map((line) => JSON.parse(line) as { msg: string; refusal?: { code: string } });
  return entries.findLast(({ msg }) => msg === 'request')?.refusal?.code;
}

async function countRefusals(code: string): Promise<number> {
  const events = await hub.hub.storage.audit.read(0n, 10_000);
  return events.filter(({ kind, data, clientId }) => kind === 'sign_in.refused' && data?.code === code && clientId)
    .length;
}

/** The page is the sign-in page again, with this error in both languages, in the log and in the audit chain. */
async function assertRefused(
  code: ErrorCode,
  status: number,
  answer: (page: Visited) => Promise<Visited>,
): Promise<Visited> {
  for (const [language, words] of [
    ['en', enErrors],
    ['ja', jaErrors],
  ] as const) {
    browser = createHttpBrowser();
    const before = await countRefusals(code);
    const page = await answer(await signInPage({ ui_locales: language }));
    assert.equal(lastRefusal(), code);
    assert.equal(page.status, status);
    assert.ok(isSignInPage(page), 'the person can try again on the same page');
    for (const text of [words[code].title, words[code].body, words[code].next])
      assert.ok(page.text.includes(text), text);
    assert.equal(await countRefusals(code), before + 1);
    if (language === 'ja') return page;
  }
  throw new Error('not reached');
}

/** The token of a card agent that holds this certificate and key. */
function tokenOf(
  certificate: Uint8Array,
  privateKey: Parameters<typeof sign>[2],
  nonce: string,
  origin = hub.issuer,
): string {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return JSON.stringify({
    format: 'web-eid:1.0',
    unverifiedCertificate: Buffer.from(certificate).toString('base64'),
    algorithm: 'RS256',
    signature: sign('sha256', Buffer.concat([hash(origin), hash(nonce)]), privateKey).toString('base64'),
  });
}

describe('a card', () => {
  for (const [title, card, code] of [
    ['that has expired', 'saburo', 'certificate_expired'],
    ['that was reported lost', 'jiro', 'certificate_on_hold'],
    ['whose holder has died', 'umeko', 'certificate_revoked'],
    ['that was replaced by a new one', 'keiko-old', 'certificate_superseded'],
    ['whose authority has expired', 'mukashi', 'certificate_anchor_expired'],
  ] as const) {
    it(`${title} is refused on a page of its own`, async () => {
      const page = await assertRefused(code, 403, (shown) => presentCard(hub, browser, shown, { card }));
      assert.doesNotMatch(page.text, /cessation|keyCompromise|死亡|deceased/i);
    });
  }

  it('whose holder has moved signs in: only the signing certificate is revoked', async () => {
    assert.ok(subOf(await party.signIn({ card: 'hanako' })));
  });

  it('that was renewed, that belongs to a child, or that has substitute characters signs in', async () => {
    for (const card of ['keiko', 'mei', 'tanaka-sub']) assert.ok(subOf(await party.signIn({ card })));
  });

  it('of a foreign authority is refused, though the authority calls itself by the same name', async () => {
    const root = await createRoot({ kind: 'user' });
    const certificate = await issueUserCertificate(root);
    await assertRefused('certificate_untrusted', 403, (page) => {
      const token = tokenOf(certificate.der, certificate.key.privateKey, nonceOf(page));
      return presentCard(hub, browser, page, { over: { token } });
    });
  });

  it('is refused with its signing certificate', async () => {
    const { signing } = await readSoftCardFile(authority.cardsFolder, 'taro');
    assert.ok(signing);
    await assertRefused('certificate_is_signing', 403, (page) => {
      const token = tokenOf(Buffer.from(signing.certificate, 'base64'), signing.privateKey, nonceOf(page));
      return presentCard(hub, browser, page, { over: { token } });
    });
  });

  it('is refused with another card’s key', async () => {
    const [taro, ichiro] = await Promise.all(
      ['taro', 'ichiro'].map((name) => readSoftCardFile(authority.cardsFolder, name)),
    );
    assert.ok(taro && ichiro);
    await assertRefused('token_signature_invalid', 403, (page) => {
      const token = tokenOf(Buffer.from(taro.user.certificate, 'base64'), ichiro.user.privateKey, nonceOf(page));
      return presentCard(hub, browser, page, { over: { token } });
    });
  });

  it('that is revoked while the hub runs is refused as soon as the list says so', async () => {
    assert.ok(subOf(await party.signIn({ card: 'ichiro' })));
    await authority.authority.citizens.revoke({ name: 'ichiro', certificate: 'user', reason: 'keyCompromise' });
    await hub.refreshLists();
    await assertRefused('certificate_revoked', 403, (page) => presentCard(hub, browser, page, { card: 'ichiro' }));
  });

  it('signs in on the page that refused another one, under a new challenge', async () => {
    const page = await signInPage();
    const refusedPage = await presentCard(hub, browser, page, { card: 'jiro' });
    assert.notEqual(nonceOf(refusedPage), nonceOf(page));
    const visited = await presentCard(hub, browser, refusedPage, { card: 'taro' });
    assert.ok(visited.status === 0 || isConsentPage(visited));
  });
});

describe('a challenge', () => {
  it('of another browser’s sign-in is refused', async () => {
    await assertRefused('challenge_wrong_session', 400, async (page) => {
      const other = await signInPage({}, createHttpBrowser());
      return presentCard(hub, browser, page, { over: { nonce: nonceOf(other) } });
    });
  });

  it('that was answered before is refused, with the same answer or another', async () => {
    await assertRefused('challenge_spent', 400, async (page) => {
      const token = await hub.sign('taro', nonceOf(page));
      const first = await presentCard(hub, browser, page, { over: { token: token.replace('A', 'B') } });
      return presentCard(hub, browser, first, { over: { token, nonce: nonceOf(page) } });
    });
  });

  it('that let somebody in lets nobody else in, in any browser', async () => {
    const page = await signInPage();
    const token = await hub.sign('taro', nonceOf(page));
    await presentCard(hub, browser, page, { over: { token } });
    await assertRefused('challenge_spent', 400, (fresh) =>
      presentCard(hub, browser, fresh, { over: { token, nonce: nonceOf(page) } }),
    );
    await assertRefused('token_signature_invalid', 403, (fresh) =>
      presentCard(hub, browser, fresh, { over: { token } }),
    );
  });

  it('that is answered ten times at once is answered once', async () => {
    const page = await signInPage();
    const token = await hub.sign('taro', nonceOf(page));
    const before = hub.log.length;
    await Promise.all(Array.from({ length: 10 }, () => presentCard(hub, browser, page, { over: { token } })));
    const answers = hub.log
      .slice(before)
      .map((line) => JSON.parse(line) as { route?: string; status?: number })
      .filter(({ route }) => route?.endsWith('/sign-in'));
    assert.equal(answers.length, 10);
    assert.equal(answers.filter(({ status }) => status === 303).length, 1);
  });

  it('that is older than five minutes is refused', async () => {
    await assertRefused('challenge_expired', 400, (page) => later(301_000, () => presentCard(hub, browser, page)));
  });

  it('that was never issued is refused', async () => {
    for (const nonce of [Buffer.alloc(72).toString('base64'), 'short', '']) {
      const page = await signInPage();
      await presentCard(hub, browser, page, { over: { nonce, token: await hub.sign('taro', nonceOf(page)) } });
      assert.equal(lastRefusal(), 'challenge_unknown');
    }
  });

  it('that was signed for another origin is refused', async () => {
    const { port } = new URL(hub.issuer);
    const { user } = await readSoftCardFile(authority.cardsFolder, 'taro');
    for (const origin of [
      'https://evil.example',
      `https://localhost:${port}`,
      `http://127.0.0.1:${port}`,
      `http://LOCALHOST:${port}`,
      `http://localhost.:${port}`,
      `${hub.issuer}/`,
      'http://localhost',
      '',
    ]) {
      const page = await signInPage();
      const token = tokenOf(Buffer.from(user.certificate, 'base64'), user.privateKey, nonceOf(page), origin);
      await presentCard(hub, browser, page, { over: { token } });
      assert.equal(lastRefusal(), 'token_signature_invalid', origin);
    }
  });

  it('that is answered with something that is no token is refused, and the page is the same', async () => {
    for (const token of ['', '{', '[]', '{"format":"web-eid:2.0"}', 'null', '"x"'.repeat(100)]) {
      const page = await presentCard(hub, browser, await signInPage(), { over: { token } });
      assert.equal(lastRefusal(), 'token_malformed');
      assert.equal(page.status, 400);
    }
  });
});

describe('the authority', () => {
  before(() => authority.authority.stop());

  it('that is away while its lists are fresh is missed only by who asks for OCSP', async () => {
    assert.ok(subOf(await party.signIn({ parameters: { acr_values: 'aal3 crl' } })));
    await signInPage({ acr_values: 'aal3 ocsp' });
    const page = await presentCard(hub, browser, await signInPage({ acr_values: 'aal3 ocsp' }));
    assert.deepEqual([page.status, lastRefusal()], [503, 'revocation_unavailable']);
  });

  it('whose lists are out of date lets nobody in, says when to try again, and the hub is not ready', async () => {
    await later(3 * 86_400_000, async () => {
      const page = await assertRefused('revocation_unavailable', 503, (shown) => presentCard(hub, browser, shown));
      const seconds = Number(page.headers.get('retry-after'));
      assert.ok(seconds >= 5 && seconds <= 300, `Retry-After: ${seconds}`);
      assert.equal((await fetch(`${hub.issuer}/readyz`)).status, 503);
    });
    assert.ok(subOf(await party.signIn()));
  });
});

describe('the log', () => {
  it('holds no certificate, serial number, token, challenge or name of anybody above', async () => {
    const log = hub.log.join('');
    const { user } = await readSoftCardFile(authority.cardsFolder, 'umeko');
    assert.equal(log.includes(user.certificate.slice(40, 120)), false);
    assert.doesNotMatch(log, /unverifiedCertificate|web-eid|伊藤|梅子/);
    const page = await signInPage();
    assert.equal(hub.log.join('').includes(nonceOf(page)), false);
  });
});
