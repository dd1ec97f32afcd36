import assert from 'node:assert/strict';
import { createHash, randomBytes, sign } from 'node:crypto';
import { restoreStoredRoot } from '../../adapters/sandbox/authority/roots_of_state.ts';
import {
  type CitizenCertificateOptions,
  type IssuedCertificate,
  issueUserCertificate,
  type Root,
} from '../../adapters/sandbox/pki/index.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import type { Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub, type TestHubOptions, UnexpectedPage } from '../support/hub.ts';
import { guard } from '../support/leaks/leak_guard.ts';
import { startTestAuthority } from '../support/sandbox_authority.ts';
import { createOpenBrowser, type OpenBrowser } from './open_browser.ts';

export const REDIRECT_URI = 'https://rp.example/callback';
/** RFC 7636 appendix B: nobody exchanges these codes. */
const CODE_CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

export interface SignInPage {
  browser: OpenBrowser;
  page: Visited;
  /** Address of the interaction, which its forms are sent below. */
  interaction: string;
  csrf: string;
  nonce: string;
}

/** A change to the token that the card agent would send; `text` replaces all of it. */
export interface TokenChange {
  origin?: string;
  nonce?: string;
  signature?: (signed: Buffer) => Buffer;
  fields?: Record<string, unknown>;
}

export interface Refusal {
  /** Code of the refusal in the request log, and in the audit event. */
  code: string;
  /** The detail behind the code, in the log only. */
  reason?: string;
  /** Of the page; default 403. 0: the relying party is told `code` as its protocol error. */
  status?: number;
  /** Whether it was an attempt to sign in, which leaves one audit event. Default true. */
  audited?: boolean;
  /** Codes of attempts that came before it in the same attack. */
  earlier?: readonly string[];
  /** The browser has signed somebody in before, rightly. */
  hadSession?: boolean;
}

export interface AttackHub {
  /** The hub that is attacked. */
  readonly target: TestHub;
  /** The current root for user certificates, with its key. */
  readonly root: Root;
  readonly clientId: string;
  readonly citizen: IssuedCertificate;
  /** A user certificate of the current root; its serial must not be seen anywhere again. */
  issue(options?: CitizenCertificateOptions, root?: Root): Promise<IssuedCertificate>;
  browser(): OpenBrowser;
  authorizationUrl(parameters?: Record<string, string>): string;
  openSignIn(browser?: OpenBrowser, parameters?: Record<string, string>): Promise<SignInPage>;
  token(card: IssuedCertificate, nonce: string, change?: TokenChange): string;
  /** Posts the sign-in form as the page would, with `fields` instead of its own. */
  submit(
    page: SignInPage,
    fields: Record<string, string>,
    options?: { headers?: Record<string, string>; action?: string },
  ): Promise<Visited>;
  /** Opens the page and answers its challenge with the card. */
  present(
    card: IssuedCertificate,
    options?: { browser?: OpenBrowser; change?: TokenChange; parameters?: Record<string, string> },
  ): Promise<Visited>;
  /** A whole sign-in that must succeed. Returns where the relying party gets its code. */
  goodSignIn(options?: {
    browser?: OpenBrowser;
    card?: IssuedCertificate;
    parameters?: Record<string, string>;
  }): Promise<URL>;
  /** Runs one attack and checks everything that "refuse" means. */
  assertRefused(attack: (browser: OpenBrowser) => Promise<Visited>, refusal: Refusal): Promise<void>;
  auditEvents(after?: bigint): Promise<StoredAuditEvent[]>;
  /** Now, where the leak guard would fail the file at its end. */
  assertNothingInTheLog(): void;
  stop(): Promise<void>;
}

/** A whole hub, one relying party and one citizen whose card's key the test holds. */
export async function startAttackHub(options: TestHubOptions = {}): Promise<AttackHub> {
  const authority = options.authority ?? (await startTestAuthority());
  const hub = await startTestHub({ ...options, authority });
  const root = restoreStoredRoot(authority.authority.store.state, 'user', 3);
  const registered = await hub.hub.clients.add({
    redirect_uris: [REDIRECT_URI],
    scope: 'openid card_status offline_access',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const clientId = String(registered.client_id);
  guard.secrets.token(String(registered.client_secret));

  const attacked: AttackHub = {
    target: hub,
    root,
    clientId,
    citizen: await issue(),
    issue,
    browser: () => createOpenBrowser({ port: hub.port }),
    authorizationUrl,
    openSignIn,
    token,
    submit,
    present,
    goodSignIn,
    assertRefused,
    auditEvents,
    assertNothingInTheLog,
    async stop() {
      await hub.stop();
      if (!options.authority) await authority.stop();
    },
  };
  return attacked;

  async function issue(certificateOptions: CitizenCertificateOptions = {}, issuer: Root = root) {
    const serial = Buffer.concat([Buffer.of(0x5a), randomBytes(15)]);
    const certificate = await issueUserCertificate(issuer, {
      key: await rsaKey('attack citizen'),
      serialNumber: BigInt(`0x${serial.toString('hex')}`),
      notBefore: Date.now() - 86_400_000,
      ...certificateOptions,
    });
    guard.secrets.certificate(certificate.der);
    // Where the certificate is too strange to be read.
    guard.secrets.serial(serial);
    return certificate;
  }

  function authorizationUrl(parameters: Record<string, string> = {}): string {
    const query = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      code_challenge: CODE_CHALLENGE,
      code_challenge_method: 'S256',
      ...parameters,
    });
    return `${hub.issuer}/authorize?${query}`;
  }

  async function openSignIn(browser = attacked.browser(), parameters: Record<string, string> = {}) {
    const shown = await browser.get(authorizationUrl(parameters), { stopAt: REDIRECT_URI });
    if (!shown.text.includes('data-sign-in-form')) throw new UnexpectedPage(shown);
    // The page is shown at the authorization endpoint at once; the interaction's own address is what can be passed on.
    const page = { ...shown, url: formAction(shown.text, 'data-sign-in-form', shown.url).replace(/\/sign-in$/, '') };
    const { csrf = '', nonce = '' } = hiddenFields(page.text);
    return { browser, page, csrf, nonce, interaction: interactionOf(page) };
  }

  function token(card: IssuedCertificate, nonce: string, change: TokenChange = {}): string {
    const { algorithm = 'RS256' } = (change.fields ?? {}) as { algorithm?: unknown };
    const digest = String(algorithm).endsWith('384') ? 'sha384' : 'sha256';
    const hash = (text: string) => createHash(digest).update(text).digest();
    const signed = Buffer.concat([hash(change.origin ?? hub.issuer), hash(change.nonce ?? nonce)]);
    const signature = (change.signature ?? ((data) => sign('sha256', data, card.key.privateKey)))(signed);
    guard.secrets.signature(signature);
    return JSON.stringify({
      format: 'web-eid:1.0',
      unverifiedCertificate: card.der.toString('base64'),
      algorithm: 'RS256',
      signature: signature.toString('base64'),
      ...change.fields,
    });
  }

  function submit(
    { browser, interaction, csrf, nonce }: SignInPage,
    fields: Record<string, string>,
    { headers = {}, action = `${interaction}/sign-in` }: { headers?: Record<string, string>; action?: string } = {},
  ): Promise<Visited> {
    return browser.post(action, { csrf, nonce, ...fields }, { stopAt: REDIRECT_URI, headers });
  }

  async function present(
    card: IssuedCertificate,
    {
      browser = attacked.browser(),
      change = {},
      parameters = {},
    }: { browser?: OpenBrowser; change?: TokenChange; parameters?: Record<string, string> } = {},
  ): Promise<Visited> {
    const opened = await openSignIn(browser, parameters);
    return submit(opened, { token: token(card, opened.nonce, change) });
  }

  async function goodSignIn({
    browser = attacked.browser(),
    card = attacked.citizen,
    parameters = {},
  }: Parameters<AttackHub['goodSignIn']>[0] = {}): Promise<URL> {
    let page = await present(card, { browser, parameters });
    if (page.text.includes('value="agree"')) {
      const { csrf = '' } = hiddenFields(page.text);
      page = await browser.post(
        `${interactionOf(page)}/consent`,
        { csrf, decision: 'agree' },
        { stopAt: REDIRECT_URI },
      );
    }
    if (page.status !== 0) throw new UnexpectedPage(page);
    const callback = new URL(page.url);
    assert.ok(callback.searchParams.get('code'), 'a good sign-in ends with a code');
    return callback;
  }

  async function assertRefused(attack: (browser: OpenBrowser) => Promise<Visited>, refusal: Refusal) {
    const { code, reason, status = 403, audited = true, earlier = [], hadSession = false } = refusal;
    const events = await auditEvents();
    const logged = hub.log.length;
    const browser = attacked.browser();
    const work = startMeasuring();
    const answer = await attack(browser);
    work.assertBounded();

    assertAnswer(answer, refusal, hub.issuer);
    const refusals = hub.log
      .slice(logged)
      .map((line) => JSON.parse(line) as { err?: unknown; refusal?: { code?: string; reason?: string } });
    assert.ok(!refusals.some(({ err }) => err), 'nothing of it is a bug');
    if (status !== 0) assert.equal(refusals.at(-1)?.refusal?.code, code);
    if (reason !== undefined) assert.equal(refusals.at(-1)?.refusal?.reason, reason);

    const added = await auditEvents(events.at(-1)?.sequence);
    assert.deepEqual(
      added.filter(({ kind }) => kind !== 'revocation.decided').map(({ kind, data }) => ({ kind, code: data?.code })),
      [...earlier, ...(audited ? [code] : [])].map((each) => ({ kind: 'sign_in.refused', code: each })),
    );
    if (!hadSession) assert.ok(!(await hasSession(browser)), 'nobody is signed in');
    await goodSignIn();
  }

  async function hasSession(browser: OpenBrowser): Promise<boolean> {
    const answer = await browser.get(authorizationUrl({ prompt: 'none' }), { stopAt: REDIRECT_URI });
    return new URL(answer.url).searchParams.get('error') !== 'login_required';
  }

  async function auditEvents(after = 0n): Promise<StoredAuditEvent[]> {
    const found: StoredAuditEvent[] = [];
    for (;;) {
      const more = await hub.hub.storage.audit.read(found.at(-1)?.sequence ?? after, 1000);
      if (more.length === 0) return found;
      found.push(...more);
    }
  }

  function assertNothingInTheLog(): void {
    assert.ok(hub.log.join('').length > 1000, 'there is a log to look into');
    guard.log('the log', hub.log);
    assert.equal(guard.report(), '');
  }
}

/** The interaction that a page's forms belong to. */
export function interactionOf({ text, url }: Visited): string {
  const path = /action="(\/interaction\/[^"/]+)\//.exec(text)?.[1];
  assert.ok(path, 'a page of an interaction');
  return new URL(path, url).href;
}

/** What an answer may never contain: names of our files, of the machine's, of what is inside, and of the thrower. */
const INTERNALS =
  /\bat [\w.<> ]+ \(|node_modules|file:\/\/|\.ts:\d|\.js:\d|\boidc-provider\b|\bkoa\b|\bpglite\b|\bknex\b|\bpostgres\b|\bSELECT\b|\bINSERT\b|(?:Type|Range|Syntax|Reference)Error|PkiError|HubError/;

function assertAnswer(answer: Visited, { code, status = 403 }: Refusal, issuer: string): void {
  if (status === 0) {
    assert.ok(answer.url.startsWith(`${REDIRECT_URI}?`), `led to ${answer.url}`);
    const { searchParams } = new URL(answer.url);
    assert.equal(searchParams.get('error'), code);
    assert.ok(!searchParams.has('code'));
    return;
  }
  assert.equal(answer.status, status, answer.text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 300));
  assert.equal(new URL(answer.url).origin, issuer, 'no redirect away');
  // Nonces and tokens stand in attributes, and chance writes any word.
  assert.doesNotMatch(answer.text.replaceAll(/="[^"]*"/g, ''), INTERNALS);
  assertGuarded(answer);
}

/** Headers of every answer, refusals too: no frame, no inline script, no guessing of types. */
export function assertGuarded({ headers }: Visited): void {
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /base-uri 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
  assert.equal(headers.get('x-frame-options'), 'DENY');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
}

/** One second of this process's processors, in which the hub runs too; and memory that no message is worth. */
const MAX_CPU_MICROSECONDS = 1_000_000;
const MAX_MEMORY = 80 * 1024 * 1024;

function startMeasuring() {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage.rss();
  return {
    assertBounded() {
      const { user, system } = process.cpuUsage(cpu);
      assert.ok(user + system < MAX_CPU_MICROSECONDS, `${(user + system) / 1000} ms of work`);
      const grown = process.memoryUsage.rss() - memory;
      assert.ok(grown < MAX_MEMORY, `${Math.round(grown / 1024 / 1024)} MiB of memory`);
    },
  };
}
