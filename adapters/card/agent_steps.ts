import { z } from 'zod';
import type { Clock } from '../../provider/world.ts';
import { checkDocument, MAX_SHOWN_DOCUMENT } from './agent_document.ts';
import { MAX_BODY_BYTES } from './agent_guard.ts';
import type { AgentPage, AgentPages } from './agent_pages.ts';
import type { CardDoor, CardStatus, WebEidToken } from './card.ts';
import { signEnrolment } from './card_enrolment.ts';
import { CardError, type CardErrorCode } from './card_errors.ts';
import { checkChallenge } from './web_eid_token.ts';

/** A card as the page shows it. */
export interface ShownCard extends CardStatus {
  name: string;
  label: { ja: string; en: string };
}

/** What of the page's form an error is about. */
type PinField = 'pin' | 'password';

/** What the page gets back: `token` is its next one; missing when the page has nothing more to ask. */
export type StepAnswer =
  | { token: string; cards: ShownCard[] }
  | { signed: WebEidToken }
  /** Of an enrolment; the document is base64 of DER. */
  | { signed: WebEidToken; signedDocument: string }
  | { token?: string; error: { code: string; triesLeft?: number; field?: PinField } };

export interface AgentWorld {
  cards: CardDoor;
  pages: AgentPages;
  countAttempt: () => void;
  clock: Clock;
}

export interface AgentStep {
  /** Of the body. */
  maxBytes: number;
  take(world: AgentWorld, page: AgentPage, body: unknown): Promise<StepAnswer>;
}

/** JSON doubles line ends, quotation marks and backslashes, of which a document may have as many as it likes. */
const MAX_REQUEST_BYTES = MAX_BODY_BYTES + 2 * MAX_SHOWN_DOCUMENT;

const tokenSchema = z.object({ token: z.string().max(64) });
const challengeSchema = { origin: z.string().max(300), nonce: z.string().max(256) };
const requestSchema = z.discriminatedUnion('purpose', [
  z.object({ purpose: z.literal('sign-in'), ...challengeSchema }),
  z.object({ purpose: z.literal('enrolment'), ...challengeSchema, document: z.string() }),
]);
const signatureSchema = z.object({ card: z.string().max(40), pin: z.string().max(64) });
const enrolmentSchema = z.object({ ...signatureSchema.shape, password: z.string().max(64) });

const FIELD_OF: Partial<Record<CardErrorCode, PinField>> = {
  card_pin_malformed: 'pin',
  card_pin_wrong: 'pin',
  card_pin_blocked: 'pin',
  card_signing_pin_malformed: 'password',
  card_signing_pin_wrong: 'password',
  card_signing_pin_blocked: 'password',
};

/** The three things that the agent's page asks of its server. */
export const agentSteps: Record<string, AgentStep> = {
  '/agent/request': { maxBytes: MAX_REQUEST_BYTES, take: bindRequest },
  '/agent/cards': { maxBytes: MAX_BODY_BYTES, take: readCards },
  '/agent/signature': { maxBytes: MAX_BODY_BYTES, take: signRequest },
};

/**
 * Runs one step of a page: spends its token, does the step, and gives the page a new token where it may go on.
 *
 * @throws CardError when there is no page to go on with.
 */
export async function runStep(
  world: AgentWorld,
  step: AgentStep,
  body: unknown,
): Promise<{ status: number; answer: StepAnswer }> {
  const page = world.pages.take(parse(tokenSchema, body).token);
  try {
    return { status: 200, answer: await step.take(world, page, body) };
  } catch (error) {
    if (!(error instanceof CardError)) throw error;
    const { code, status, triesLeft } = error;
    return { status, answer: { token: world.pages.keep(page), error: { code, triesLeft, field: FIELD_OF[code] } } };
  }
}

/** Gives the page the one request that it will ever serve. */
async function bindRequest(world: AgentWorld, page: AgentPage, body: unknown): Promise<StepAnswer> {
  const request = parse(requestSchema, body);
  if (page.request !== null) throw new CardError('agent_request_bound');
  const challenge = { origin: request.origin, nonce: request.nonce };
  checkChallenge(challenge);
  const document = request.purpose === 'enrolment' ? request.document : null;
  if (document !== null) checkDocument(document, challenge);
  return showCards(world, { ...page, request: { challenge, document } });
}

async function readCards(world: AgentWorld, page: AgentPage): Promise<StepAnswer> {
  return showCards(world, page);
}

/** Signs the page's own request: neither origin, nonce nor document can be given here, only card, PIN and password. */
async function signRequest(world: AgentWorld, page: AgentPage, body: unknown): Promise<StepAnswer> {
  if (page.request === null) throw new CardError('agent_request_invalid');
  const { challenge, document } = page.request;
  if (document === null) {
    const { card: name, pin } = parse(signatureSchema, body);
    world.countAttempt();
    const card = await world.cards.open(name);
    return { signed: await card.signChallenge({ ...challenge, pin }) };
  }
  const { card: name, pin, password } = parse(enrolmentSchema, body);
  world.countAttempt();
  const card = await world.cards.open(name);
  const signed = await signEnrolment(card, { challenge, document, pin, password, now: world.clock() });
  return { signed: signed.token, signedDocument: Buffer.from(signed.document).toString('base64') };
}

async function showCards({ cards, pages }: AgentWorld, page: AgentPage): Promise<StepAnswer> {
  const shown = (await cards.list()).map(async (card) => ({
    name: card.name,
    label: card.label,
    ...(await card.status()),
  }));
  return { cards: await Promise.all(shown), token: pages.keep(page) };
}

/** The parser's own words could quote a PIN; they are dropped. */
function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new CardError('agent_request_invalid');
  return parsed.data;
}
