import type { StatusDemand } from '../authentication/decision_log.ts';
import { HubError } from '../errors.ts';
import { certificateLookup } from '../identity/identity.ts';
import { otherPerson, type SignatureVerifier } from '../identity/signed_together.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import { receiptText } from './receipt_text.ts';

type LabelOf = Parameters<typeof receiptText>[1];

/** What came back from the card, with the receipt that it was for. */
export interface ReceiptSignatureRequest {
  readonly subjectId: string;
  readonly clientId: string;
  readonly receiptId: string;
  readonly labelOf: LabelOf;
  readonly token: string;
  readonly document: Uint8Array;
  readonly nonce: string;
  readonly origin: string;
  readonly session: string;
  readonly demand: StatusDemand;
}

/** Receipts that the person signs, too, with the signing certificate of their card. */
export interface ReceiptSignatures {
  /**
   * What is to be signed. @throws HubError `receipt_not_found` (404) for a receipt that is not this subject's.
   */
  textOf(
    receipt: { subjectId: string; receiptId: string },
    labelOf: LabelOf,
    binding: { origin: string; nonce: string },
  ): Promise<string>;
  /**
   * Verifies what the card signed as an enrolment is verified, and keeps it with the receipt. The document names its signer:
   * it is encrypted, and never leaves.
   *
   * Throws HubError: the codes of SignatureVerifier; `receipt_not_found` (404), `signing_other_person` (403).
   */
  sign(request: ReceiptSignatureRequest): Promise<void>;
}

const PURPOSE = 'consent.receipt_signature';

export function createReceiptSignatures(world: {
  storage: Storage;
  vault: Vault;
  signatures: SignatureVerifier;
  clock: Clock;
}): ReceiptSignatures {
  const { storage, vault, signatures, clock } = world;

  const textOf: ReceiptSignatures['textOf'] = async ({ subjectId, receiptId }, labelOf, binding) => {
    const receipt = await storage.consents.findReceipt(subjectId, receiptId);
    if (!receipt) throw new HubError('receipt_not_found', 404, 'There is no such receipt.');
    return receiptText(receipt, labelOf, binding);
  };

  return {
    textOf,

    async sign({ subjectId, clientId, receiptId, labelOf, token, document, nonce, origin, session, demand }) {
      const signed = await signatures.verify({
        ...{ token, document, nonce, origin, session, demand, purpose: 'consent-receipt' },
        text: await textOf({ subjectId, receiptId }, labelOf, { origin, nonce }),
      });
      const { issuer, serial } = signed.user.certificate;
      const card = await storage.identity.find(certificateLookup(vault, issuer, serial));
      if (card?.subjectId !== subjectId || card.kind !== 'user' || card.status !== 'current') throw otherPerson();
      await signatures.confirmOnePerson(signed);
      const now = clock();
      await storage.transaction(async (stores) => {
        await stores.consents.addReceiptSignature(subjectId, receiptId, vault.seal(PURPOSE, document), now);
        await stores.audit.append(
          {
            kind: 'consent.receipt_signed',
            actor: `subject:${subjectId}`,
            subjectId,
            clientId,
            data: { receipt: receiptId },
          },
          now,
        );
      });
    },
  };
}
