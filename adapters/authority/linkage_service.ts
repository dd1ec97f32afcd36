import { createLocalJWKSet, flattenedVerify, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { HubError } from '../../provider/errors.ts';
import type { CertificateReference, LinkageSource } from '../../provider/identity/linkage.ts';
import type { Clock } from '../../provider/world.ts';
import { type Download, DownloadError, download, type Transport } from './download.ts';
import type { AuthorityLog } from './log.ts';

export interface LinkageServiceWorld extends Transport {
  readonly url: string;
  /** Proves to the authority that it is the hub that asks. */
  readonly token: string;
  /** Public keys that its answers are signed with. */
  readonly keys: JSONWebKeySet;
  /** Milliseconds for one question: a person is waiting. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: AuthorityLog;
}

/** Octets. An answer holds one reference and what was asked. */
const MAX_ANSWER = 16 * 1024;
/** Milliseconds by which an answer may be older or newer than now, clocks and the way included. */
const MAX_AGE = 5 * 60_000;
/** Seconds after which a person may try again. */
const RETRY_AFTER = 30;
/** The header with the detached signature (RFC 7515 appendix F) over the very octets of the body. */
const SIGNATURE_HEADER = 'authority-signature';

const referenceSchema = { issuer: z.base64().min(1).max(1400), serial: z.string().regex(/^(?:[0-9a-f]{2}){1,20}$/) };
const askedSchema = z.object({
  ...referenceSchema,
  want: z.enum(['predecessor', 'successor', 'auth', 'sign', 'other-device']),
});
const answerSchema = z.object({
  asked: askedSchema,
  answeredAt: z.iso.datetime(),
  issuer: referenceSchema.issuer.optional(),
  serial: referenceSchema.serial.optional(),
  error: z.string().max(100).optional(),
});
type Asked = z.infer<typeof askedSchema>;

/**
 * The authority's linkage service (証明書新旧紐付け情報, 証明書紐付け情報, and card and phone by article 18(4)). Its wire format is not public (fact sheet §3.3): this is the
 * sandbox's, with everything about it in this file. An answer is believed when it is signed by the authority, about what was
 * asked, and of now.
 */
export function createLinkageService(world: LinkageServiceWorld): LinkageSource {
  const keys = createLocalJWKSet(world.keys);

  async function ask(reference: CertificateReference, want: Asked['want']): Promise<CertificateReference | undefined> {
    const asked: Asked = {
      issuer: Buffer.from(reference.issuer).toString('base64'),
      serial: Buffer.from(reference.serial).toString('hex'),
      want,
    };
    const answer = await download(world, world.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.token}` },
      body: Buffer.from(JSON.stringify(asked)),
      timeout: world.timeout,
      maxSize: MAX_ANSWER,
      // Refusals are signed answers, too.
      statuses: [200, 404, 410],
    });
    const { issuer, serial, error } = await authentic(answer, asked);
    if (answer.status !== 200) {
      if (error === 'linkage_none' || error === 'linkage_ended') return undefined;
      throw new UnusableAnswer('linkage_refused');
    }
    if (issuer === undefined || serial === undefined) throw new UnusableAnswer('linkage_malformed');
    return { issuer: Buffer.from(issuer, 'base64'), serial: contentOctets(serial) };
  }

  async function authentic({ body, headers }: Download, asked: Asked): Promise<z.infer<typeof answerSchema>> {
    const [protectedHeader = '', empty, signature = ''] = (headers.get(SIGNATURE_HEADER) ?? '').split('.');
    const payload = Buffer.from(body).toString('base64url');
    try {
      if (empty !== '') throw new Error('the signature is not detached');
      await flattenedVerify({ protected: protectedHeader, payload, signature }, keys, { algorithms: ['ES256'] });
    } catch (cause) {
      throw new UnusableAnswer('linkage_signature', { cause });
    }
    const answer = answerSchema.safeParse(readJson(body));
    if (!answer.success) throw new UnusableAnswer('linkage_malformed');
    const isOfThis = Object.entries(asked).every(([name, value]) => answer.data.asked[name as keyof Asked] === value);
    if (!isOfThis) throw new UnusableAnswer('linkage_other_question');
    if (Math.abs(world.clock() - Date.parse(answer.data.answeredAt)) > MAX_AGE)
      throw new UnusableAnswer('linkage_stale');
    return answer.data;
  }

  async function told(reference: CertificateReference, want: Asked['want']) {
    try {
      return await ask(reference, want);
    } catch (cause) {
      const known = cause instanceof UnusableAnswer || cause instanceof DownloadError;
      const reason = known ? cause.code : 'unexpected_error';
      world.log.warn({ code: reason, ...(known ? {} : { err: cause }) }, 'linkage not told');
      throw new HubError('linkage_unavailable', 503, 'Whose card this is cannot be checked just now.', {
        details: { reason },
        retryAfter: RETRY_AFTER,
        cause,
      });
    }
  }

  return {
    predecessor: (reference) => told(reference, 'predecessor'),
    successor: (reference) => told(reference, 'successor'),
    counterpart: (reference, kind) => told(reference, kind === 'user' ? 'auth' : 'sign'),
    otherDevice: (reference) => told(reference, 'other-device'),
  };
}

class UnusableAnswer extends Error {
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`the authority's answer is not usable: ${code}`, options);
    this.code = code;
  }
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The INTEGER's content octets of a serial that is told as a number: a leading zero octet keeps it positive. */
function contentOctets(hex: string): Uint8Array {
  const octets = Buffer.from(hex.replace(/^(?:00)+(?=..)/, ''), 'hex');
  return octets.readUInt8(0) < 0x80 ? octets : Buffer.concat([Buffer.of(0), octets]);
}
