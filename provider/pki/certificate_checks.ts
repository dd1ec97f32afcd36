import { hash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { MAX_CERTIFICATE_SIZE, parseCertificate } from './certificate.ts';
import type { TrustAnchor } from './path.ts';
import { checkValidity, timelinessOf } from './path.ts';
import type { CertificatePath, PathLimits } from './path_building.ts';
import { checkPath, defaultPathLimits, readOffered } from './path_building.ts';
import type { CertificateProfile } from './profile.ts';
import { checkKeyUsage, checkPolicy, checkProfile } from './profile.ts';

/** A certificate of the right kind, in date, with its way to a pinned root. Says nothing about revocation. */
export interface CheckedCertificate extends CertificatePath {
  readonly certificate: Certificate;
}

/** What is asked of a certificate without the network, in this order. */
export const certificateSteps = ['structure', 'profile', 'key-usage', 'policy', 'validity', 'path'] as const;
export type CertificateStep = (typeof certificateSteps)[number];

/** Hears the name of each step before it is taken. When one throws, it is the last that was heard of. */
export type CertificateStepListener = (step: CertificateStep) => void;

export interface CertificateChecks {
  /**
   * Everything that can be asked of a certificate without the network, cheap questions first. One that passed before
   * and of which nothing has run out since is recognised by its SHA-256 and not read or verified again.
   *
   * @param der the certificate as it was presented.
   * @param now milliseconds since 1970.
   * @param offered certificates sent along with it, unverified.
   * @throws PkiError what `parseCertificate`, `checkProfile`, `checkKeyUsage`, `checkPolicy`, `checkValidity`,
   *   `readOffered` and `checkPath` throw.
   */
  check(der: Uint8Array, now: number, offered?: readonly Uint8Array[]): CheckedCertificate;
  /** The same steps, every one of them taken and told, with nothing recognised and nothing remembered. */
  retrace(
    der: Uint8Array,
    now: number,
    offered: readonly Uint8Array[],
    listener: CertificateStepListener,
  ): CheckedCertificate;
  /** Certificates remembered at present. */
  readonly size: number;
}

export interface CertificateChecksOptions {
  readonly profile: CertificateProfile;
  /** The pinned roots for that profile only. */
  readonly anchors: readonly TrustAnchor[];
  /** Authorities that the operator configured, for holders who send none along. */
  readonly intermediates?: readonly Certificate[];
  /**
   * Certificates to remember, the least recently used going first; 0 for none. Only what a pinned root vouches for is
   * remembered, so that nobody else can push anything out. About 8 KiB each: 10,000 are some 80 MB when full.
   */
  readonly capacity: number;
  readonly limits?: PathLimits;
}

interface Remembered {
  readonly checked: CheckedCertificate;
  /** The time in which every certificate of the path is in date (milliseconds since 1970). */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The checks of one kind of certificate, with a memory. Revocation is never remembered here. */
export function createCertificateChecks(options: CertificateChecksOptions): CertificateChecks {
  const { capacity } = options;
  // A Map keeps the order of insertion: whoever is used goes to the end, whoever stands first goes.
  const remembered = new Map<string, Remembered>();

  const remember = (key: string, checked: CheckedCertificate) => {
    if (capacity === 0) return;
    const oldest = remembered.size >= capacity ? remembered.keys().next().value : undefined;
    if (oldest !== undefined) remembered.delete(oldest);
    remembered.set(key, { checked, ...periodOf(checked) });
  };

  return {
    check(der, now, offered = []) {
      // The size first: what is too large to be a certificate is not hashed either.
      const key = der.length > MAX_CERTIFICATE_SIZE ? undefined : hash('sha256', der, 'base64');
      const known = key === undefined ? undefined : remembered.get(key);
      if (key !== undefined && known !== undefined) {
        remembered.delete(key);
        if (timelinessOf(known, now) === 'in-date') {
          remembered.set(key, known);
          return known.checked;
        }
      }
      const checked = takeSteps(der, now, offered, options);
      if (key !== undefined) remember(key, checked);
      return checked;
    },
    retrace(der, now, offered, listener) {
      return takeSteps(der, now, offered, options, listener);
    },
    get size() {
      return remembered.size;
    },
  };
}

const noListener: CertificateStepListener = () => {};

function takeSteps(
  der: Uint8Array,
  now: number,
  offered: readonly Uint8Array[],
  { profile, anchors, intermediates = [], limits = defaultPathLimits }: CertificateChecksOptions,
  begin: CertificateStepListener = noListener,
): CheckedCertificate {
  begin('structure');
  const certificate = parseCertificate(der);
  begin('profile');
  checkProfile(certificate, profile);
  begin('key-usage');
  checkKeyUsage(certificate, profile);
  begin('policy');
  checkPolicy(certificate, profile);
  begin('validity');
  checkValidity(certificate, now);
  begin('path');
  // Where nobody may stand in between, nothing that was sent along is even read.
  const sent = profile.maxIntermediates === 0 ? [] : readOffered(offered, limits);
  const path = checkPath(certificate, {
    anchors,
    intermediates: [...intermediates, ...sent],
    now,
    profile,
    limits,
  });
  return Object.freeze({ certificate, ...path });
}

function periodOf({ path, anchor }: CertificatePath): { notBefore: number; notAfter: number } {
  const all = [...path, anchor.certificate];
  return {
    notBefore: Math.max(...all.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...all.map(({ notAfter }) => notAfter)),
  };
}
