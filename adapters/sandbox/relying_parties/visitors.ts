import type { IncomingMessage } from 'node:http';
import type { Clock, Random } from '../../../provider/world.ts';
import type { LogoutNotice } from './back_channel_logout.ts';
import { type BoundedStore, createBoundedStore } from './bounded_store.ts';
import type { SignedIn, SignInAttempt } from './sign_in.ts';

/** Milliseconds. As long as a person may take over card, PIN and consent. */
const ATTEMPT_LIFETIME = 30 * 60_000;
const SESSION_LIFETIME = 60 * 60_000;
const MAX_ATTEMPTS = 2_000;
const MAX_SESSIONS = 2_000;

/** Told once, on the next page. */
export type Notice =
  | 'signed_out'
  | 'signed_out_here_only'
  | 'signed_out_at_hub'
  | 'still_signed_in'
  | 'no_consent_now'
  | 'not_signed_in_at_hub';

interface Session {
  person?: SignedIn;
  notice?: Notice;
  /** `state` of the sign-out that the browser is away for. */
  signOutState?: string;
}

export interface Attempt extends SignInAttempt {
  silent: boolean;
}

/** The browsers that visit one site, each known by a random cookie; what is known of them stays on the server. */
export interface Visitors {
  readonly cookieName: string;
  /** The browser that sent this request, if it has been here. */
  recognise(request: IncomingMessage): string | undefined;
  newBrowser(): string;
  person(browser: string | undefined): SignedIn | undefined;
  /** The notice that waits for this browser, once. */
  takeNotice(browser: string | undefined): Notice | undefined;

  beginAttempt(browser: string, attempt: Attempt): void;
  /** The attempt that this browser began with this `state`, once. */
  takeAttempt(browser: string | undefined, state: string | null): Attempt | undefined;
  /** Returns the browser's new identifier: one that was known before the sign-in is worth nothing after it (fixation). */
  signIn(browser: string | undefined, person: SignedIn, notice?: Notice): string;
  /** Forgets the person and leaves a notice. */
  signOut(browser: string, notice: Notice): void;
  /** Forgets the person, and remembers `state` for their return from the hub. */
  leaveForSignOut(browser: string, state: string): void;
  /** True when the browser returns from the sign-out that it left for; leaves the notice. */
  returnFromSignOut(browser: string | undefined, state: string | null): boolean;
  /** What the hub's back-channel logout asks for. */
  endSessions(notice: LogoutNotice): void;
}

export function createVisitors(world: { cookieName: string; clock: Clock; random: Random }): Visitors {
  const { cookieName, clock, random } = world;
  const attempts: BoundedStore<Attempt & { browser: string }> = createBoundedStore({ clock, limit: MAX_ATTEMPTS });
  const sessions: BoundedStore<Session> = createBoundedStore({ clock, limit: MAX_SESSIONS });
  const keep = (browser: string, session: Session) =>
    sessions.set(browser, session, { expiresAt: clock() + SESSION_LIFETIME });
  const find = (browser: string | undefined) => (browser === undefined ? undefined : sessions.get(browser));
  const newBrowser = () => Buffer.from(random(32)).toString('base64url');

  return {
    cookieName,
    recognise: (request) => readCookie(request, cookieName)?.match(/^[A-Za-z0-9_-]{43}$/)?.[0],
    newBrowser,
    person: (browser) => find(browser)?.person,
    takeNotice(browser) {
      const session = find(browser);
      const notice = session?.notice;
      if (session) delete session.notice;
      return notice;
    },

    beginAttempt(browser, attempt) {
      attempts.set(attempt.state, { ...attempt, browser }, { expiresAt: clock() + ATTEMPT_LIFETIME });
    },
    takeAttempt(browser, state) {
      const attempt = state === null ? undefined : attempts.get(state);
      if (!attempt || attempt.browser !== browser) return undefined;
      attempts.delete(attempt.state);
      return attempt;
    },
    signIn(browser, person, notice) {
      if (browser !== undefined) sessions.delete(browser);
      const renewed = newBrowser();
      keep(renewed, notice ? { person, notice } : { person });
      return renewed;
    },
    signOut: (browser, notice) => keep(browser, { notice }),
    leaveForSignOut: (browser, state) => keep(browser, { signOutState: state }),
    returnFromSignOut(browser, state) {
      const session = find(browser);
      if (browser === undefined || state === null || session?.signOutState !== state) return false;
      keep(browser, { notice: 'signed_out' });
      return true;
    },
    endSessions({ sid, sub }) {
      for (const [browser, { person }] of sessions.entries()) {
        // With both, both must fit (Back-Channel Logout §2.7 leaves it to us; the narrower reading ends nobody else's).
        const meant = person && (sid === undefined || person.sid === sid) && (sub === undefined || person.sub === sub);
        if (meant) keep(browser, { notice: 'signed_out_at_hub' });
      }
    },
  };
}

export function readCookie(request: IncomingMessage, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
