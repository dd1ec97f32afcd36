import { z } from 'zod';
import type { AgentPage, AgentPages } from './agent_pages.ts';
import type { CardDoor, PinStatus, WebEidToken } from './card.ts';
import { CardError } from './card_errors.ts';
import { checkChallenge } from './web_eid_token.ts';

/** A card as the page shows it. */
export interface ShownCard {
  name: string;
  label: { ja: string; en: string };
  user: PinStatus;
}

/** What the page gets back: `token` is its next one; missing when the page has nothing more to ask. */
export type StepAnswer =
  | { token: string; cards: ShownCard[] }
  | { signed: WebEidToken }
  | { token?: string; error: { code: string; triesLeft?: number } };

export interface AgentWorld {
  cards: CardDoor;
  pages: AgentPages;
  countAttempt: () => void;
}

type Step = (world: AgentWorld, page: AgentPage, body: unknown) => Promise<StepAnswer>;

const tokenSchema = z.object({ token: z.string().max(64) });
const requestSchema = z.object({
  purpose: z.literal('sign-in'),
  origin: z.string().max(300),
  nonce: z.string().max(256),
});
const signatureSchema = z.object({ card: z.string().max(40), pin: z.string().max(64) });

/** The three things that the agent's page asks of its server. */
export const agentSteps: Record<string, Step> = {
  '/agent/request': bindRequest,
  '/agent/cards': readCards,
  '/agent/signature': signRequest,
};

/**
 * Runs one step of a page: spends its token, does the step, and gives the page a new token where it may go on.
 *
 * @throws CardError when there is no page to go on with.
 */
export async function runStep(
  world: AgentWorld,
  step: Step,
  body: unknown,
): Promise<{ status: number; answer: StepAnswer }> {
  const page = world.pages.take(parse(tokenSchema, body).token);
  try {
    return { status: 200, answer: await step(world, page, body) };
  } catch (error) {
    if (!(error instanceof CardError)) throw error;
    const { code, status, triesLeft } = error;
    return { status, answer: { token: world.pages.keep(page), error: { code, triesLeft } } };
  }
}

/** Gives the page the one request that it will ever serve. */
async function bindRequest(world: AgentWorld, page: AgentPage, body: unknown): Promise<StepAnswer> {
  const { origin, nonce } = parse(requestSchema, body);
  if (page.challenge !== null) throw new CardError('agent_request_bound');
  checkChallenge({ origin, nonce });
  return showCards(world, { ...page, challenge: { origin, nonce } });
}

async function readCards(world: AgentWorld, page: AgentPage): Promise<StepAnswer> {
  return showCards(world, page);
}

/** Signs the page's own request: neither origin nor nonce can be given here, only card and PIN. */
async function signRequest(world: AgentWorld, page: AgentPage, body: unknown): Promise<StepAnswer> {
  const { card: name, pin } = parse(signatureSchema, body);
  if (page.challenge === null) throw new CardError('agent_request_invalid');
  world.countAttempt();
  const card = await world.cards.open(name);
  return { signed: await card.signChallenge({ ...page.challenge, pin }) };
}

async function showCards({ cards, pages }: AgentWorld, page: AgentPage): Promise<StepAnswer> {
  const shown = (await cards.list()).map(async (card) => {
    const { user } = await card.status();
    return { name: card.name, label: card.label, user };
  });
  return { cards: await Promise.all(shown), token: pages.keep(page) };
}

/** The parser's own words could quote a PIN; they are dropped. */
function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new CardError('agent_request_invalid');
  return parsed.data;
}
