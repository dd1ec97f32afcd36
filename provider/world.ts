import { randomFillSync } from 'node:crypto';

/** Milliseconds since 1970-01-01T00:00:00Z. Handed in everywhere, so that a test can hold the clock. */
export type Clock = () => number;

/** `length` unpredictable bytes. Handed in everywhere, so that a test can repeat itself. */
export type Random = (length: number) => Uint8Array;

export const systemClock: Clock = () => Date.now();
/** Octets drawn from the system at once: a draw costs as much as hashing a kilobyte, and a request needs ten. */
const POOL_SIZE = 4096;
const pool = new Uint8Array(POOL_SIZE);
let used = POOL_SIZE;

/** The system's generator. What was handed out is wiped from the pool, so that nothing is ever handed out twice. */
export const systemRandom: Random = (length) => {
  if (length > POOL_SIZE) return randomFillSync(new Uint8Array(length));
  if (used + length > POOL_SIZE) {
    randomFillSync(pool);
    used = 0;
  }
  const octets = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return octets;
};
