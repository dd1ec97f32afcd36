import { errors, type Provider } from 'oidc-provider';

/** What storage throws when something that may be saved once is there already; the engine's form of it is a refusal. */
export class SavedTwice extends errors.InvalidRequest {
  constructor() {
    super('this has been used already');
  }
}

/** Not in the engine's type declarations. */
interface ReplayDetection {
  unique(iss: string, jti: string, exp: number): Promise<boolean>;
}

/**
 * Whether this is the first use of something with this `jti`, which it is from now on not any more: one atomic statement.
 *
 * @param issuer apart from the engine's own uses: two issuers' may be the same.
 * @param expires seconds since 1970.
 */
export function isFirstUse(engine: Provider, issuer: string, jti: string, expires: number): Promise<boolean> {
  return (engine.ReplayDetection as unknown as ReplayDetection).unique(issuer, jti, expires);
}

/**
 * The engine looks whether an assertion or proof was seen before and then saves it: of two that arrive at once both find
 * nothing. Here saving decides, and whoever is second hears what a repetition hears (RFC 7523 §3, RFC 9449 §11.1).
 */
export function decideReplaysBySaving(engine: Provider): void {
  const detection = engine.ReplayDetection as unknown as ReplayDetection;
  const unique = detection.unique.bind(detection);
  detection.unique = async (iss, jti, exp) => {
    try {
      return await unique(iss, jti, exp);
    } catch (error) {
      if (error instanceof SavedTwice) return false;
      throw error;
    }
  };
}
