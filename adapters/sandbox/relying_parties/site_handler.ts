import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Assets } from '../../../provider/web/assets.ts';
import type { Random } from '../../../provider/world.ts';
import type { LogoutNotice } from './back_channel_logout.ts';
import { createPages, type Page } from './pages.ts';
import { PROBLEMS, type Problem, RelyingPartyError } from './relying_party_error.ts';
import type { SignIn } from './sign_in.ts';
import type { Language, Site } from './sites.ts';
import { readCookie, type Visitors } from './visitors.ts';

/** Bytes. A logout token has about 700. */
const MAX_BODY = 16 * 1024;

/** What may be asked for with `prompt=none` and cannot be answered without a page: the hub says one of these (OIDC Core §3.1.2.6). */
const NOT_SILENTLY = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

/** One line for the operator; never a token, a claim or a query. */
export type Log = (line: { site: string; code: string; hubCode?: string | undefined; reason?: string }) => void;

export interface SiteWorld {
  site: Site;
  /** Where this site is reached: the only host that it answers for. */
  origin: string;
  /** The other demo site. */
  neighbour: { site: Site; origin: string };
  issuer: URL;
  signIn: SignIn;
  checkLogoutToken: (token: string) => Promise<LogoutNotice>;
  visitors: Visitors;
  assets: Assets;
  random: Random;
  log: Log;
}

interface Visit {
  request: IncomingMessage;
  path: string;
  query: URLSearchParams;
  language: Language;
  /** The cookie's value. */
  browser: string | undefined;
}

interface Answer {
  status: number;
  body?: string;
  type?: string;
  location?: string;
  /** A new cookie value for this browser. */
  browser?: string;
}

type Route = (visit: Visit) => Promise<Answer>;

/** Serves one demo site. */
export function createSiteHandler(world: SiteWorld): RequestListener {
  const { site, origin, signIn, visitors } = world;
  const pages = createPages(world);
  const languageCookie = `${visitors.cookieName}_language`;
  const headers = securityHeaders(world.issuer);

  const routes: Readonly<Record<string, Route>> = {
    'GET /': front,
    'GET /sign-in': (visit) => leaveForSignIn(visit, { silent: false }),
    'GET /check': (visit) => leaveForSignIn(visit, { silent: true }),
    'GET /callback': returnFromSignIn,
    'POST /sign-out': leaveForSignOut,
    'POST /backchannel-logout': endSessions,
    'GET /privacy': async (visit) => show(200, pages.text(pageFor(visit), 'privacy')),
    'GET /terms': async (visit) => show(200, pages.text(pageFor(visit), 'terms')),
  };

  async function front(visit: Visit): Promise<Answer> {
    if (visitors.returnFromSignOut(visit.browser, visit.query.get('state'))) return redirect('/');
    const person = visitors.person(visit.browser);
    const notice = visit.request.method === 'GET' ? visitors.takeNotice(visit.browser) : undefined;
    const page = { ...pageFor(visit), notice };
    return show(200, person ? pages.greeting(page, person) : pages.front(page));
  }

  async function leaveForSignIn(visit: Visit, { silent }: { silent: boolean }): Promise<Answer> {
    const { url, attempt } = await signIn.start({ language: visit.language, silent });
    const browser = visit.browser ?? visitors.newBrowser();
    visitors.beginAttempt(browser, { ...attempt, silent });
    return { ...redirect(url.href), browser };
  }

  async function returnFromSignIn({ browser, query }: Visit): Promise<Answer> {
    const attempt = visitors.takeAttempt(browser, query.get('state'));
    if (!attempt) throw new RelyingPartyError('sign_in_unknown');
    try {
      const person = await signIn.finish(query, attempt);
      const samePerson = attempt.silent && visitors.person(browser)?.sub === person.sub;
      return {
        ...redirect('/'),
        browser: visitors.signIn(browser, person, samePerson ? 'still_signed_in' : undefined),
      };
    } catch (error) {
      const noSession = error instanceof RelyingPartyError && NOT_SILENTLY.includes(error.hubCode ?? '');
      if (!attempt.silent || !noSession || browser === undefined) throw error;
      visitors.signOut(browser, error.hubCode === 'consent_required' ? 'no_consent_now' : 'not_signed_in_at_hub');
      return redirect('/');
    }
  }

  async function leaveForSignOut({ request, browser, language }: Visit): Promise<Answer> {
    // A foreign page must not sign people out. SameSite does not help here: every port of this machine is one site.
    if (request.headers.origin !== origin) throw new RelyingPartyError('foreign_origin');
    const person = visitors.person(browser);
    if (browser === undefined || !person) return redirect('/');
    const state = Buffer.from(world.random(32)).toString('base64url');
    // First here, so that the person is signed out of this site whatever becomes of the rest.
    visitors.leaveForSignOut(browser, state);
    try {
      const url = await signIn.signOutUrl(person, { returnTo: `${origin}/`, state, language });
      return redirect(url.href);
    } catch (error) {
      if (!(error instanceof RelyingPartyError)) throw error;
      visitors.signOut(browser, 'signed_out_here_only');
      return redirect('/');
    }
  }

  /** Called by the hub, not by a browser: OpenID Connect Back-Channel Logout 1.0 §2.5–2.8. */
  async function endSessions({ request }: Visit): Promise<Answer> {
    try {
      visitors.endSessions(await world.checkLogoutToken(await readLogoutToken(request)));
      return { status: 200 };
    } catch (error) {
      if (!(error instanceof RelyingPartyError)) throw error;
      logRefusal(error);
      const body = JSON.stringify({ error: 'invalid_request', error_description: error.code });
      return { status: error.status, type: 'application/json', body };
    }
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    // Under another name the cookies would be lost on the way back from the hub, and links would follow a forged Host.
    if (request.headers.host !== new URL(origin).host) {
      return isRead(request) ? redirect(`${origin}/`) : { status: 421 };
    }
    const target = URL.canParse(request.url ?? '', origin) ? new URL(request.url ?? '', origin) : new URL(origin);
    const visit: Visit = {
      request,
      path: target.pathname,
      query: target.searchParams,
      language: chooseLanguage(request, target.searchParams.get('lang'), languageCookie),
      browser: visitors.recognise(request),
    };
    try {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const problem = findProblem(visit.path);
      if (problem && method === 'GET') return await show(200, pages.problem(pageFor(visit), problem));
      const name = `${method} ${visit.path}`;
      const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
      if (!route) throw new RelyingPartyError('page_unknown');
      return await route(visit);
    } catch (error) {
      const refusal = error instanceof RelyingPartyError ? error : new RelyingPartyError('failed', { cause: error });
      if (refusal.code !== 'page_unknown') logRefusal(refusal);
      return show(refusal.status, pages.problem(pageFor(visit), refusal.code, refusal.hubCode));
    }
  }

  function pageFor({ language, path }: Visit): Page {
    return { language, path };
  }

  function logRefusal({ code, hubCode, cause }: RelyingPartyError): void {
    const reason = reasonOf(cause);
    world.log({ site: site.name, code, hubCode, ...(reason === undefined ? {} : { reason }) });
  }

  function send(request: IncomingMessage, response: ServerResponse, reply: Answer): void {
    const cookies: string[] = [];
    if (reply.browser !== undefined) cookies.push(cookie(visitors.cookieName, reply.browser));
    const chosen = languageInQuery(request);
    if (chosen) cookies.push(cookie(languageCookie, chosen));
    response.writeHead(reply.status, {
      ...headers,
      'Content-Type': reply.type ?? 'text/html; charset=utf-8',
      ...(reply.location === undefined ? {} : { Location: reply.location }),
      ...(cookies.length === 0 ? {} : { 'Set-Cookie': cookies }),
      // What is left of a body that was refused is not read.
      ...(isRead(request) || reply.status < 400 ? {} : { Connection: 'close' }),
    });
    response.end(request.method === 'HEAD' ? undefined : reply.body);
  }

  return (request, response) => {
    if (world.assets.handle(request, response)) return;
    answer(request)
      .then((reply) => send(request, response, reply))
      .catch((error: unknown) => {
        logRefusal(new RelyingPartyError('failed', { cause: error }));
        if (response.headersSent) response.destroy();
        else response.writeHead(500, headers).end();
      });
  };
}

/** What the library says at the bottom of its chain of causes: the claim that did not fit, the system's error. */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ('error_description' in cause && typeof cause.error_description === 'string') return cause.error_description;
  return reasonOf(cause.cause) ?? cause.message;
}

function securityHeaders(issuer: URL): Record<string, string> {
  return {
    // The sign-out form goes on to the hub, and browsers hold redirects of a form to form-action as well.
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self' ${issuer.origin}; base-uri 'none'; frame-ancestors 'none'`,
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    // Not `no-referrer`: browsers would then send `Origin: null` with our own form.
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  };
}

/** `Secure` and `__Host-` are missing because the sandbox has no TLS; on the web give your cookie both. */
function cookie(name: string, value: string): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax`;
}

function redirect(location: string): Answer {
  return { status: 303, location };
}

async function show(status: number, body: Promise<string>): Promise<Answer> {
  return { status, body: await body };
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A problem's own address, so that its page can be read in the other language. */
function findProblem(path: string): Problem | undefined {
  const code = path.match(/^\/problem\/([a-z_]+)$/)?.[1];
  return code !== undefined && Object.hasOwn(PROBLEMS, code) ? (code as Problem) : undefined;
}

function chooseLanguage(request: IncomingMessage, asked: string | null, cookieName: string): Language {
  for (const choice of [asked, readCookie(request, cookieName)]) {
    if (choice === 'ja' || choice === 'en') return choice;
  }
  // Browsers list languages by preference: the first of ours wins.
  const first = (request.headers['accept-language'] ?? '').toLowerCase().match(/\b(?:ja|en)\b/)?.[0];
  return first === 'en' ? 'en' : 'ja';
}

function languageInQuery(request: IncomingMessage): Language | undefined {
  const asked = request.url?.match(/[?&]lang=(ja|en)(?:&|$)/)?.[1];
  return asked as Language | undefined;
}

/** @throws RelyingPartyError `logout_token_refused` */
async function readLogoutToken(request: IncomingMessage): Promise<string> {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  if (!isForm) throw new RelyingPartyError('logout_token_refused');
  const chunks: Buffer[] = [];
  let length = 0;
  // A request's stream without an encoding yields buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) throw new RelyingPartyError('logout_token_refused');
    chunks.push(chunk);
  }
  const [token, ...more] = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).getAll('logout_token');
  if (token === undefined || more.length > 0) throw new RelyingPartyError('logout_token_refused');
  return token;
}
