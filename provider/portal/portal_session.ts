import { hash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import { HubError } from '../errors.ts';
import { accountLocked } from '../identity/account_lock.ts';
import { PORTAL_CLIENT_ID } from '../oidc/portal_client.ts';
import { readShortForm } from '../web/read_short_form.ts';
import { requestSource } from '../web/request_source.ts';
import type { Clock } from '../world.ts';
import type { AccountLocks } from './account_locks.ts';

/** Whose browser it is, by the engine's session. */
export interface PortalPerson {
  readonly subjectId: string;
  /** The session's id, which is the cookie's value: it never leaves. */
  readonly sessionId: string;
  /** Milliseconds since 1970. */
  readonly signedInAt: number;
  /** What every form of these pages carries. Another one after each sign-in. */
  readonly csrf: string;
}

/**
 * Milliseconds for which a sign-in counts as recent: what matters, such as a withdrawal, a lock or the download of everything,
 * asks for the card again later than this. Whoever finds a browser open cannot do it.
 */
const RECENT_SIGN_IN = 5 * 60_000;
/** Bytes: a report is the largest form. */
const FORM_LIMIT = 16_384;

export interface PortalSessions {
  /**
   * Undefined where nobody is signed in here.
   *
   * @throws HubError `account_locked`.
   */
  personOf(ctx: Context): Promise<PortalPerson | undefined>;
  isRecent(person: PortalPerson): boolean;
  /**
   * A form of the portal's own page: the browser says that it comes from our origin, and it carries the session's token.
   *
   * @throws HubError `form_forged`.
   */
  readForm(ctx: Context, person: PortalPerson): Promise<URLSearchParams>;
}

export function createPortalSessions(world: {
  /** The engine that runs now. */
  engine(): Provider;
  locks: Pick<AccountLocks, 'find'>;
  /** Public origin of the hub. */
  origin: string;
  clock: Clock;
}): PortalSessions {
  return {
    async personOf(ctx) {
      const session = (await world.engine().Session.get(ctx as never)) as EngineSession;
      const { accountId, loginTs, jti } = session;
      // Signed in to the portal itself: the engine has seen that the card was checked as its policy wants.
      if (!accountId || !loginTs || session.authorizations?.[PORTAL_CLIENT_ID] === undefined) return undefined;
      // A sign-in that was under way while the account was locked may have left a session behind.
      const lock = await world.locks.find(accountId);
      if (lock) throw accountLocked(lock);
      return {
        subjectId: accountId,
        sessionId: jti,
        signedInAt: loginTs * 1000,
        // The engine gives a session another id at each sign-in: what somebody planted before it is worth nothing after.
        csrf: hash('sha256', `portal csrf ${jti}`, 'base64url'),
      };
    },

    isRecent: ({ signedInAt }) => world.clock() - signedInAt < RECENT_SIGN_IN,

    async readForm(ctx, { csrf }) {
      const form = await readShortForm(ctx, FORM_LIMIT);
      if (requestSource(ctx, world.origin) === 'foreign' || !equal(form.get('csrf') ?? '', csrf)) {
        throw new HubError('form_forged', 403, 'This form did not come from our own page.');
      }
      return form;
    },
  };
}

/** As the engine keeps it; its declarations leave out the id. */
interface EngineSession {
  readonly accountId?: string;
  /** Seconds since 1970. */
  readonly loginTs?: number;
  readonly jti: string;
  readonly authorizations?: Readonly<Record<string, unknown>>;
}

function equal(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
