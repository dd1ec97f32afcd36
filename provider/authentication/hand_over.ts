import { hash } from 'node:crypto';
import type { Notice } from '../identity/notices.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';

/** What came of a sign-in that was decided on another origin: who it is, or why it was refused. */
export type HandOver =
  | {
      readonly outcome: 'signed_in';
      readonly subjectId: string;
      readonly acr: string;
      /** What the person is to be told. */
      readonly notices: readonly Notice[];
    }
  | {
      readonly outcome: 'refused';
      /** The HubError's. */
      readonly code: string;
      readonly status: number;
      /** Seconds. */
      readonly retryAfter?: number | undefined;
    };

/** Hand-overs that wait for their browser. */
export interface HandOverStore {
  /**
   * @param codeHash SHA-256 of the code.
   * @param expiresAt milliseconds since 1970.
   */
  keep(codeHash: Uint8Array, sealed: Uint8Array, expiresAt: number): Promise<void>;
  /** Takes it out in one atomic statement: of any number of callers exactly one gets it. */
  take(codeHash: Uint8Array): Promise<{ sealed: Uint8Array; expiresAt: number } | undefined>;
  /** Deletes what expired before `now`; returns how many rows went. */
  sweep(now: number): Promise<number>;
}

export interface HandOvers {
  /** A code that brings this outcome back to the interaction, once and soon. */
  issue(session: string, handOver: HandOver): Promise<string>;
  /**
   * Spends the code, whatever comes of it. Undefined when it is unknown, spent, too old or was made for another
   * interaction.
   */
  redeem(code: string, session: string): Promise<HandOver | undefined>;
}

/** Octets: nobody guesses it. */
const CODE_BYTES = 32;
const CODE_SHAPE = /^[A-Za-z0-9_-]{43}$/;
/** Milliseconds: a browser follows a redirect at once. */
const LIFETIME = 60_000;
const PURPOSE = 'hand_over';

/**
 * Codes by which the listener for client certificates gives a person back to the main origin. Whoever has the code can
 * finish one interaction and no other, so that nobody can be signed in as somebody else by a link (login CSRF); that
 * the browser is the one that began is for the main origin to check by its cookie.
 */
export function createHandOvers(world: {
  store: HandOverStore;
  vault: Vault;
  clock: Clock;
  random: Random;
}): HandOvers {
  const { store, vault, clock, random } = world;
  return {
    async issue(session, handOver) {
      const code = Buffer.from(random(CODE_BYTES)).toString('base64url');
      const sealed = vault.seal(PURPOSE, Buffer.from(JSON.stringify({ session, handOver })));
      await store.keep(hashOf(code), sealed, clock() + LIFETIME);
      return code;
    },

    async redeem(code, session) {
      if (!CODE_SHAPE.test(code)) return undefined;
      const kept = await store.take(hashOf(code));
      if (!kept || kept.expiresAt <= clock()) return undefined;
      const opened = JSON.parse(Buffer.from(vault.open(PURPOSE, kept.sealed)).toString()) as {
        session: string;
        handOver: HandOver; // authenticated: nobody but `issue` has written it
      };
      return opened.session === session ? opened.handOver : undefined;
    },
  };
}

function hashOf(code: string): Uint8Array {
  return hash('sha256', code, 'buffer');
}
