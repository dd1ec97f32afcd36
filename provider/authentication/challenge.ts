import { hash } from 'node:crypto';
import { HubError } from '../errors.ts';
import type { Clock, Random } from '../world.ts';

/** What a signature over the challenge will be used for; a challenge for one purpose is useless for another. */
export type ChallengePurpose = 'sign-in';

export interface ChallengeRecord {
  /** SHA-256 of the nonce: a reader of the database cannot answer an open challenge. */
  nonceHash: Uint8Array;
  /** Origin whose pages may use the signature, as a browser serialises it. */
  origin: string;
  /** The interaction (browser session) that the challenge was made for. */
  session: string;
  purpose: ChallengePurpose;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export interface ChallengeStore {
  insert(record: ChallengeRecord): Promise<void>;
  /**
   * Marks the challenge spent in one atomic statement and returns it; of any number of callers at the same moment
   * exactly one gets the record. `'spent'` when somebody was earlier, `'unknown'` when it was never issued or swept.
   */
  spend(nonceHash: Uint8Array, now: number): Promise<ChallengeRecord | 'spent' | 'unknown'>;
  /** Deletes what expired before `now`; returns how many rows went. */
  sweep(now: number): Promise<number>;
}

/** 256 bits, as Web eID asks for (44 characters of base64). */
const NONCE_BYTES = 32;
const NONCE_SHAPE = /^[A-Za-z0-9+/]{43}=$/;

export interface Challenge {
  nonce: string;
  expiresAt: number;
}

export interface Challenges {
  /** Makes and stores a challenge that only `session` may answer, for `origin` and `purpose`. */
  issue(binding: { origin: string; session: string; purpose: ChallengePurpose }): Promise<Challenge>;
  /**
   * Spends the challenge, whatever comes of it, and checks that it was made for exactly this binding.
   * Throws HubError `challenge_unknown`, `challenge_spent`, `challenge_expired` or `challenge_wrong_session`.
   */
  spend(nonce: string, binding: { origin: string; session: string; purpose: ChallengePurpose }): Promise<void>;
}

export function createChallenges(world: {
  store: ChallengeStore;
  clock: Clock;
  random: Random;
  /** Milliseconds. */
  lifetime: number;
}): Challenges {
  const { store, clock, random, lifetime } = world;
  return {
    async issue(binding) {
      const nonce = Buffer.from(random(NONCE_BYTES)).toString('base64');
      const expiresAt = clock() + lifetime;
      await store.insert({ ...binding, nonceHash: hashNonce(nonce), expiresAt });
      return { nonce, expiresAt };
    },

    async spend(nonce, binding) {
      if (!NONCE_SHAPE.test(nonce)) throw refused('challenge_unknown');
      const now = clock();
      const record = await store.spend(hashNonce(nonce), now);
      if (record === 'unknown') throw refused('challenge_unknown');
      if (record === 'spent') throw refused('challenge_spent');
      // An attacker who relays a victim's challenge holds another session or stands on another origin.
      const bound =
        record.session === binding.session && record.origin === binding.origin && record.purpose === binding.purpose;
      if (!bound) throw refused('challenge_wrong_session');
      if (record.expiresAt <= now) throw refused('challenge_expired');
    },
  };
}

const MESSAGES = {
  challenge_unknown: 'This sign-in request is not known.',
  challenge_spent: 'This sign-in request has already been answered.',
  challenge_expired: 'This sign-in request has expired.',
  challenge_wrong_session: 'This sign-in request belongs to another browser or page.',
} as const;

function refused(code: keyof typeof MESSAGES): HubError {
  return new HubError(code, 400, MESSAGES[code]);
}

function hashNonce(nonce: string): Uint8Array {
  return hash('sha256', nonce, 'buffer');
}
