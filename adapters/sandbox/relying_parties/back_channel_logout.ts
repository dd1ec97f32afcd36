import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../../provider/world.ts';
import { createBoundedStore } from './bounded_store.ts';
import { isConnectionError, RelyingPartyError } from './relying_party_error.ts';

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds. The hub's tokens live two minutes. */
const MAX_AGE = 5 * 60;
const CLOCK_TOLERANCE = 30;
/** Only tokens that the hub signed are remembered, so a stranger cannot push any out. */
const MAX_REMEMBERED = 10_000;

/** Whose sessions to end: those of one session at the hub, or, without `sid`, all of the person's. */
export interface LogoutNotice {
  sid: string | undefined;
  sub: string | undefined;
}

/**
 * Makes the check of OpenID Connect Back-Channel Logout 1.0 §2.6: somebody who can make up a logout token can throw people
 * out, and somebody who can pass off an ID token as one could do it with any token that he has seen.
 */
export function createLogoutTokenCheck(world: {
  hub: () => Promise<{ issuer: string; jwks_uri?: string }>;
  clientId: string;
  clock: Clock;
}): (token: string) => Promise<LogoutNotice> {
  const spent = createBoundedStore<true>({ clock: world.clock, limit: MAX_REMEMBERED });
  let keys: { address: string; set: ReturnType<typeof createRemoteJWKSet> } | undefined;

  function keysAt(address: string) {
    if (keys?.address !== address) keys = { address, set: createRemoteJWKSet(new URL(address)) };
    return keys.set;
  }

  /** @throws RelyingPartyError `logout_token_refused`, or `hub_unreachable` when the keys cannot be had. */
  return async function checkLogoutToken(token) {
    const { issuer, jwks_uri: address } = await world.hub();
    if (!address) throw new RelyingPartyError('hub_unreachable');
    const { payload } = await verify(() =>
      jwtVerify(token, keysAt(address), {
        issuer,
        audience: world.clientId,
        algorithms: ['ES256'],
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'exp', 'jti'],
        maxTokenAge: MAX_AGE,
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: new Date(world.clock()),
      }),
    );
    const { sid, sub } = checkLogoutClaims(payload);
    spendOnce(payload);
    return { sid, sub };
  };

  function spendOnce({ jti, exp = 0 }: JWTPayload): void {
    if (typeof jti !== 'string' || spent.get(jti)) throw refused('jti was seen before');
    spent.set(jti, true, { expiresAt: (exp + CLOCK_TOLERANCE) * 1000 });
  }
}

function checkLogoutClaims(payload: JWTPayload): LogoutNotice {
  const { events, nonce, sid, sub } = payload;
  const isLogout = typeof events === 'object' && events !== null && Object.hasOwn(events, LOGOUT_EVENT);
  if (!isLogout) throw refused('events does not name a logout');
  // §2.4: forbidden, so that an ID token can never pass for a logout token.
  if (nonce !== undefined) throw refused('nonce must be absent');
  const notice = { sid: textOrNothing(sid), sub: textOrNothing(sub) };
  if (notice.sid === undefined && notice.sub === undefined) throw refused('neither sid nor sub');
  return notice;
}

function textOrNothing(value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw refused('sid and sub must be text');
  return value;
}

async function verify<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    // jose has one error for "the token is bad" in many kinds, and a general one for "the key set did not come".
    const keysMissing = error instanceof errors.JWKSTimeout || isPlainJoseError(error) || isConnectionError(error);
    if (keysMissing) throw new RelyingPartyError('hub_unreachable', { cause: error });
    if (error instanceof errors.JOSEError) throw new RelyingPartyError('logout_token_refused', { cause: error });
    throw error;
  }
}

function isPlainJoseError(error: unknown): boolean {
  return error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC';
}

function refused(reason: string): RelyingPartyError {
  return new RelyingPartyError('logout_token_refused', { cause: new Error(reason) });
}
