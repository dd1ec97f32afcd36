import type { RevocationVerdict } from '../../provider/authentication/revocation.ts';
import { HubError } from '../../provider/errors.ts';
import type { AskedCertificate, Certificate, OcspAnswer, TrustAnchor } from '../../provider/pki/index.ts';
import { buildOcspRequest, MAX_OCSP_RESPONSE_SIZE, PkiError, parseOcspResponse } from '../../provider/pki/index.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { CircuitBreaker } from '../circuit_breaker.ts';
import { isAtHost } from './address.ts';
import type { Transport } from './download.ts';
import { DownloadError, download } from './download.ts';
import type { AuthorityLog } from './log.ts';
import type { AuthoritySettings } from './settings.ts';
import { SourceUnavailable } from './source_unavailable.ts';

/** RFC 9654 §2.1; RFC 8954 allowed as many. */
const NONCE_OCTETS = 32;
/** Milliseconds after which a person may try again when the responder has just failed. */
const RETRY_AFTER = 30_000;

export interface OcspSourceWorld extends Transport {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuthorityLog;
  readonly settings: AuthoritySettings;
  /** Address of the responder by anchor id. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Whether a fresh list says that a responder's own certificate is good. */
  readonly isResponderGood: (responder: Certificate, anchor: TrustAnchor) => boolean;
  /**
   * Hears of every question: they cost money.
   *
   * @param outcome `remembered`: it was not put, since the answer was known or another one for it was on its way.
   * @param askedFor the relying party on whose behalf; undefined for nobody's.
   */
  readonly onQuestion?: (outcome: 'asked' | 'remembered', askedFor: string | undefined) => void;
}

export interface OcspSourceStatus {
  readonly cached: number;
  readonly asked: number;
  readonly failed: number;
  /** Responders that are left alone for now, since they have failed too often. */
  readonly open: number;
}

/** Asks the authority about one certificate at a time and remembers each answer for as long as it says itself. */
export class OcspSource {
  readonly #world: OcspSourceWorld;
  /** Oldest first: a Map keeps the order in which keys came. */
  readonly #answers = new Map<string, RevocationVerdict>();
  readonly #underway = new Map<string, Promise<RevocationVerdict>>();
  /** By host: those are in the configuration, and so few. */
  readonly #breakers = new Map<string, CircuitBreaker>();
  #asked = 0;
  #failed = 0;

  constructor(world: OcspSourceWorld) {
    this.#world = world;
  }

  /** An answer that is still in date and not older than `maxAge` milliseconds, without asking. */
  known(
    certificate: AskedCertificate,
    anchor: TrustAnchor,
    now: number,
    maxAge = Number.POSITIVE_INFINITY,
  ): RevocationVerdict | undefined {
    if (this.#answers.size === 0) return undefined;
    const key = keyOf(certificate, anchor);
    const verdict = this.#answers.get(key);
    if (verdict !== undefined && now >= verdict.nextUpdate) {
      this.#answers.delete(key);
      return undefined;
    }
    return verdict !== undefined && now - verdict.thisUpdate <= maxAge ? verdict : undefined;
  }

  /** Where to ask about this certificate, if anywhere. */
  addressOf(certificate: Certificate, anchor: TrustAnchor): string | undefined {
    const { addresses, settings } = this.#world;
    const configured = addresses.get(anchor.id);
    if (configured !== undefined) return configured;
    return certificate.extensions.ocspAddresses.find((address) => isAtHost(address, settings.ocspHosts));
  }

  /**
   * The answer, from memory or from the responder at `address`. Several people waiting for the same answer share one question.
   *
   * @param maxAge milliseconds since its thisUpdate beyond which a remembered answer is asked for anew.
   * @param askedFor the relying party on whose behalf.
   * @throws SourceUnavailable; HubError `certificate_unknown`.
   */
  ask(
    address: string,
    certificate: AskedCertificate,
    anchor: TrustAnchor,
    maxAge?: number,
    askedFor?: string,
  ): Promise<RevocationVerdict> {
    const { onQuestion = () => {} } = this.#world;
    const key = keyOf(certificate, anchor);
    const known = this.known(certificate, anchor, this.#world.clock(), maxAge);
    const answer = known === undefined ? this.#underway.get(key) : Promise.resolve(known);
    onQuestion(answer === undefined ? 'asked' : 'remembered', askedFor);
    if (answer !== undefined) return answer;
    const asking = this.#ask(address, certificate, anchor, key).finally(() => this.#underway.delete(key));
    this.#underway.set(key, asking);
    return asking;
  }

  status(): OcspSourceStatus {
    const open = [...this.#breakers.values()].filter((breaker) => breaker.isOpen).length;
    return { cached: this.#answers.size, asked: this.#asked, failed: this.#failed, open };
  }

  async #ask(
    address: string,
    certificate: AskedCertificate,
    anchor: TrustAnchor,
    key: string,
  ): Promise<RevocationVerdict> {
    const { clock, log } = this.#world;
    const breaker = this.#breakerOf(address);
    const retryAt = breaker.admit(clock());
    if (retryAt !== undefined) throw new SourceUnavailable('ocsp_circuit_open', retryAt);
    this.#asked += 1;
    let answer: OcspAnswer;
    try {
      answer = await this.#exchange(address, certificate, anchor);
    } catch (error) {
      breaker.failed(clock());
      if (!(error instanceof PkiError || error instanceof DownloadError)) throw error;
      this.#failed += 1;
      log.warn({ anchor: anchor.id, code: error.code, circuitOpen: breaker.isOpen }, 'no usable OCSP answer');
      throw new SourceUnavailable(error.code, clock() + RETRY_AFTER, { cause: error });
    }
    breaker.succeeded();
    // RFC 6960 §2.2: "unknown" says that the responder does not know the certificate, not that it is good.
    if (answer.status === 'unknown') {
      log.warn({ anchor: anchor.id, code: 'certificate_unknown' }, 'the authority denies a certificate');
      throw new HubError('certificate_unknown', 403, 'The authority does not know the certificate on this card.');
    }
    return this.#remember(key, answer, answer.status);
  }

  async #exchange(address: string, certificate: AskedCertificate, anchor: TrustAnchor): Promise<OcspAnswer> {
    const { clock, random, settings, isResponderGood } = this.#world;
    const nonce = settings.ocspNonce === 'none' ? undefined : random(NONCE_OCTETS);
    // By POST only: the GET of RFC 5019 §5 would write the serial into addresses, and so into the logs of proxies.
    const { body } = await download(this.#world, address, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
      body: buildOcspRequest(certificate, anchor, { digest: settings.ocspDigest, nonce }),
      timeout: settings.ocspTimeout,
      maxSize: MAX_OCSP_RESPONSE_SIZE,
    });
    return parseOcspResponse(body, {
      certificate,
      anchor,
      nonce,
      nonceOptional: settings.ocspNonce === 'optional',
      now: clock(),
      skew: settings.ocspSkew,
      maxAge: settings.ocspMaxAge,
      isResponderGood: (responder) => isResponderGood(responder, anchor),
    });
  }

  #breakerOf(address: string): CircuitBreaker {
    const { random, settings } = this.#world;
    const host = new URL(address).host;
    let breaker = this.#breakers.get(host);
    if (breaker === undefined) {
      const { ocspBreakerFailures, ocspBreakerDelay, ocspBreakerMaxDelay, ocspTimeout } = settings;
      breaker = new CircuitBreaker(
        {
          failures: ocspBreakerFailures,
          delay: ocspBreakerDelay,
          maxDelay: ocspBreakerMaxDelay,
          probeTime: ocspTimeout,
        },
        random,
      );
      this.#breakers.set(host, breaker);
    }
    return breaker;
  }

  #remember(key: string, answer: OcspAnswer, status: RevocationVerdict['status']): RevocationVerdict {
    const { clock, settings } = this.#world;
    const { reason, revokedAt, thisUpdate, nextUpdate } = answer;
    const checkedAt = clock();
    const verdict: RevocationVerdict = { status, reason, revokedAt, source: 'ocsp', thisUpdate, nextUpdate, checkedAt };
    if (nextUpdate > checkedAt) {
      this.#answers.delete(key);
      this.#answers.set(key, verdict);
      for (const oldest of this.#answers.keys()) {
        if (this.#answers.size <= settings.ocspCacheSize) break;
        this.#answers.delete(oldest);
      }
    }
    return verdict;
  }
}

function keyOf(certificate: AskedCertificate, anchor: TrustAnchor): string {
  return `${anchor.id}:${Buffer.from(certificate.serial).toString('hex')}`;
}
