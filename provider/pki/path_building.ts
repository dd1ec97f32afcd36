import type { Certificate } from './certificate.ts';
import { parseCertificate } from './certificate.ts';
import { sameOctets } from './der_values.ts';
import { PkiError } from './errors.ts';
import type { TrustAnchor } from './path.ts';
import { findAnchor, namesKeyOf, timelinessOf } from './path.ts';
import type { PolicyInputs } from './path_policy.ts';
import { checkAuthority, checkFinal, validatePath } from './path_validation.ts';
import type { CertificateProfile } from './profile.ts';
import { checkPolicy } from './profile.ts';

/** How much work one certificate may cause, whatever is sent along with it. */
export interface PathLimits {
  /** Certificates below the pinned root, the one in question included. */
  readonly maxLength: number;
  /** Signatures verified while looking for a path. */
  readonly maxSignatures: number;
  /** Certificates that a peer may send along. */
  readonly maxOffered: number;
}

/** Eight is twice what any eID uses; 32 signatures are a millisecond or two. */
export const defaultPathLimits: PathLimits = { maxLength: 8, maxSignatures: 32, maxOffered: 32 };

export interface PathOptions {
  /** The pinned roots that may vouch for this kind of certificate. */
  readonly anchors: readonly TrustAnchor[];
  /** Authorities that may stand in between, in any order, trusted in nothing: configured ones and those sent along. */
  readonly intermediates?: readonly Certificate[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Says how many authorities may stand in between and which policies are wanted. */
  readonly profile: CertificateProfile;
  /** Instead of what `policyInputs` makes of the profile. */
  readonly policies?: PolicyInputs;
  readonly limits?: PathLimits;
}

/** A certificate's way to a pinned root. */
export interface CertificatePath {
  readonly anchor: TrustAnchor;
  /** The certificate in question first, the one that the root signed last; the root is not among them. */
  readonly path: readonly Certificate[];
}

/** What a profile demands of policies along a path: one of its own, if it names any, must come all the way. */
export function policyInputs(profile: CertificateProfile): PolicyInputs {
  return {
    policies: profile.policies,
    explicitPolicy: profile.policies.length > 0,
    inhibitMapping: false,
    inhibitAny: false,
  };
}

/**
 * Finds a path to a pinned root (RFC 4158) and judges it by RFC 5280 §6.1. Names say where to look, the signature
 * decides, so that generations of one name, cross-certificates and strangers with a copied name are told apart.
 *
 * The search is bounded by `limits` whatever is offered: a certificate and a key stand in a path once, every link that
 * is tried costs one of the counted signatures, and when they are used up the answer is no.
 *
 * Says nothing about the kind of certificate (`checkProfile`, `checkKeyUsage`) and nothing about revocation.
 *
 * @throws PkiError what `validatePath` throws for the path that came furthest; `certificate_untrusted`,
 *   `certificate_anchor_expired`, `path_too_long`, `path_work_exceeded`.
 */
export function checkPath(certificate: Certificate, options: PathOptions): CertificatePath {
  const { anchors, now, profile, policies } = options;
  if (profile.maxIntermediates === 0 && policies === undefined && !profile.strictIssuing) {
    // When the root itself must have signed, and lays down nothing, no more than this is left of §6.1.
    checkPolicy(certificate, profile);
    checkFinal(certificate, now);
    return { anchor: findAnchor(certificate, anchors, now), path: [certificate] };
  }
  return new PathSearch(options).find(certificate);
}

/**
 * Reads what a peer sent along with its certificate. What cannot be read is left out: nobody is refused for a stray
 * certificate, only for a missing one.
 *
 * @throws PkiError `path_work_exceeded` when there are more than `maxOffered`; none is read then.
 */
export function readOffered(offered: readonly Uint8Array[], limits: PathLimits = defaultPathLimits): Certificate[] {
  if (offered.length > limits.maxOffered) {
    throw new PkiError('path_work_exceeded', 'more certificates were sent along than are looked at');
  }
  return offered.flatMap((der) => {
    try {
      return [parseCertificate(der)];
    } catch (error) {
      if (error instanceof PkiError) return [];
      throw error;
    }
  });
}

/** How far a candidate came before it failed; the furthest tells the person most. */
const Progress = { none: 0, issuer: 1, anchor: 2, complete: 3 } as const;

class PathSearch {
  readonly #options: PathOptions;
  readonly #policies: PolicyInputs;
  readonly #intermediates: readonly Certificate[];
  readonly #maxLength: number;
  #signaturesLeft: number;
  #problem: PkiError | undefined;
  #progress: number = Progress.none;

  constructor(options: PathOptions) {
    const { profile, limits = defaultPathLimits } = options;
    this.#options = options;
    this.#policies = options.policies ?? policyInputs(profile);
    this.#intermediates = profile.maxIntermediates === 0 ? [] : (options.intermediates ?? []);
    this.#maxLength = Math.min(limits.maxLength, profile.maxIntermediates + 1);
    this.#signaturesLeft = limits.maxSignatures;
  }

  find(certificate: Certificate): CertificatePath {
    const found = this.#extend([certificate]);
    if (found !== undefined) return found;
    throw this.#problem ?? new PkiError('certificate_untrusted', 'no trusted root signed the certificate');
  }

  #extend(path: readonly Certificate[]): CertificatePath | undefined {
    const top = path.at(-1);
    if (top === undefined) return undefined;
    const { anchors, now } = this.#options;
    for (const anchor of byLikelihood(top, anchors, (each) => each.certificate)) {
      if (!this.#isLinked(top, anchor.certificate)) continue;
      const problem = this.#judge(path, anchor, now);
      if (problem === undefined) return { anchor, path };
    }
    for (const candidate of byLikelihood(top, this.#intermediates, (each) => each)) {
      if (path.some((each) => sameOctets(each.keyOctets, candidate.keyOctets) && sameName(each, candidate))) continue;
      if (path.length === this.#maxLength) {
        this.#note(Progress.issuer, new PkiError('path_too_long', 'there are more authorities than may be'));
        return undefined;
      }
      if (!this.#isLinked(top, candidate) || !this.#isAuthority(candidate, now)) continue;
      const found = this.#extend([...path, candidate]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The issuer's key made the signature. Whoever offers much to try uses up the allowance. */
  #isLinked(certificate: Certificate, issuer: Certificate): boolean {
    if (this.#signaturesLeft === 0) {
      throw new PkiError('path_work_exceeded', 'looking for a path takes more signatures than are verified');
    }
    this.#signaturesLeft -= 1;
    try {
      return certificate.isSignedBy(issuer.publicKey);
    } catch (error) {
      // A stray certificate with an impossible key signed nothing.
      if (error instanceof PkiError) return false;
      throw error;
    }
  }

  #isAuthority(candidate: Certificate, now: number): boolean {
    return this.#keepProblem(Progress.issuer, () => checkAuthority(candidate, now)) === undefined;
  }

  #judge(path: readonly Certificate[], anchor: TrustAnchor, now: number): PkiError | undefined {
    const timeliness = timelinessOf(anchor.certificate, now);
    if (timeliness === 'early') {
      return this.#note(Progress.none, new PkiError('certificate_untrusted', 'the root is not valid yet'));
    }
    if (timeliness === 'late') {
      const expired = new PkiError('certificate_anchor_expired', 'the root that signed the certificate has expired');
      return this.#note(Progress.anchor, expired);
    }
    return this.#keepProblem(Progress.complete, () =>
      validatePath(path, anchor, {
        now,
        policies: this.#policies,
        strictIssuing: this.#options.profile.strictIssuing ?? false,
      }),
    );
  }

  #keepProblem(progress: number, check: () => void): PkiError | undefined {
    try {
      check();
      return undefined;
    } catch (error) {
      if (error instanceof PkiError) return this.#note(progress, error);
      throw error;
    }
  }

  #note(progress: number, problem: PkiError): PkiError {
    if (progress > this.#progress) {
      this.#progress = progress;
      this.#problem = problem;
    }
    return problem;
  }
}

/** Those whose name is the certificate's issuer, the one whose key identifier it gives first. */
function byLikelihood<T>(certificate: Certificate, all: readonly T[], certificateOf: (each: T) => Certificate): T[] {
  const named = all.filter((each) => isNamedIssuer(certificate, certificateOf(each)));
  if (named.length < 2) return named;
  const likelihood = (each: T) => (namesKeyOf(certificate, certificateOf(each)) ? 1 : 0);
  return named.sort((left, right) => likelihood(right) - likelihood(left));
}

function isNamedIssuer(certificate: Certificate, issuer: Certificate): boolean {
  return sameOctets(certificate.issuer, issuer.subject) || certificate.foldedIssuer === issuer.foldedSubject;
}

function sameName(left: Certificate, right: Certificate): boolean {
  return sameOctets(left.subject, right.subject) || left.foldedSubject === right.foldedSubject;
}
