import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Storage } from '../storage.ts';
import type { Clock, Random } from '../world.ts';
import type { SigningAlgorithm, SigningKey } from './oidc_stores.ts';

const ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'RS256', 'PS256'];

/**
 * How long a replaced key stays published after it stopped signing: the longest an id_token can be presented as a hint,
 * and what relying parties' JWKS caches need (ms).
 */
const KEEP_AFTER = 24 * 60 * 60 * 1000;

export interface SigningKeys {
  /** Creates what is missing: one key of each algorithm and a cookie secret. Safe to run in many processes at once. */
  ensure(): Promise<void>;
  list(): Promise<readonly SigningKey[]>;
  /**
   * Makes successors. Each is published at once and signs after `overlap` ms; the one it replaces is published until
   * a day after that. Returns the new keys.
   */
  rotate(overlap: number, algorithms?: readonly SigningAlgorithm[]): Promise<readonly SigningKey[]>;
  /** The key set to run with now: for each algorithm the signing key first, then those only published. */
  current(): Promise<{ jwks: JWK[]; cookieSecrets: readonly string[]; version: string }>;
}

export function createSigningKeys(world: { storage: Storage; clock: Clock; random: Random }): SigningKeys {
  const { storage, clock, random } = world;

  async function make(alg: SigningAlgorithm, activeFrom: number): Promise<SigningKey> {
    const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    return {
      kid,
      alg,
      jwk: { ...jwk, kid, alg, use: 'sig' },
      createdAt: clock(),
      activeFrom,
      retiredFrom: undefined,
    };
  }

  return {
    async ensure() {
      const have = new Set((await storage.signingKeys.list()).map((key) => key.alg));
      const missing = await Promise.all(ALGORITHMS.filter((alg) => !have.has(alg)).map((alg) => make(alg, clock())));
      await storage.transaction(async (stores) => {
        for (const key of missing) {
          await stores.signingKeys.insert(key);
          await stores.audit.append(
            { kind: 'key.created', actor: 'hub', data: { kid: key.kid, alg: key.alg } },
            clock(),
          );
        }
        if ((await stores.signingKeys.cookieSecrets()).length === 0) {
          await stores.signingKeys.insertCookieSecret(Buffer.from(random(32)).toString('base64url'), clock());
        }
      });
    },

    list: () => storage.signingKeys.list(),

    async rotate(overlap, algorithms = ALGORITHMS) {
      const now = clock();
      const successors = await Promise.all(algorithms.map((alg) => make(alg, now + overlap)));
      await storage.transaction(async (stores) => {
        for (const old of await stores.signingKeys.list()) {
          if (old.retiredFrom !== undefined || !algorithms.includes(old.alg)) continue;
          await stores.signingKeys.retire(old.kid, now + overlap + KEEP_AFTER);
          await stores.audit.append(
            { kind: 'key.retired', actor: 'operator', data: { kid: old.kid, alg: old.alg } },
            now,
          );
        }
        for (const key of successors) {
          await stores.signingKeys.insert(key);
          await stores.audit.append(
            { kind: 'key.created', actor: 'operator', data: { kid: key.kid, alg: key.alg } },
            now,
          );
        }
      });
      return successors;
    },

    async current() {
      const now = clock();
      const [keys, cookieSecrets] = await Promise.all([
        storage.signingKeys.list(),
        storage.signingKeys.cookieSecrets(),
      ]);
      const ordered = inOrderOfUse(keys, now);
      return {
        jwks: ordered.map((key) => key.jwk),
        cookieSecrets,
        version: [...ordered.map((key) => key.kid), cookieSecrets.length].join(' '),
      };
    },
  };
}

/**
 * Published keys, the one that signs first within its algorithm: the engine signs with the first that fits. Newest
 * active key signs; those to come and those just replaced are published behind it.
 */
export function inOrderOfUse(keys: readonly SigningKey[], now: number): readonly SigningKey[] {
  const published = keys.filter((key) => key.retiredFrom === undefined || key.retiredFrom > now);
  const newestFirst = published.toSorted((a, b) => b.activeFrom - a.activeFrom);
  const active = newestFirst.filter((key) => key.activeFrom <= now);
  const next = newestFirst.filter((key) => key.activeFrom > now);
  return [...active, ...next];
}
