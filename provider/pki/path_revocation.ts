import type { Certificate } from './certificate.ts';
import { ALL_REASONS, type DistributionPoint, directory, readDistributionPoints } from './distribution_point.ts';
import { PkiError } from './errors.ts';
import { foldName } from './name.ts';
import type { CertificatePath, PathLimits } from './path_building.ts';
import { checkPath, defaultPathLimits } from './path_building.ts';
import type { PathCrl } from './path_crl.ts';
import { plainUser } from './profile.ts';
import type { RevocationReason } from './revocation_reason.ts';

export interface PathRevocationOptions {
  /** Lists of the authorities on the path, in any order. */
  readonly lists: readonly PathCrl[];
  /** Authorities among which a list's signer may be, where it signs lists with another key than certificates. */
  readonly intermediates?: readonly Certificate[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly limits?: PathLimits;
}

/** `unknown`: no list, or none fresh, authentic and about this certificate. No answer is no permission. */
export type PathRevocation =
  | { readonly status: 'good' }
  | { readonly status: 'unknown'; readonly certificate: Certificate }
  | { readonly status: 'revoked'; readonly certificate: Certificate; readonly reason: RevocationReason };

/** A list's signer may have a signer of its own list, and so on: deeper than this nobody goes. */
const MAX_SIGNER_DEPTH = 3;
/** List signatures verified for one path. */
const MAX_LIST_SIGNATURES = 64;

/**
 * What revocation lists say about every certificate of a path, from the root downwards (RFC 5280 §6.3).
 *
 * A list counts when its issuer is the certificate's, its scope takes the certificate in, it is in date, and its signer
 * is authentic: a certificate of the issuer's name that may sign lists, with a path to the same root, itself not
 * revoked. Answers for some reasons add up over lists until all are covered (§6.3.3 (e), (l)). Any entry condemns,
 * whatever else is said. Delta lists only ever condemn. Indirect lists are not followed: where only they would
 * answer, the status is unknown.
 */
export function checkPathRevocation({ path, anchor }: CertificatePath, options: PathRevocationOptions): PathRevocation {
  return new RevocationSearch(anchor, options).walk(path);
}

class RevocationSearch {
  readonly #anchor: CertificatePath['anchor'];
  readonly #options: PathRevocationOptions;
  readonly #inQuestion = new Set<string>();
  #signaturesLeft = MAX_LIST_SIGNATURES;

  constructor(anchor: CertificatePath['anchor'], options: PathRevocationOptions) {
    this.#anchor = anchor;
    this.#options = options;
  }

  walk(path: readonly Certificate[]): PathRevocation {
    const above: Certificate[] = [this.#anchor.certificate];
    for (const certificate of path.toReversed()) {
      const status = this.#statusOf(certificate, above);
      if (status.status !== 'good') return status;
      above.push(certificate);
    }
    return { status: 'good' };
  }

  /** @param above authorities that are known to be good, the root among them */
  #statusOf(certificate: Certificate, above: readonly Certificate[]): PathRevocation {
    const points = pointsOf(certificate);
    let reasons = 0;
    for (const list of this.#options.lists) {
      const answered = scopeOf(list, certificate, points);
      if (answered === 0 || !this.#isCurrent(list) || !this.#isAuthentic(list, certificate, above)) continue;
      const reason = list.find(certificate.serial);
      if (reason !== undefined && !(list.isDelta && reason === 'removeFromCRL')) {
        return { status: 'revoked', certificate, reason };
      }
      if (!list.isDelta) reasons |= answered;
    }
    return reasons === ALL_REASONS ? { status: 'good' } : { status: 'unknown', certificate };
  }

  #isCurrent(list: PathCrl): boolean {
    return this.#options.now >= list.thisUpdate && this.#options.now <= list.nextUpdate;
  }

  #isAuthentic(list: PathCrl, certificate: Certificate, above: readonly Certificate[]): boolean {
    const mayHaveSigned = (signer: Certificate) =>
      signer.foldedSubject === list.foldedIssuer &&
      signer.extensions.keyUsage?.has('cRLSign') !== false &&
      this.#isSignedBy(list, signer);
    if (above.some(mayHaveSigned)) return true;
    const others = (this.#options.intermediates ?? []).filter(
      (signer) => signer.fingerprint !== certificate.fingerprint,
    );
    return others.some((signer) => mayHaveSigned(signer) && this.#isGoodSigner(signer));
  }

  #isSignedBy(list: PathCrl, signer: Certificate): boolean {
    if (this.#signaturesLeft === 0) {
      throw new PkiError('path_work_exceeded', 'judging the lists takes more signatures than are verified');
    }
    this.#signaturesLeft -= 1;
    try {
      return list.isSignedBy(signer.publicKey);
    } catch (error) {
      if (error instanceof PkiError) return false;
      throw error;
    }
  }

  /** §6.3.3 (f): the signer has a path of its own to the same root, and is not revoked itself. */
  #isGoodSigner(signer: Certificate): boolean {
    const { fingerprint } = signer;
    // A list that vouches for its own signer vouches for nobody.
    if (this.#inQuestion.has(fingerprint) || this.#inQuestion.size === MAX_SIGNER_DEPTH) return false;
    const { now, intermediates = [], limits = defaultPathLimits } = this.#options;
    this.#inQuestion.add(fingerprint);
    try {
      const { path } = checkPath(signer, { anchors: [this.#anchor], intermediates, now, profile: anyIssuer, limits });
      return this.walk(path).status === 'good';
    } catch (error) {
      if (error instanceof PkiError && error.code !== 'path_work_exceeded') return false;
      throw error;
    } finally {
      this.#inQuestion.delete(fingerprint);
    }
  }
}

/** Only the rules of the path matter for a signer of lists: what kind of certificate it has is asked by keyUsage. */
const anyIssuer = { ...plainUser, id: 'list-signer', policies: [], maxIntermediates: Number.MAX_SAFE_INTEGER };

/** The certificate's own points, and the one that it need not name: its issuer's list of everything (§6.3.3). */
function pointsOf(certificate: Certificate): DistributionPoint[] {
  const issuer = foldName(certificate.issuer);
  const { cRLDistributionPoints } = certificate.extensions;
  const named = cRLDistributionPoints === undefined ? [] : readDistributionPoints(cRLDistributionPoints, issuer);
  return [...named, { names: [directory(issuer)], reasons: ALL_REASONS, indirect: false }];
}

/** The reasons for which the list's silence would speak for the certificate (§6.3.3 (b), (d)); 0 for none. */
function scopeOf(list: PathCrl, certificate: Certificate, points: readonly DistributionPoint[]): number {
  if (list.isForeign || list.foldedIssuer !== certificate.foldedIssuer) return 0;
  const isAuthority = certificate.extensions.basicConstraints?.cA === true;
  if (isAuthority ? list.onlyUserCertificates : list.onlyAuthorityCertificates) return 0;
  const { pointNames } = list;
  return points
    .filter((point) => !point.indirect)
    .filter((point) => pointNames === undefined || point.names.some((name) => pointNames.has(name)))
    .reduce((reasons, point) => reasons | (point.reasons & list.reasons), 0);
}
