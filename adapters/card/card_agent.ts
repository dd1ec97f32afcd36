/**
 * The card agent: the only place where a PIN is typed. A process of its own on the person's machine, with a page of its
 * own on loopback, that signs a website's challenge with the card, and for an enrolment a document as well.
 *
 * Why its signature is useless to any origin but the one that asked:
 *
 * 1. A website opens `/sign` in a new window. The page tells its opener that it is ready, and the opener answers with a
 *    nonce by postMessage. The origin is the one that the browser stamps on that message (`event.origin`); nothing inside the
 *    message can say another. The page serves the first such message of its own opener, and no second.
 * 2. The page gives origin and nonce to this server, which binds them to the page before any PIN is typed. The step that
 *    takes the PIN takes neither: it signs what was bound. Each step spends a token that was written into the page.
 * 3. A foreign site cannot stand in for the page: it cannot read the page (another origin, no CORS, no frame), so it has no
 *    token; it cannot POST (`Origin`, `Sec-Fetch-Site`, JSON only), not even under a rebound name (exact `Host`). See
 *    agent_guard.ts.
 * 4. The token goes back by postMessage with that same origin as the target: if the opener has meanwhile become another
 *    site, the browser drops it.
 *
 * Why a document that was signed for an enrolment is useless to any other site, too: it goes the same way, so that no site
 * can name another origin and get a document that says so. It is bound with the challenge before any PIN is typed, and must
 * name that origin and that nonce on lines of their own, and no other origin: a hub looks for its own origin and for the nonce
 * that it gave to this person's session (agent_document.ts). It is shown in full, and nothing is in it that a page would not
 * show. Both keys sign, or nothing leaves the agent (card_enrolment.ts).
 *
 * What it leaves to others: a program that runs as the person can do what the person can, on any card agent. It still needs
 * the PIN, which is why the page says where to type it, and the card counts. And what a document says beside those two lines,
 * the person reads; the agent does not judge it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Assets, loadAssets } from '../../provider/web/assets.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../../provider/world.ts';
import { agentAsset } from './agent_assets.ts';
import { checkHost, checkSameOrigin, checkTopLevelDocument, readJson } from './agent_guard.ts';
import { createAgentPages } from './agent_pages.ts';
import { type AgentWorld, agentSteps, runStep } from './agent_steps.ts';
import { createAttemptLimit } from './attempt_limit.ts';
import type { CardDoor } from './card.ts';
import { CardError } from './card_errors.ts';
import { renderSignPage } from './sign_page.ts';

/** Where a person's agent listens unless told otherwise; a website finds it by this number. */
export const DEFAULT_CARD_AGENT_PORT = 35975;

/** Milliseconds. Bodies are tiny and come from this machine: whoever is slower is holding a connection open on purpose. */
const REQUEST_TIMEOUT = 5_000;
const MAX_CONNECTIONS = 100;
/** Milliseconds for requests in flight at the end; a browser's spare connections would otherwise hold the process for ever. */
const CLOSING_TIME = 1_000;

const SECURITY_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    ...['script-src', 'style-src', 'font-src', 'img-src', 'connect-src', 'form-action'].map((name) => `${name} 'self'`),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  // The window must keep its opener: that is whom it answers.
  'Cross-Origin-Opener-Policy': 'unsafe-none',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

export interface CardAgentOptions {
  cards: CardDoor;
  /** 0 picks a free one. */
  port?: number;
  /** Attempts to sign, over all windows. */
  attemptsPerMinute?: number;
  clock?: Clock;
  random?: Random;
  /** Told of every bug (never of what a person or a website did wrong); the default writes one line to stderr. */
  onBug?: (error: unknown) => void;
}

export interface CardAgent {
  /** `http://127.0.0.1:PORT`; a website opens `${url}/sign`. */
  url: string;
  /** Stops listening, and gives the requests in flight a second to finish. */
  close(): Promise<void>;
}

/**
 * Starts a card agent on loopback.
 *
 * @throws the system's error when the port is taken.
 */
export async function startCardAgent(options: CardAgentOptions): Promise<CardAgent> {
  const { clock = systemClock, random = systemRandom, attemptsPerMinute = 30 } = options;
  const world: AgentWorld = {
    cards: options.cards,
    pages: createAgentPages({ clock, random }),
    countAttempt: createAttemptLimit(attemptsPerMinute, clock),
    clock,
  };
  const assets = loadAssets();
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT });
  server.maxConnections = MAX_CONNECTIONS;
  const host = `127.0.0.1:${await listen(server, options.port ?? DEFAULT_CARD_AGENT_PORT)}`;

  server.on('request', (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    answer({ world, assets, host }, request, response).catch((error) =>
      respondWithError(response, error, options.onBug),
    );
  });
  return { url: `http://${host}`, close: () => close(server) };
}

interface Agent {
  world: AgentWorld;
  assets: Assets;
  /** `127.0.0.1:PORT`. */
  host: string;
}

async function answer(agent: Agent, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world, assets, host } = agent;
  checkHost(request, host);
  if (assets.handle(request, response)) return;
  const target = request.url ?? '/';
  if (!URL.canParse(target, `http://${host}`)) throw new CardError('agent_path_unknown');
  const { pathname, searchParams } = new URL(target, `http://${host}`);

  const step = Object.hasOwn(agentSteps, pathname) ? agentSteps[pathname] : undefined;
  if (step !== undefined) {
    checkMethod(request, 'POST');
    checkSameOrigin(request, `http://${host}`);
    const { status, answer } = await runStep(world, step, await readJson(request, step.maxBytes));
    return respond(response, status, 'application/json; charset=utf-8', JSON.stringify(answer));
  }

  checkMethod(request, 'GET');
  if (pathname === '/sign' || pathname === '/') {
    checkTopLevelDocument(request);
    const page = await renderSignPage({
      token: world.pages.open(),
      styleSheets: assets.styleSheets,
      language: searchParams.get('lang') ?? request.headers['accept-language'] ?? 'ja',
    });
    return respond(response, 200, 'text/html; charset=utf-8', page);
  }

  const asset = await agentAsset(pathname);
  if (asset === null) throw new CardError('agent_path_unknown');
  respond(response, 200, asset.type, asset.body);
}

function checkMethod(request: IncomingMessage, method: 'GET' | 'POST'): void {
  if (request.method !== method) throw new CardError('agent_method', { details: { allow: method } });
}

function respond(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type }).end(body);
}

function respondWithError(response: ServerResponse, error: unknown, onBug: (error: unknown) => void = logBug): void {
  if (response.headersSent) return void response.destroy();
  const known = error instanceof CardError ? error : null;
  if (known === null) onBug(error);
  if (known?.code === 'agent_method') response.setHeader('Allow', String(known.details.allow));
  // What is left of a body that was refused is not read: the connection ends with the answer.
  response.setHeader('Connection', 'close');
  const body = JSON.stringify({ error: { code: known?.code ?? 'agent_failed' } });
  respond(response, known?.status ?? 500, 'application/json; charset=utf-8', body);
}

/** The message only: a bug's stack may be long, and nothing that holds a PIN is ever put into a message. */
function logBug(error: unknown): void {
  process.stderr.write(`${JSON.stringify({ error: 'agent_failed', message: String(error) })}\n`);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      // A TCP server that is listening has an address with a port.
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => server.closeAllConnections(), CLOSING_TIME);
    server.close((error) => {
      clearTimeout(deadline);
      if (error) reject(error);
      else resolve();
    });
  });
}
