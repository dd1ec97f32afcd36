import { randomUUID } from 'node:crypto';
import type { StatusDemand } from '../authentication/decision_log.ts';
import type { VerifiedCertificate } from '../authentication/verify_certificate.ts';
import type { Stores } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import { type Application, type ApplicationTerms, applicationText } from './application.ts';
import { type Comparison, compareAttributes } from './compare_attributes.ts';
import { type AttributeName, attributesPresent, type FourAttributes } from './four_attributes.ts';
import type { SubjectEvents } from './happenings.ts';
import { cardCheckOf, certificateRecord, type Identity } from './identity.ts';
import type { KnownLookup } from './identity_store.ts';
import { conflict } from './linkage.ts';
import { matchOf, sealAttributes } from './registered_attributes.ts';
import { otherPerson, type SignatureVerifier, type SignedTogether } from './signed_together.ts';

/** What came back from the card, with the form that it was for. */
export interface EnrolmentRequest {
  readonly application: Application;
  /** The user key's answer to the challenge, as the page delivered it. */
  readonly token: string;
  /** DER of the application signed with the signing key. */
  readonly document: Uint8Array;
  readonly nonce: string;
  /** Origin of our own page: what the browser named to the card agent. */
  readonly origin: string;
  /** The interaction that asked. */
  readonly session: string;
  /** What the user certificate is checked for; the signing certificate is checked by the same policy. */
  readonly demand: StatusDemand;
  /** Who is signed in; undefined for somebody who signs in by enrolling. */
  readonly signedInAs: string | undefined;
  /** That the person was told of `registered_before`, and says that it is not theirs. */
  readonly isSomebodyElse: boolean;
}

export type EnrolmentOutcome =
  | {
      readonly outcome: 'enrolled';
      readonly subjectId: string;
      readonly user: VerifiedCertificate;
      readonly attributes: FourAttributes;
    }
  /** The form says something else than the certificate; nothing was bound. Shown to nobody but the holder of both keys. */
  | {
      readonly outcome: 'differs';
      readonly comparison: Readonly<Record<AttributeName, Comparison>>;
      readonly attributes: FourAttributes;
    }
  /** Somebody registered the same four attributes with a card that is gone; nothing was bound, and they are asked. */
  | { readonly outcome: 'registered_before' };

export interface Enrolments {
  /** What applications say of the operator's terms of use now. */
  readonly terms: ApplicationTerms;
  /**
   * 利用申込 (flows §2): verifies both certificates and that both keys signed the same challenge, has the authority confirm
   * that both are one person's, compares the form with the certificate, and binds subject, certificates and attributes in
   * one transaction. Whatever comes of it, the challenge is spent.
   *
   * Throws HubError: the codes of SignatureVerifier and of Identity.subjectOf; `signing_other_person` (403).
   */
  enrol(request: EnrolmentRequest): Promise<EnrolmentOutcome>;
}

export interface EnrolmentWorld {
  signatures: SignatureVerifier;
  identity: Identity;
  /** Relying parties hear that the attributes are vouched for (again). */
  events: SubjectEvents;
  vault: Vault;
  terms: ApplicationTerms;
  clock: Clock;
}

const PURPOSE_APPLICATION = 'enrolment.application';

/** Of those who registered the same four attributes before, more than one can be nobody's predecessor. */
const REGISTERED_SOUGHT = 2;

/** Ends the transaction, so that the person can be asked. */
class AskFirst extends Error {}

/** One list: what the card signed, the form against the certificate, the authority's word on both, then the binding. */
export function createEnrolments(world: EnrolmentWorld): Enrolments {
  const { signatures, identity, events, vault, terms, clock } = world;

  /** Throws when the certificate is somebody else's: nothing of the transaction stays. */
  async function bindSigning(stores: Stores, subjectId: string, verified: VerifiedCertificate): Promise<Uint8Array> {
    const now = clock();
    const record = certificateRecord(vault, verified.certificate, 'signing', subjectId);
    await stores.enrolments.supersedePastSigningCertificates(subjectId, now);
    if (await stores.identity.insertCertificate(record, cardCheckOf(verified), now)) return record.lookup;
    const known = await stores.identity.find(record.lookup);
    if (known?.subjectId !== subjectId || known.kind !== 'signing') throw otherPerson();
    if (known.status !== 'current') throw conflict('the signing certificate has a successor already');
    return record.lookup;
  }

  /**
   * The registration that somebody takes over whom the authority cannot connect with it: the same four attributes, wholly
   * known, no other candidate, every card of it ended, and the person's signed word that it is theirs. Attributes alone
   * connect nobody.
   */
  async function registeredBefore(
    stores: Stores,
    attributes: FourAttributes,
    takesOver: boolean,
    isSomebodyElse: boolean,
  ): Promise<KnownLookup | undefined> {
    const match = matchOf(vault, attributes);
    if (match === undefined) return undefined;
    // Of two new cards with these attributes the second finds that the registration has a living card by now.
    await stores.identity.reserve([match]);
    const [found, another] = await stores.enrolments.findRegistered(match, clock(), REGISTERED_SOUGHT);
    if (found === undefined || another !== undefined || found.hasLivingCard) return undefined;
    if (takesOver) return found;
    if (isSomebodyElse) return undefined;
    throw new AskFirst();
  }

  async function keep(stores: Stores, subjectId: string, proof: Proof): Promise<void> {
    const { signing, attributes, document } = proof;
    const now = clock();
    const certificate = await bindSigning(stores, subjectId, signing);
    await stores.enrolments.keepAttributes({
      subjectId,
      sealed: sealAttributes(vault, attributes),
      certificate,
      obtainedAt: now,
      match: matchOf(vault, attributes),
    });
    await stores.enrolments.keepApplication({
      id: randomUUID(),
      subjectId,
      certificate,
      sealedDocument: vault.seal(PURPOSE_APPLICATION, document),
      termsVersion: terms.version,
      enrolledAt: now,
    });
    const data = {
      certificate: signing.certificate.fingerprint.slice(0, 16),
      attributes: attributesPresent(attributes),
      terms: terms.version,
    };
    await stores.audit.append({ kind: 'subject.enrolled', actor: `subject:${subjectId}`, subjectId, data }, now);
    await events.emit(stores, subjectId, ['attributes_current']);
  }

  return {
    terms,
    async enrol({ application, token, document, nonce, origin, session, demand, signedInAs, isSomebodyElse }) {
      const signed = await signatures.verify({
        ...{ token, document, nonce, origin, session, demand, purpose: 'enrolment' },
        text: applicationText(application, { origin, nonce, terms }),
      });
      const { user, signing, attributes } = signed;
      const comparison = compareAttributes(attributes, application);
      // A question costs money: none is asked for a form that has to be written again.
      if (Object.values(comparison).some(({ verdict }) => verdict === 'different')) {
        return { outcome: 'differs', comparison, attributes };
      }
      await signatures.confirmOnePerson(signed);

      try {
        const { subjectId } = await identity.subjectOf(user, {
          recognise: (stores) => registeredBefore(stores, attributes, application.takesOver, isSomebodyElse),
          async keep(stores, subject) {
            if (signedInAs !== undefined && subject !== signedInAs) throw otherPerson();
            await keep(stores, subject, { signing, attributes, document });
          },
        });
        return { outcome: 'enrolled', subjectId, user, attributes };
      } catch (error) {
        if (error instanceof AskFirst) return { outcome: 'registered_before' };
        throw error;
      }
    },
  };
}

interface Proof extends Pick<SignedTogether, 'signing' | 'attributes'> {
  readonly document: Uint8Array;
}
