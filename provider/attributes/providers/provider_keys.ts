import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../world.ts';
import { type KeptFresh, keepFresh } from './kept_fresh.ts';
import { ProviderSilent } from './provider_questions.ts';
import type { AttributeProvider } from './provider_store.ts';
import { type FindKey, findIn, UnknownKey } from './signed_answer.ts';

/** The keys by which a provider's answers are known: pinned ones, or those that it publishes. */
export interface ProviderKeys {
  /** What it gives also throws ProviderSilent `keys_unavailable`, when published keys cannot be had. */
  of(provider: Pick<AttributeProvider, 'id' | 'keys' | 'jwksUri'>): FindKey;
}

/** Implemented by adapters/attribute-sources, which knows time-outs and sizes. */
export interface KeySetSource {
  /**
   * The JSON at an address that the operator registered.
   *
   * @throws ProviderSilent
   */
  fetch(url: string): Promise<unknown>;
}

const MINUTE = 60_000;
/** As keys are looked at now and then, when an unknown one turns up, and while their address does not answer. */
const FRESHNESS = { freshFor: 10 * MINUTE, retryAfter: MINUTE, usableFor: 24 * 60 * MINUTE };
/** Sets of keys that are kept ready. */
const MAX_KEY_SETS = 200;

const publishedSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

export function createProviderKeys({ source, clock }: { source: KeySetSource; clock: Clock }): ProviderKeys {
  /** By provider and by where its keys come from: what an operator changes holds at once. */
  const known = new Map<string, FindKey>();

  function published(url: string): FindKey {
    const keySets: KeptFresh<FindKey> = keepFresh(
      async () => {
        const read = publishedSchema.safeParse(await source.fetch(url));
        if (!read.success) throw new ProviderSilent('keys_malformed');
        return findIn(read.data as JSONWebKeySet);
      },
      FRESHNESS,
      clock,
    );
    const available = (keys: Promise<FindKey>) =>
      keys.catch((cause) => {
        throw new ProviderSilent('keys_unavailable', { cause });
      });
    return async (meant) => {
      const find = await available(keySets.get());
      try {
        return await find(meant);
      } catch (error) {
        if (!(error instanceof UnknownKey)) throw error;
        const newer = await available(keySets.renew());
        if (newer === find) throw error;
        return newer(meant);
      }
    };
  }

  return {
    of({ id, keys, jwksUri }) {
      const name = JSON.stringify([id, keys, jwksUri]);
      const ready = known.get(name);
      if (ready) return ready;
      if (known.size >= MAX_KEY_SETS) known.clear();
      const get = jwksUri === undefined ? findIn(keys ?? { keys: [] }) : published(jwksUri);
      known.set(name, get);
      return get;
    },
  };
}
