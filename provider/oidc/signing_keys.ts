import { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { writeSelfSignedCertificate } from '../pki/index.ts';
import type { Storage } from '../storage.ts';
import type { Clock, Random } from '../world.ts';
import type { SigningAlgorithm, SigningKey, SigningPurpose } from './oidc_stores.ts';

const ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'RS256', 'PS256'];

/**
 * How long a replaced key stays published after it stopped signing: the longest an id_token can be presented as a hint,
 * and what relying parties' JWKS caches need (ms).
 */
const KEEP_AFTER = 24 * 60 * 60 * 1000;

/**
 * How long SAML metadata that somebody fetched may be relied on (ms): what a service provider that refreshes at all has
 * fetched once more by then. So it is also what a successor is published before it signs, and what it replaces after.
 */
export const SAML_METADATA_VALIDITY = 7 * 24 * 60 * 60 * 1000;

/** Of the certificate around a SAML key (ms). Few service providers look at it; those that do must not stop by surprise. */
const CERTIFICATE_VALIDITY = 10 * 365 * 24 * 60 * 60 * 1000;

export interface SigningKeys {
  /**
   * Creates what is missing: one key of each algorithm for tokens, one for SAML messages and a cookie secret. Safe to run
   * in many processes at once.
   */
  ensure(): Promise<void>;
  list(): Promise<readonly SigningKey[]>;
  /**
   * Makes successors. Each is published at once and signs after `overlap` ms; the one it replaces is published until
   * a day after that. Returns the new keys.
   */
  rotate(overlap: number, algorithms?: readonly SigningAlgorithm[]): Promise<readonly SigningKey[]>;
  /**
   * The same for the key of SAML messages; the one that is replaced stays published for `SAML_METADATA_VALIDITY`.
   *
   * @param overlap ms; `SAML_METADATA_VALIDITY` unless a service provider's operators are told another way.
   */
  rotateSaml(overlap: number): Promise<readonly SigningKey[]>;
  /**
   * The key set to run with now: for each algorithm the signing key first, then those only published; the keys of SAML
   * messages apart, in the same order.
   */
  current(): Promise<CurrentKeys>;
}

export interface CurrentKeys {
  readonly jwks: JWK[];
  readonly samlKeys: readonly SigningKey[];
  readonly cookieSecrets: readonly string[];
  /** Another one whenever something here is another. */
  readonly version: string;
}

/** @param world.host of the hub, for the subject of its certificates. */
export function createSigningKeys(world: {
  storage: Storage;
  clock: Clock;
  random: Random;
  host: string;
}): SigningKeys {
  const { storage, clock, random, host } = world;

  async function make(alg: SigningAlgorithm, purpose: SigningPurpose, activeFrom: number): Promise<SigningKey> {
    const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    return {
      kid,
      alg,
      purpose,
      certificate: purpose === 'saml' ? certificateFor(KeyObject.from(privateKey)) : undefined,
      jwk: { ...jwk, kid, alg, use: 'sig' },
      createdAt: clock(),
      activeFrom,
      retiredFrom: undefined,
    };
  }

  function certificateFor(privateKey: KeyObject): Uint8Array {
    const notBefore = clock();
    const notAfter = notBefore + CERTIFICATE_VALIDITY;
    return writeSelfSignedCertificate({ privateKey, commonName: host, serial: random(16), notBefore, notAfter });
  }

  async function replace(
    successors: readonly SigningKey[],
    isReplaced: (old: SigningKey) => boolean,
    retiredFrom: number,
  ): Promise<readonly SigningKey[]> {
    const now = clock();
    const dataOf = ({ kid, alg, purpose }: SigningKey) => ({ kid, alg, purpose });
    await storage.transaction(async (stores) => {
      for (const old of await stores.signingKeys.list()) {
        if (old.retiredFrom !== undefined || !isReplaced(old)) continue;
        await stores.signingKeys.retire(old.kid, retiredFrom);
        await stores.audit.append({ kind: 'key.retired', actor: 'operator', data: dataOf(old) }, now);
      }
      for (const key of successors) {
        await stores.signingKeys.insert(key);
        await stores.audit.append({ kind: 'key.created', actor: 'operator', data: dataOf(key) }, now);
      }
    });
    return successors;
  }

  return {
    async ensure() {
      const have = await storage.signingKeys.list();
      const tokenAlgorithms = new Set(have.filter(({ purpose }) => purpose === 'oidc').map(({ alg }) => alg));
      const missing = await Promise.all([
        ...ALGORITHMS.filter((alg) => !tokenAlgorithms.has(alg)).map((alg) => make(alg, 'oidc', clock())),
        ...(have.some(({ purpose }) => purpose === 'saml') ? [] : [make('RS256', 'saml', clock())]),
      ]);
      await storage.transaction(async (stores) => {
        for (const key of missing) {
          await stores.signingKeys.insert(key);
          await stores.audit.append(
            { kind: 'key.created', actor: 'hub', data: { kid: key.kid, alg: key.alg, purpose: key.purpose } },
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
      const activeFrom = clock() + overlap;
      return replace(
        await Promise.all(algorithms.map((alg) => make(alg, 'oidc', activeFrom))),
        ({ purpose, alg }) => purpose === 'oidc' && algorithms.includes(alg),
        activeFrom + KEEP_AFTER,
      );
    },

    async rotateSaml(overlap) {
      const activeFrom = clock() + overlap;
      const successor = await make('RS256', 'saml', activeFrom);
      return replace([successor], ({ purpose }) => purpose === 'saml', activeFrom + SAML_METADATA_VALIDITY);
    },

    async current() {
      const now = clock();
      const [keys, cookieSecrets] = await Promise.all([
        storage.signingKeys.list(),
        storage.signingKeys.cookieSecrets(),
      ]);
      const ordered = inOrderOfUse(keys, now);
      return {
        jwks: ordered.filter(({ purpose }) => purpose === 'oidc').map(({ jwk }) => jwk),
        samlKeys: ordered.filter(({ purpose }) => purpose === 'saml'),
        cookieSecrets,
        version: [...ordered.map((key) => key.kid), cookieSecrets.length].join(' '),
      };
    },
  };
}

/**
 * Published keys, the one that signs first within its algorithm: the engine signs with the first that fits. Of the active
 * keys the one made last signs: one that was replaced before its time has come never does. Those to come and those just
 * replaced are published behind it.
 */
export function inOrderOfUse(keys: readonly SigningKey[], now: number): readonly SigningKey[] {
  const published = keys.filter((key) => key.retiredFrom === undefined || key.retiredFrom > now);
  const newestFirst = published.toSorted((a, b) => b.createdAt - a.createdAt);
  const active = newestFirst.filter((key) => key.activeFrom <= now);
  const next = newestFirst.filter((key) => key.activeFrom > now);
  return [...active, ...next];
}
