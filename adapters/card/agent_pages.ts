import { createHash } from 'node:crypto';
import type { Clock, Random } from '../../provider/world.ts';
import type { CardChallenge } from './card.ts';
import { CardError } from './card_errors.ts';

/** Milliseconds. A challenge lives five minutes; a page may be opened a little before and stay a little longer. */
const PAGE_LIFETIME = 10 * 60_000;
/** A person has a handful of windows open. Beyond this the oldest goes, so that opening windows without end costs no memory. */
const MAX_PAGES = 200;

/** What a website asks a card for, with the origin that the browser named. */
export interface AgentRequest {
  readonly challenge: CardChallenge;
  /** What the signing key is to sign as well (enrolment); null: nothing (sign-in). */
  readonly document: string | null;
}

/** One window of the agent, from its opening to its token. */
export interface AgentPage {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The request that the page was given, once; null before. */
  readonly request: AgentRequest | null;
}

export interface AgentPages {
  /** A new page's first token. */
  open(): string;
  /**
   * The page that `token` stands for, exactly once: of two calls with one token the second is refused.
   *
   * @throws CardError `agent_page_expired`.
   */
  take(token: string): AgentPage;
  /** Puts a page back under a new token, for the next step. */
  keep(page: AgentPage): string;
}

/**
 * The open windows of one agent process. Each step of a window spends its token and gets a new one, so that a request
 * cannot be repeated; tokens are kept as digests, so that looking one up leaks nothing by its time.
 */
export function createAgentPages({ clock, random }: { clock: Clock; random: Random }): AgentPages {
  const pages = new Map<string, AgentPage>();
  const digest = (token: string) => createHash('sha256').update(token).digest('base64');

  function keep(page: AgentPage): string {
    const token = Buffer.from(random(32)).toString('base64url');
    pages.set(digest(token), page);
    for (const oldest of pages.keys()) {
      if (pages.size <= MAX_PAGES) break;
      pages.delete(oldest);
    }
    return token;
  }

  return {
    keep,
    open: () => keep({ expiresAt: clock() + PAGE_LIFETIME, request: null }),
    take(token) {
      const key = digest(token);
      const page = pages.get(key);
      pages.delete(key);
      if (page === undefined || page.expiresAt <= clock()) throw new CardError('agent_page_expired');
      return page;
    },
  };
}
