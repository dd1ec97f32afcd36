import type { Clock } from '../../provider/world.ts';
import { CardError } from './card_errors.ts';

/** Milliseconds. */
const WINDOW = 60_000;

/**
 * At most `perMinute` attempts in any minute, over all windows of the process: three wrong PINs block one card, this
 * bounds how fast something on the machine could block all of them.
 *
 * @returns a function that counts an attempt, or throws CardError `agent_too_many_attempts` and counts none.
 */
export function createAttemptLimit(perMinute: number, clock: Clock): () => void {
  let attempts: number[] = [];
  return () => {
    const now = clock();
    attempts = attempts.filter((at) => at > now - WINDOW);
    const oldest = attempts[0];
    if (attempts.length >= perMinute && oldest !== undefined) {
      throw new CardError('agent_too_many_attempts', { retryAfter: Math.ceil((oldest + WINDOW - now) / 1000) });
    }
    attempts.push(now);
  };
}
