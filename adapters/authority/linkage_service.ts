import { z } from 'zod';
import { HubError } from '../../provider/errors.ts';
import type { CertificateReference, LinkageSource } from '../../provider/identity/linkage.ts';
import { createSignedAnswers, type SignedAnswersWorld, UnusableAnswer } from './signed_answers.ts';

export interface LinkageServiceWorld extends SignedAnswersWorld {
  readonly url: string;
}

/** Seconds after which a person may try again. */
const RETRY_AFTER = 30;

/** A certificate as the authority's services name it. */
export const referenceSchema = {
  issuer: z.base64().min(1).max(1400),
  serial: z.string().regex(/^(?:[0-9a-f]{2}){1,20}$/),
};

type Want = 'predecessor' | 'successor' | 'auth' | 'sign' | 'other-device';

/**
 * The authority's linkage service (証明書新旧紐付け情報, 証明書紐付け情報, and card and phone by article 18(4)).
 */
export function createLinkageService(world: LinkageServiceWorld): LinkageSource {
  const answers = createSignedAnswers('linkage', world);

  async function ask(reference: CertificateReference, want: Want): Promise<CertificateReference | undefined> {
    const asked = { ...namedReference(reference), want };
    const { status, body } = await answers.ask({
      url: world.url,
      method: 'POST',
      body: asked,
      asked,
      statuses: [200, 404, 410],
      answer: { issuer: referenceSchema.issuer.optional(), serial: referenceSchema.serial.optional() },
    });
    const { issuer, serial, error } = body;
    if (status !== 200) {
      if (error === 'linkage_none' || error === 'linkage_ended') return undefined;
      throw new UnusableAnswer('linkage_refused');
    }
    if (issuer === undefined || serial === undefined) throw new UnusableAnswer('linkage_malformed');
    return { issuer: Buffer.from(issuer, 'base64'), serial: contentOctets(serial) };
  }

  const told = (reference: CertificateReference, want: Want) =>
    answers.telling(
      () => ask(reference, want),
      (reason, cause) =>
        new HubError('linkage_unavailable', 503, 'Whose card this is cannot be checked just now.', {
          details: { reason },
          retryAfter: RETRY_AFTER,
          cause,
        }),
    );

  return {
    predecessor: (reference) => told(reference, 'predecessor'),
    successor: (reference) => told(reference, 'successor'),
    counterpart: (reference, kind) => told(reference, kind === 'user' ? 'auth' : 'sign'),
    otherDevice: (reference) => told(reference, 'other-device'),
  };
}

export function namedReference({ issuer, serial }: CertificateReference): { issuer: string; serial: string } {
  return { issuer: Buffer.from(issuer).toString('base64'), serial: Buffer.from(serial).toString('hex') };
}

/** The INTEGER's content octets of a serial that is told as a number: a leading zero octet keeps it positive. */
function contentOctets(hex: string): Uint8Array {
  const octets = Buffer.from(hex.replace(/^(?:00)+(?=..)/, ''), 'hex');
  return octets.readUInt8(0) < 0x80 ? octets : Buffer.concat([Buffer.of(0), octets]);
}
