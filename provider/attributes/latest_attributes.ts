import type { AuditQueue } from '../audit/group_commit.ts';
import { HubError } from '../errors.ts';
import { type AttributeName, attributeNames } from '../identity/four_attributes.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { LatestAnswer, LatestAttributesSource } from './latest_attributes_source.ts';
import type { LatestConsent } from './latest_consent_store.ts';
import { endLatestConsent, openReference } from './latest_consents.ts';

export interface TellableAttributes {
  /** Those of them that the person lets this relying party be told. */
  readonly items: readonly AttributeName[];
  readonly attributes: Extract<LatestAnswer, { outcome: 'told' }>['attributes'];
  /** When the authority told them; milliseconds since 1970. */
  readonly obtainedAt: number;
}

/** Attributes as the authority has them now, for the relying parties that the person signed a consent for. */
export interface LatestAttributes {
  /**
   * Undefined when this relying party has no consent that is live, and when nothing is to be had now: whoever asks goes on
   * with what is kept.
   */
  tellable(subjectId: string, clientId: string): Promise<TellableAttributes | undefined>;
  /** Drops the answers whose time is over. To be called now and then: values are not to be kept. */
  forget(): void;
}

export interface LatestAttributesWorld {
  storage: Storage;
  vault: Vault;
  source: LatestAttributesSource;
  audit: AuditQueue;
  clock: Clock;
  /** Hears of each question to the authority, on whose behalf and what came of it: they cost money. */
  observe(outcome: LatestAnswer['outcome'] | 'unavailable', clientId: string): void;
}

/** Milliseconds that an answer serves: an ID token and the userinfo after it are one question. */
const HELD_FOR = 60_000;
/** Milliseconds after a vain question in which nobody waits for the next one. */
const AWAY_FOR = 10_000;
/** Consents with an answer in memory; the oldest go first. */
const MAX_HELD = 10_000;

interface Held {
  until: number;
  /** Shared by whoever asks meanwhile. */
  readonly answer: Promise<TellableAttributes | undefined>;
}

export function createLatestAttributes(world: LatestAttributesWorld): LatestAttributes {
  const { storage, vault, source, audit, clock, observe } = world;
  const held = new Map<string, Held>();

  async function ask(consent: LatestConsent): Promise<TellableAttributes | undefined> {
    const { id, items, subjectId, clientId } = consent;
    const answer = await answerOf(consent);
    observe(answer?.outcome ?? 'unavailable', clientId);
    const now = clock();
    if (answer?.outcome === 'consent_ended') await endLatestConsent(storage, consent, 'authority', now);
    if (answer?.outcome !== 'told') return undefined;
    // What was not agreed to is dropped unseen, whatever the authority sends.
    const attributes = pick(answer.attributes, items);
    const data = { consent: id, attributes: items };
    await audit.append({ kind: 'latest_attributes.obtained', actor: 'hub', subjectId, clientId, data }, now);
    return { items, attributes, obtainedAt: now };
  }

  /** Undefined when there is none to be had now: that keeps nobody from being signed in. */
  async function answerOf({ sealedReference }: LatestConsent): Promise<LatestAnswer | undefined> {
    try {
      return await source.latest(openReference(vault, sealedReference));
    } catch (error) {
      if (error instanceof HubError) return undefined;
      throw error;
    }
  }

  function hold(consent: LatestConsent): Held {
    const entry: Held = { until: clock() + HELD_FOR, answer: ask(consent) };
    const oldest = held.keys().next().value;
    if (held.size >= MAX_HELD && oldest !== undefined) held.delete(oldest);
    held.set(consent.id, entry);
    entry.answer.then(
      (told) => {
        if (told === undefined) entry.until = clock() + AWAY_FOR;
      },
      () => held.delete(consent.id),
    );
    return entry;
  }

  return {
    async tellable(subjectId, clientId) {
      // Looked for each time, so that a withdrawal holds at once.
      const consent = await storage.latestConsents.findLive(subjectId, clientId, clock());
      if (consent === undefined) return undefined;
      const known = held.get(consent.id);
      const entry = known !== undefined && clock() < known.until ? known : hold(consent);
      return entry.answer;
    },

    forget() {
      const now = clock();
      for (const [id, { until }] of held) if (until <= now) held.delete(id);
    },
  };
}

function pick(attributes: TellableAttributes['attributes'], items: readonly AttributeName[]) {
  const kept = attributeNames.filter((name) => items.includes(name) && attributes[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, attributes[name]])) as TellableAttributes['attributes'];
}
