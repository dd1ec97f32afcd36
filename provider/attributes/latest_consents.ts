import { randomUUID } from 'node:crypto';
import type { StatusDemand } from '../authentication/decision_log.ts';
import { HubError } from '../errors.ts';
import { type AttributeName, attributeNames } from '../identity/four_attributes.ts';
import { certificateLookup } from '../identity/identity.ts';
import { otherPerson, type SignatureVerifier } from '../identity/signed_together.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { Attributes } from './attributes.ts';
import type { LatestAttributesSource } from './latest_attributes_source.ts';
import type { LatestConsent } from './latest_consent_store.ts';
import { endOfDay, isPossibleLastDay, type LatestConsentDraft, latestConsentText } from './latest_consent_text.ts';

export interface LatestOffer {
  /** What the relying party asks for and is held for this person: what can be kept up to date. */
  readonly items: readonly AttributeName[];
  /** What the person has agreed to before. */
  readonly live: LatestConsent | undefined;
}

/** What came back from the card, with the consent that it was for. */
export interface LatestConsentRequest {
  readonly draft: LatestConsentDraft;
  readonly subjectId: string;
  readonly clientId: string;
  /** Claims that the relying party asks for. */
  readonly requested: readonly string[];
  readonly token: string;
  readonly document: Uint8Array;
  readonly nonce: string;
  readonly origin: string;
  readonly session: string;
  readonly demand: StatusDemand;
}

/** Consents by which one relying party is told the latest attributes: given, withdrawn, and told to the authority. */
export interface LatestConsents {
  offer(of: { subjectId: string; clientId: string; requested: readonly string[] }): Promise<LatestOffer>;
  /**
   * Verifies what the card signed as an enrolment is verified, hands the consent in at the authority, and keeps it in the
   * place of an earlier one for the same relying party. Whatever comes of it, the challenge is spent.
   *
   * Throws HubError: the codes of SignatureVerifier; `latest_consent_invalid` (400) for terms that were not offered,
   * `signing_other_person` (403), `latest_attributes_unavailable` (503).
   */
  agree(request: LatestConsentRequest): Promise<LatestConsent>;
  /** Takes effect at once; the authority is told now, or later when it cannot be reached. False when there is none. */
  withdraw(subjectId: string, clientId: string): Promise<boolean>;
  /** Tells the authority of consents that have ended and that it has not heard of. To be called now and then. */
  tellAuthority(): Promise<void>;
}

export interface LatestConsentsWorld {
  storage: Storage;
  vault: Vault;
  attributes: Pick<Attributes, 'held'>;
  signatures: SignatureVerifier;
  source: LatestAttributesSource;
  clock: Clock;
}

const PURPOSE_REFERENCE = 'latest_consent.reference';
const PURPOSE_DOCUMENT = 'latest_consent.document';
/** Milliseconds between two attempts to tell the authority of one consent that has ended. */
const TELL_AGAIN = 5 * 60_000;
/** Told in one go, one after the other. */
const TELL_TOGETHER = 20;

export function createLatestConsents(world: LatestConsentsWorld): LatestConsents {
  const { storage, vault, attributes, signatures, source, clock } = world;

  const offer: LatestConsents['offer'] = async ({ subjectId, clientId, requested }) => {
    const asked = attributeNames.filter((name) => requested.includes(name));
    const [held, live] = await Promise.all([
      attributes.held(subjectId, asked, clientId),
      storage.latestConsents.findLive(subjectId, clientId, clock()),
    ]);
    return { items: asked.filter((name) => held.names.includes(name)), live };
  };

  async function assertOffered({ draft, ...of }: LatestConsentRequest): Promise<void> {
    const { items } = await offer(of);
    const isOffered = draft.items.length > 0 && draft.items.every((item) => items.includes(item));
    if (isOffered && isPossibleLastDay(draft.until, clock())) return;
    throw new HubError('latest_consent_invalid', 400, 'This consent was not offered.');
  }

  /** False when the authority could not be told. */
  async function tell({ id, sealedReference }: Pick<LatestConsent, 'id' | 'sealedReference'>): Promise<boolean> {
    try {
      await source.withdraw(openReference(vault, sealedReference));
    } catch (error) {
      if (error instanceof HubError) return false;
      throw error;
    }
    await storage.latestConsents.noteTold(id, clock());
    return true;
  }

  return {
    offer,

    async agree(request) {
      const { draft, subjectId, clientId, token, document, nonce, origin, session, demand } = request;
      const { items, until } = draft;
      const signed = await signatures.verify({
        ...{ token, document, nonce, origin, session, demand, purpose: 'latest-attributes' },
        text: latestConsentText(draft, { origin, nonce }),
      });
      await assertOffered(request);
      const { issuer, serial } = signed.user.certificate;
      const card = await storage.identity.find(certificateLookup(vault, issuer, serial));
      if (card?.subjectId !== subjectId || card.kind !== 'user' || card.status !== 'current') throw otherPerson();
      await signatures.confirmOnePerson(signed);

      const reference = await source.consent({ items, until, document, signer: signed.signing.certificate });
      const now = clock();
      const consent: LatestConsent = {
        ...{ id: randomUUID(), subjectId, clientId, items },
        sealedReference: sealReference(vault, reference),
        consentedAt: now,
        expiresAt: endOfDay(until),
      };
      try {
        await storage.transaction(async (stores) => {
          await stores.latestConsents.replace({ ...consent, sealedDocument: vault.seal(PURPOSE_DOCUMENT, document) });
          const data = { consent: consent.id, attributes: items, until };
          const actor = `subject:${subjectId}`;
          await stores.audit.append({ kind: 'latest_attributes.consented', actor, subjectId, clientId, data }, now);
        });
      } catch (error) {
        // Nobody would ever withdraw what is not kept here.
        await source.withdraw(reference).catch(() => {});
        throw error;
      }
      return consent;
    },

    async withdraw(subjectId, clientId) {
      const now = clock();
      const live = await storage.latestConsents.findLive(subjectId, clientId, now);
      if (live === undefined) return false;
      const isEnded = await endLatestConsent(storage, live, 'person', now);
      if (isEnded) await tell(live);
      return isEnded;
    },

    async tellAuthority() {
      const now = clock();
      const untold = await storage.latestConsents.takeUntold(now, now - TELL_AGAIN, TELL_TOGETHER);
      for (const consent of untold) {
        // One that is away is away for the others, too: they are taken again in their turn.
        if (!(await tell(consent))) return;
      }
    },
  };
}

/** With its audit event. False when it had ended already. */
export async function endLatestConsent(
  storage: Storage,
  { id, subjectId, clientId }: LatestConsent,
  by: 'person' | 'authority',
  now: number,
): Promise<boolean> {
  return storage.transaction(async (stores) => {
    if (!(await stores.latestConsents.end(id, by, now))) return false;
    const actor = by === 'person' ? `subject:${subjectId}` : 'authority';
    const data = { consent: id };
    await stores.audit.append({ kind: 'latest_attributes.withdrawn', actor, subjectId, clientId, data }, now);
    return true;
  });
}

/** The authority's name for a consent, as it is kept. */
export function sealReference(vault: Vault, reference: string): Uint8Array {
  return vault.seal(PURPOSE_REFERENCE, Buffer.from(reference));
}

export function openReference(vault: Vault, sealed: Uint8Array): string {
  return Buffer.from(vault.open(PURPOSE_REFERENCE, sealed)).toString();
}
