import { hash } from 'node:crypto';
import { z } from 'zod';
import type { LatestAnswer, LatestAttributesSource } from '../../provider/attributes/latest_attributes_source.ts';
import { HubError } from '../../provider/errors.ts';
import type { FourAttributes, RegisteredText } from '../../provider/identity/four_attributes.ts';
import type { Random } from '../../provider/world.ts';
import { CircuitBreaker } from '../circuit_breaker.ts';
import { namedReference } from './linkage_service.ts';
import { createSignedAnswers, type SignedAnswersWorld, UnusableAnswer } from './signed_answers.ts';

export interface LatestAttributesServiceWorld extends SignedAnswersWorld {
  /** `consents` and `latest-attributes` are below it. */
  readonly url: string;
  readonly random: Random;
}

/** Seconds after which a person may try again. */
const RETRY_AFTER = 30;
/** Userinfo requests must not each wait for an authority that is away. Milliseconds. */
const BREAKER = { failures: 3, delay: 5000, maxDelay: 5 * 60_000 };
/** Code points of a name or an address in a certificate. */
const MAX_TEXT = 400;

/** Its name for a consent; goes into addresses. */
const consentId = z.uuid();

const attributesSchema = {
  changedAt: z.iso.datetime().optional(),
  name: z.string().min(1).max(MAX_TEXT).optional(),
  address: z.string().min(1).max(MAX_TEXT).optional(),
  birthdate: z.iso.date().optional(),
  gender: z.enum(['1', '2', '3']).optional(),
};

/** The authority's service for the latest four attributes (最新の利用者情報（4情報）提供サービス). */
export function createLatestAttributesService(world: LatestAttributesServiceWorld): LatestAttributesSource {
  const { clock, timeout, random } = world;
  const answers = createSignedAnswers('latest_attributes', world);
  const breaker = new CircuitBreaker({ ...BREAKER, probeTime: timeout }, random);
  const base = world.url.replace(/\/+$/, '');
  const consentUrl = (id: string) => `${base}/consents/${encodeURIComponent(id)}`;

  /** Everything that goes to the authority: an answer that was understood closes the circuit, whatever it says. */
  async function told<T>(work: () => Promise<T>): Promise<T> {
    const comeBackAt = breaker.admit(clock());
    if (comeBackAt !== undefined) {
      throw unavailable('circuit_open', undefined, Math.max(1, Math.ceil((comeBackAt - clock()) / 1000)));
    }
    try {
      const result = await answers.telling(work, unavailable);
      breaker.succeeded();
      return result;
    } catch (error) {
      breaker.failed(clock());
      throw error;
    }
  }

  return {
    async consent({ document, signer, items, until }) {
      const digest = hash('sha256', document, 'base64url');
      const asked = { ...namedReference(signer), items: items.join(','), until, document: digest };
      const answer = await told(async () => {
        const { status, body } = await answers.ask({
          url: `${base}/consents`,
          method: 'POST',
          body: { ...namedReference(signer), items, until, document: Buffer.from(document).toString('base64') },
          asked,
          statuses: [201, 409],
          answer: { id: consentId.optional() },
        });
        if (status === 409 && body.error === 'certificate_ended') return 'certificate_ended' as const;
        if (status !== 201 || body.id === undefined) throw new UnusableAnswer('latest_attributes_refused');
        return { id: body.id };
      });
      if (answer !== 'certificate_ended') return answer.id;
      throw new HubError('signing_certificate_not_accepted', 403, 'The authority does not take the certificate.');
    },

    latest: (consent) =>
      told(async (): Promise<LatestAnswer> => {
        const { status, body } = await answers.ask({
          url: `${base}/latest-attributes?consent=${encodeURIComponent(consent)}`,
          method: 'GET',
          asked: { consent },
          statuses: [200, 404, 409, 410],
          answer: attributesSchema,
        });
        if (status === 200) return { outcome: 'told', attributes: attributesOf(body) };
        if (body.error === 'consent_ended' || body.error === 'consent_unknown') return { outcome: 'consent_ended' };
        if (body.error === 'certificate_ended') return { outcome: 'certificate_ended' };
        throw new UnusableAnswer('latest_attributes_refused');
      }),

    withdraw: (consent) =>
      told(async () => {
        const { status, body } = await answers.ask({
          url: consentUrl(consent),
          method: 'DELETE',
          asked: { consent },
          statuses: [200, 404, 410],
          answer: {},
        });
        const isOver = body.error === 'consent_ended' || body.error === 'consent_unknown';
        if (status !== 200 && !isOver) throw new UnusableAnswer('latest_attributes_refused');
      }),
  };
}

function unavailable(reason: string, cause?: unknown, retryAfter: number = RETRY_AFTER): HubError {
  return new HubError('latest_attributes_unavailable', 503, 'The authority cannot be asked just now.', {
    details: { reason },
    retryAfter,
    cause,
  });
}

/** 1 男, 2 女, 3 不明. */
const GENDERS = { 1: 'male', 2: 'female', 3: 'unknown' } as const;

function attributesOf(told: z.infer<z.ZodObject<typeof attributesSchema>>): Partial<FourAttributes> {
  const { name, address, birthdate, gender } = told;
  const [year, month, day] = birthdate?.split('-').map(Number) ?? [];
  return {
    ...(name !== undefined && { name: written(name) }),
    ...(address !== undefined && { address: written(address) }),
    ...(birthdate !== undefined && { birthdate: { year, month, day } }),
    ...(gender !== undefined && { gender: GENDERS[gender] }),
  };
}

/** The register's own characters: nothing stands in for another. */
function written(text: string): RegisteredText {
  return { text, substitutes: Array.from(text, () => false) };
}
