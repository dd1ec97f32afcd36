import { randomBytes } from 'node:crypto';

/** Milliseconds since 1970-01-01T00:00:00Z. Handed in everywhere, so that a test can hold the clock. */
export type Clock = () => number;

/** `length` unpredictable bytes. Handed in everywhere, so that a test can repeat itself. */
export type Random = (length: number) => Uint8Array;

export const systemClock: Clock = () => Date.now();
export const systemRandom: Random = (length) => new Uint8Array(randomBytes(length));
