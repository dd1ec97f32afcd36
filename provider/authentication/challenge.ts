import { hash, timingSafeEqual } from 'node:crypto';
import { HubError } from '../errors.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';

/**
 * What the answer will be used for; a challenge for one purpose is useless for another. `sign-in`: a card signs it.
 * `tls`: it is the request that a browser takes to the listener for client certificates. `enrolment`: both keys of a card
 * sign it. `latest-attributes`: as an enrolment, with a consent in the application's place. `verifier`: a card signs it for a
 * relying party's own page.
 */
export type ChallengePurpose = 'sign-in' | 'tls' | 'enrolment' | 'latest-attributes' | 'consent-receipt' | 'verifier';

/** Whom and what a challenge is for. */
export interface ChallengeBinding {
  /** Origin whose pages may use the signature, as a browser serialises it. */
  readonly origin: string;
  /** The interaction (browser session) that the challenge was made for; of a `verifier`, its client id. */
  readonly session: string;
  readonly purpose: ChallengePurpose;
}

/** The challenges that have been answered. One that nobody answers is stored nowhere. */
export interface ChallengeStore {
  /**
   * Notes in one atomic statement that the challenge is spent. True for exactly one of any number of callers.
   *
   * @param nonceHash SHA-256 of the nonce.
   * @param expiresAt milliseconds since 1970; from then on the challenge is refused by its age and the note may go.
   */
  spend(nonceHash: Uint8Array, expiresAt: number): Promise<boolean>;
  /** Deletes the notes that expired before `now`; returns how many rows went. */
  sweep(now: number): Promise<number>;
}

export interface Challenge {
  nonce: string;
  expiresAt: number;
}

export interface Challenges {
  /** Makes a challenge that only `session` may answer, for `origin` and `purpose`. */
  issue(binding: ChallengeBinding): Challenge;
  /**
   * Spends the challenge, whatever comes of it, and checks that it was made for exactly this binding.
   * Throws HubError `challenge_unknown`, `challenge_expired`, `challenge_spent` or `challenge_wrong_session`.
   */
  spend(nonce: string, binding: ChallengeBinding): Promise<void>;
}

/** Octets of a nonce: random (Web eID asks for 256 bits) ‖ expiry in ms ‖ tag of the binding ‖ MAC of all that. */
const RANDOM_BYTES = 32;
const EXPIRY_BYTES = 6;
const TAG_BYTES = 16;
const MAC_BYTES = 18;
const SIGNED_BYTES = RANDOM_BYTES + EXPIRY_BYTES + TAG_BYTES;
/** Base64 of the 72 octets, which needs no padding: a nonce has one spelling. */
const NONCE_SHAPE = /^[A-Za-z0-9+/]{96}$/;

const PURPOSE_MAC = 'challenge.mac';
const PURPOSE_BINDING = 'challenge.binding';

/**
 * Challenges carry what they are bound to and when they end, under a MAC that only this hub (all of its processes) can
 * make. So opening a sign-in page stores nothing that a stranger could fill the database with, and one statement, the
 * note that it is spent, is all that a challenge costs.
 */
export function createChallenges(world: {
  store: ChallengeStore;
  vault: Vault;
  clock: Clock;
  random: Random;
  /** Milliseconds. */
  lifetime: number;
}): Challenges {
  const { store, vault, clock, random, lifetime } = world;

  const mac = (signed: Uint8Array) => vault.index(PURPOSE_MAC, signed).subarray(0, MAC_BYTES);

  function tag(seed: Uint8Array, { purpose, origin, session }: ChallengeBinding): Uint8Array {
    const binding = Buffer.from(JSON.stringify([purpose, origin, session]));
    return vault.index(PURPOSE_BINDING, Buffer.concat([seed, binding])).subarray(0, TAG_BYTES);
  }

  return {
    issue(binding) {
      const expiresAt = clock() + lifetime;
      const seed = random(RANDOM_BYTES);
      const expiry = Buffer.alloc(EXPIRY_BYTES);
      expiry.writeUIntBE(expiresAt, 0, EXPIRY_BYTES);
      const signed = Buffer.concat([seed, expiry, tag(seed, binding)]);
      return { nonce: Buffer.concat([signed, mac(signed)]).toString('base64'), expiresAt };
    },

    async spend(nonce, binding) {
      if (!NONCE_SHAPE.test(nonce)) throw refused('challenge_unknown');
      const bytes = Buffer.from(nonce, 'base64');
      const signed = bytes.subarray(0, SIGNED_BYTES);
      if (!timingSafeEqual(mac(signed), bytes.subarray(SIGNED_BYTES))) throw refused('challenge_unknown');
      const expiresAt = signed.readUIntBE(RANDOM_BYTES, EXPIRY_BYTES);
      if (expiresAt <= clock()) throw refused('challenge_expired');
      if (!(await store.spend(hash('sha256', bytes, 'buffer'), expiresAt))) throw refused('challenge_spent');
      // An attacker who relays a victim's challenge holds another session or stands on another origin. Theirs is spent
      // by then, so that the victim is not signed in by it either.
      const seed = signed.subarray(0, RANDOM_BYTES);
      const bound = timingSafeEqual(tag(seed, binding), signed.subarray(RANDOM_BYTES + EXPIRY_BYTES));
      if (!bound) throw refused('challenge_wrong_session');
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
