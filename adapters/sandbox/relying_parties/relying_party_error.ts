import * as oidc from 'openid-client';

/** Closed list; the pages have words for each. */
export const PROBLEMS = {
  /** The person, or the hub, said no. */
  access_denied: 403,
  /** The answer belongs to no sign-in that this browser began here: old tab, lost cookie, or a link that somebody sent. */
  sign_in_unknown: 400,
  /** state, issuer, nonce, signature, audience, time or subject is not as it must be. */
  answer_refused: 400,
  /** The hub signed the person in, but not as strongly as this site demands. */
  assurance_too_low: 403,
  hub_refused: 502,
  hub_unreachable: 503,
  logout_token_refused: 400,
  foreign_origin: 403,
  page_unknown: 404,
  failed: 500,
} as const;

export type Problem = keyof typeof PROBLEMS;

export class RelyingPartyError extends Error {
  readonly code: Problem;
  /** The protocol's own error code, for the developer who reads the page or the log. */
  readonly hubCode: string | undefined;

  constructor(code: Problem, options: { hubCode?: string | undefined; cause?: unknown } = {}) {
    super(code, { cause: options.cause });
    this.name = 'RelyingPartyError';
    this.code = code;
    this.hubCode = options.hubCode;
  }

  get status(): number {
    return PROBLEMS[this.code];
  }
}

/** RFC 6749 §4.1.2.1 allows more; what is shown on a page is kept to what error codes look like. */
const ERROR_CODE = /^[a-z][a-z_]{0,63}$/;

/**
 * Says in our words what went wrong in openid-client; anything that is no refusal of the protocol is a bug and comes back
 * as it was.
 */
export function translateProtocolError(error: unknown): unknown {
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError) {
    const hubCode = ERROR_CODE.test(error.error) ? error.error : undefined;
    return new RelyingPartyError(hubCode === 'access_denied' ? 'access_denied' : 'hub_refused', {
      hubCode,
      cause: error,
    });
  }
  if (isConnectionError(error)) return new RelyingPartyError('hub_unreachable', { cause: error });
  if (error instanceof oidc.WWWAuthenticateChallengeError)
    return new RelyingPartyError('hub_refused', { cause: error });
  if (error instanceof oidc.ClientError) return new RelyingPartyError('answer_refused', { cause: error });
  return error;
}

/** The hub could not be reached, or what answered in its place was no hub (a proxy's error page, a hub that is starting). */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof oidc.ClientError) {
    return error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_RESPONSE_IS_NOT_CONFORM';
  }
  // fetch reports every failure to connect as a TypeError that carries the system's error as its cause.
  return error instanceof TypeError && error.cause !== undefined;
}
