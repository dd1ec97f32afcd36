import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { signWithCard } from '../../adapters/card/card_commands.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { readNotices } from '../support/hub.ts';
import type { SandboxProcess } from '../support/sandbox_process.ts';

export interface RelyingParty {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** One sign-in as far as it was answered: each field is set when the hub's answer has arrived, not before. */
export interface SignIn {
  readonly party: RelyingParty;
  readonly card: string;
  readonly browser: HttpBrowser;
  readonly verifier: string;
  consentAsked?: boolean;
  consentAnswered?: boolean;
  code?: string;
  /** Milliseconds of the epoch. */
  codeAt?: number;
  /** A redemption was begun; without tokens nobody knows how it ended. */
  redeeming?: boolean;
  tokens?: { access_token: string; id_token: string };
}

export const REDIRECT_URI = 'http://localhost:5005/callback';
const SCOPE = 'openid card_status';

/** Registers a relying party through the command line. */
export async function registerParty(
  sandbox: SandboxProcess,
  metadata: Record<string, unknown> = {},
): Promise<RelyingParty> {
  const file = join(sandbox.dataFolder, `client-${randomBytes(4).toString('hex')}.json`);
  writeFileSync(file, JSON.stringify({ redirect_uris: [REDIRECT_URI], scope: SCOPE, ...metadata }));
  const { code, stdout, stderr } = await sandbox.command('client', 'add', file);
  if (code !== 0) throw new Error(stderr);
  const { client_id: clientId, client_secret: clientSecret } = JSON.parse(stdout) as Record<string, string>;
  return { clientId: clientId ?? '', clientSecret: clientSecret ?? '' };
}

export function newSignIn(party: RelyingParty, card: string, browser = createHttpBrowser()): SignIn {
  return { party, card, browser, verifier: randomBytes(32).toString('base64url') };
}

/**
 * Drives a sign-in through the hub's pages until the code, and notes in `signIn` what was answered.
 *
 * @param options.silent `prompt=none`: no page may come
 * @returns the code, or the refusal's title as the sign-in page shows it, or the error handed to the relying party
 * @throws TypeError when the hub cannot be reached; Error for a page that should not be there
 */
export async function authorize(
  sandbox: Pick<SandboxProcess, 'issuer' | 'dataFolder'>,
  signIn: SignIn,
  options: { silent?: boolean } = {},
): Promise<{ code: string } | { refused: string }> {
  const { browser, party } = signIn;
  const stop = { stopAt: REDIRECT_URI };
  const query = new URLSearchParams({
    client_id: party.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: SCOPE,
    code_challenge: createHash('sha256').update(signIn.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(options.silent ? { prompt: 'none' } : {}),
  });
  let page = await browser.get(`${sandbox.issuer}/authorize?${query}`, stop);
  if (page.text.includes('data-sign-in-form')) {
    const form = hiddenFields(page.text);
    const token = await signWithCard({
      cardsFolder: join(sandbox.dataFolder, 'cards'),
      name: signIn.card,
      pin: '1234',
      origin: sandbox.issuer,
      nonce: form.nonce ?? '',
    });
    const action = formAction(page.text, 'sign-in');
    page = await browser.post(sandbox.issuer + action, { ...form, token: JSON.stringify(token) }, stop);
    const refused = /data-refusal>.*?banner-title">([^<]*)</s.exec(page.text)?.[1];
    if (refused !== undefined) return { refused };
    page = await readNotices(browser, page, REDIRECT_URI);
  }
  signIn.consentAsked = page.text.includes('value="agree"');
  if (signIn.consentAsked) {
    const { csrf = '' } = hiddenFields(page.text);
    const form = { csrf, decision: 'agree', claims: 'card_status' };
    page = await browser.post(sandbox.issuer + formAction(page.text, 'consent'), form, stop);
    signIn.consentAnswered = page.status === 0;
  }
  return finish(signIn, page);
}

function finish(signIn: SignIn, page: Visited): { code: string } | { refused: string } {
  if (page.status !== 0) throw new Error(`${page.url} answered ${page.status}: ${page.text.slice(0, 2000)}`);
  const answer = new URL(page.url).searchParams;
  const code = answer.get('code');
  if (code === null) return { refused: answer.get('error') ?? 'no code' };
  signIn.code = code;
  signIn.codeAt = Date.now();
  return { code };
}

/** Spends the code for tokens. @throws Error with the hub's answer when it is refused */
export async function redeem(issuer: string, signIn: SignIn): Promise<void> {
  signIn.redeeming = true;
  const { clientId, clientSecret } = signIn.party;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: signIn.code ?? '',
      redirect_uri: REDIRECT_URI,
      code_verifier: signIn.verifier,
    }),
  });
  const body = await response.text();
  if (response.status !== 200) throw new Error(`the token endpoint answered ${response.status}: ${body}`);
  signIn.tokens = JSON.parse(body) as NonNullable<SignIn['tokens']>;
}

/** The subject in the ID token, which the token endpoint itself has handed out. */
export function subjectOf({ tokens }: SignIn): string {
  return String(decodeJwt(tokens?.id_token ?? '').sub);
}

function formAction(html: string, step: string): string {
  const action = new RegExp(`action="([^"]*/${step})"`).exec(html)?.[1];
  if (action === undefined) throw new Error(`no form for ${step}: ${html.slice(0, 2000)}`);
  return action;
}
