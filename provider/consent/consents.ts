import { randomUUID } from 'node:crypto';
import type { Attributes, AttributeValue } from '../attributes/catalogue.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import { type ConsentNeed, consentNeed, decide } from './consent_rules.ts';
import type { Consent, Exit } from './consent_store.ts';

export interface Consents {
  /** What must be asked before `requested` may leave, and the live consent it was judged by. */
  need(
    subjectId: string,
    clientId: string,
    requested: readonly string[],
  ): Promise<{ need: ConsentNeed; live: Consent | undefined }>;
  /** Records the person's answer to the consent page, with its audit event, in one transaction. */
  record(decision: {
    subjectId: string;
    clientId: string;
    requested: readonly string[];
    agreed: readonly string[];
    purpose: string | undefined;
  }): Promise<Consent>;
  /**
   * Values that may leave now. Only what the live consent grants is fetched; then what has a value is disclosed, in one
   * statement with another look at the consent, since fetching takes time (invariant 6). A claim that its source does not
   * give costs that claim only, and no row says that it left. Undefined when there is no live consent any more.
   */
  release(disclosure: {
    subjectId: string;
    clientId: string;
    exit: Exit;
    claims: readonly string[];
  }): Promise<Record<string, AttributeValue> | undefined>;
  /**
   * Whether the pairwise identifier may leave, and nothing with it: the live consent is checked and the disclosure row
   * written in one statement, as by `release`.
   */
  releaseIdentifier(disclosure: { subjectId: string; clientId: string; exit: Exit }): Promise<boolean>;
}

export function createConsents(world: {
  storage: Storage;
  attributes: Attributes;
  clock: Clock;
  /** Milliseconds that a consent lives. */
  lifetime: number;
}): Consents {
  const { storage, attributes, clock, lifetime } = world;

  const need: Consents['need'] = async (subjectId, clientId, requested) => {
    const [live, held] = await Promise.all([
      storage.consents.findLive(subjectId, clientId, clock()),
      attributes.held(subjectId, requested),
    ]);
    return { need: consentNeed(requested, held, live), live };
  };

  /** `sub` has no source: where nothing else is asked for, the one statement that discloses is all there is. */
  async function fetchGranted(subjectId: string, clientId: string, claims: readonly string[]) {
    const sourced = claims.filter((claim) => claim !== 'sub');
    if (sourced.length === 0) return {};
    const live = await storage.consents.findLive(subjectId, clientId, clock());
    const granted = sourced.filter((claim) => live?.granted.includes(claim));
    return live && attributes.values(subjectId, granted, clientId);
  }

  return {
    need,

    async record({ subjectId, clientId, requested, agreed, purpose }) {
      const judged = await need(subjectId, clientId, requested);
      const now = clock();
      const consent: Consent = {
        id: randomUUID(),
        subjectId,
        clientId,
        ...decide(judged.need, agreed, judged.live),
        purpose,
        grantedAt: now,
        expiresAt: now + lifetime,
      };
      await storage.transaction(async (stores) => {
        await stores.consents.replace(consent);
        await stores.audit.append(
          {
            kind: 'consent.granted',
            actor: `subject:${subjectId}`,
            subjectId,
            clientId,
            data: { consent: consent.id, granted: consent.granted, declined: consent.declined },
          },
          now,
        );
      });
      return consent;
    },

    /* One list: what is granted → its values → disclosed, the consent seen once more → given. */
    async release({ subjectId, clientId, exit, claims }) {
      const values = await fetchGranted(subjectId, clientId, claims);
      if (!values) return undefined;
      const had = claims.filter((claim) => claim === 'sub' || Object.hasOwn(values, claim));
      const told = await storage.consents.disclose({ subjectId, clientId, exit, claims: had, now: clock() });
      return told && Object.fromEntries(Object.entries(values).filter(([claim]) => told.includes(claim)));
    },

    async releaseIdentifier(disclosure) {
      const allowed = await storage.consents.disclose({ ...disclosure, claims: ['sub'], now: clock() });
      return allowed?.includes('sub') ?? false;
    },
  };
}
