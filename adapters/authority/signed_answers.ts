import { createLocalJWKSet, flattenedVerify, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { HubError } from '../../provider/errors.ts';
import type { Clock } from '../../provider/world.ts';
import { type Download, DownloadError, download, type Transport } from './download.ts';
import type { AuthorityLog } from './log.ts';

export interface SignedAnswersWorld extends Transport {
  /** Proves to the authority that it is the hub that asks. */
  readonly token: string;
  /** Public keys that its answers are signed with. */
  readonly keys: JSONWebKeySet;
  /** Milliseconds for one question: a person is waiting. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: AuthorityLog;
}

export interface Question<Shape extends z.ZodRawShape> {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** What the answer must say that it answers. */
  readonly asked: Readonly<Record<string, string>>;
  /** Statuses that are answers; refusals are signed, too. */
  readonly statuses: readonly number[];
  /** What an answer may hold beside `asked` and `answeredAt`; `error` in a refusal. */
  readonly answer: Shape;
}

export interface SignedAnswer<Body> {
  readonly status: number;
  readonly body: Body;
}

type BodyOf<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<Shape>> & { readonly error?: string | undefined };

export interface SignedAnswers {
  /**
   * One question to the authority, whose answer is believed when it is signed by the authority, about what was asked, and
   * of now.
   *
   * @throws UnusableAnswer, DownloadError.
   */
  ask<Shape extends z.ZodRawShape>(question: Question<Shape>): Promise<SignedAnswer<BodyOf<Shape>>>;
  /**
   * Runs `work`, and puts what `ask` threw, and anything unforeseen, into the log and into one error for the person.
   *
   * @throws HubError what `work` throws of that kind, and `unavailable`'s otherwise.
   */
  telling<T>(work: () => Promise<T>, unavailable: (reason: string, cause: unknown) => HubError): Promise<T>;
}

/** Octets. An answer holds little more than what was asked. */
const MAX_ANSWER = 16 * 1024;
/** Milliseconds by which an answer may be older or newer than now, clocks and the way included. */
const MAX_AGE = 5 * 60_000;
/** The header with the detached signature (RFC 7515 appendix F) over the very octets of the body. */
const SIGNATURE_HEADER = 'authority-signature';

/** What the authority tells registered verifiers only; its wire format is not public (fact sheet §3.3, §3.4), and this is the sandbox's. */
export function createSignedAnswers(service: string, world: SignedAnswersWorld): SignedAnswers {
  const keys = createLocalJWKSet(world.keys);
  const unusable = (what: string, options?: ErrorOptions) => new UnusableAnswer(`${service}_${what}`, options);

  async function assertSigned({ body, headers }: Download): Promise<void> {
    const [protectedHeader = '', empty, signature = ''] = (headers.get(SIGNATURE_HEADER) ?? '').split('.');
    const payload = Buffer.from(body).toString('base64url');
    try {
      if (empty !== '') throw new Error('the signature is not detached');
      await flattenedVerify({ protected: protectedHeader, payload, signature }, keys, { algorithms: ['ES256'] });
    } catch (cause) {
      throw unusable('signature', { cause });
    }
  }

  return {
    async ask<Shape extends z.ZodRawShape>({ url, method, body, asked, statuses, answer }: Question<Shape>) {
      const downloaded = await download(world, url, {
        method,
        headers: {
          authorization: `Bearer ${world.token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
        timeout: world.timeout,
        maxSize: MAX_ANSWER,
        statuses,
      });
      await assertSigned(downloaded);
      const told = readJson(downloaded.body);
      const common = commonSchema.safeParse(told);
      const own = z.object(answer).safeParse(told);
      if (!common.success || !own.success) throw unusable('malformed');
      const isOfThis = Object.entries(asked).every(([name, value]) => common.data.asked[name] === value);
      if (!isOfThis) throw unusable('other_question');
      if (Math.abs(world.clock() - Date.parse(common.data.answeredAt)) > MAX_AGE) throw unusable('stale');
      return { status: downloaded.status, body: { ...own.data, error: common.data.error } as BodyOf<Shape> };
    },

    async telling(work, unavailable) {
      try {
        return await work();
      } catch (cause) {
        const known = cause instanceof UnusableAnswer || cause instanceof DownloadError;
        const reason = known ? cause.code : 'unexpected_error';
        world.log.warn({ code: reason, ...(known ? {} : { err: cause }) }, `${service} not told`);
        throw unavailable(reason, cause);
      }
    },
  };
}

const commonSchema = z.object({
  asked: z.record(z.string().max(100), z.unknown()),
  answeredAt: z.iso.datetime(),
  error: z.string().max(100).optional(),
});

/** The authority answered, and nothing follows from what it said. */
export class UnusableAnswer extends Error {
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
