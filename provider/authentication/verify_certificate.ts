import { HubError } from '../errors.ts';
import { refusalOf } from '../identity/person_state.ts';
import {
  type Certificate,
  type CertificateProfile,
  type CertificateStepListener,
  type CheckedCertificate,
  createCertificateChecks,
  PkiError,
  type TrustAnchor,
} from '../pki/index.ts';
import type { Clock } from '../world.ts';
import type { Decision, DecisionLog, StatusDemand } from './decision_log.ts';
import type { RevocationSource, RevocationVerdict } from './revocation.ts';

declare const authentic: unique symbol;
declare const verified: unique symbol;

/** A certificate that a pinned root issued for this purpose and that is in date. Whose it is remains to be proved. */
export interface AuthenticCertificate {
  readonly [authentic]: true;
  readonly certificate: Certificate;
  readonly anchor: TrustAnchor;
  /** Every certificate of the path with who issued it: the root's own work first, the certificate itself last. */
  readonly links: readonly PathLink[];
}

interface PathLink {
  readonly certificate: Certificate;
  /** A pinned root, or an authority that one has vouched for: its lists and responders speak for it. */
  readonly issuer: TrustAnchor;
}

/** A certificate that passed every check. Only `CertificateVerifier` makes one; only this may name a subject. */
export interface VerifiedCertificate {
  readonly [verified]: true;
  readonly certificate: Certificate;
  readonly anchor: TrustAnchor;
  readonly revocation: RevocationVerdict;
  /** What it was checked for. */
  readonly demand: StatusDemand;
  /**
   * Settles when the decision is on record. Await it before any answer leaves that rests on this certificate; until then
   * other work may go on beside it.
   */
  readonly recorded: Promise<void>;
}

/** The two halves of every verification. In between, whoever presented the certificate proves that the key is theirs. */
export interface CertificateVerifier {
  /**
   * What needs no network: structure, profile, key usage, policy, validity, path to a pinned root
   * (pki/certificate_checks.ts).
   *
   * @param offered certificates that were sent along, unverified.
   * @throws HubError 403 with the code of the PkiError that is its cause.
   */
  authenticate(der: Uint8Array, offered?: readonly Uint8Array[]): AuthenticCertificate;
  /** The same, for somebody who asks why: `listener` hears of each step, and nothing is taken from memory. */
  retrace(der: Uint8Array, offered: readonly Uint8Array[], listener: CertificateStepListener): AuthenticCertificate;
  /**
   * Asks who is revoked. Call it once possession of the key is proved, so that nobody without a card can make the hub
   * ask the authority anything. Every decision is recorded, refusals before they are thrown. Where authorities stand
   * between the certificate and its root, each of them is asked about first (RFC 5280 §6.1.3 (a)(3)).
   *
   * @throws HubError 403 `certificate_revoked`, `certificate_superseded`, `certificate_on_hold`, `certificate_unknown`;
   *   503 `revocation_unavailable`.
   */
  checkStatus(certificate: AuthenticCertificate, demand: StatusDemand): Promise<VerifiedCertificate>;
}

export interface CertificateVerifierWorld {
  /** What a certificate must be for this purpose. */
  profile: CertificateProfile;
  /** Roots for that profile only: a signing root must not vouch for a sign-in. */
  anchors: readonly TrustAnchor[];
  /** Authorities between those roots and the certificates, for holders who send none along. */
  intermediates?: readonly Certificate[];
  revocation: RevocationSource;
  decisions: DecisionLog;
  /** Hears of each certificate that turns out to be revoked, before it is refused. */
  onRevoked?(certificate: Certificate, verdict: RevocationVerdict): Promise<void>;
  clock: Clock;
}

/** Certificates that are recognised without being verified again, the least recently used going first; 8 KiB each. */
const REMEMBERED = 4096;

/** One verification for every way in: the card agent's token, a TLS handshake, a proxy's header. */
export function createCertificateVerifier(world: CertificateVerifierWorld): CertificateVerifier {
  const { profile, anchors, intermediates = [], revocation, decisions, onRevoked, clock } = world;
  const checks = createCertificateChecks({ profile, anchors, intermediates, capacity: REMEMBERED });
  const authentic = (check: () => CheckedCertificate) =>
    translatePkiErrors(() => {
      const checked = check();
      const { certificate, anchor } = checked;
      // The brand has no value: this is the one maker.
      return { certificate, anchor, links: linksOf(checked) } as AuthenticCertificate;
    });

  async function ask({ certificate, issuer }: PathLink, demand: StatusDemand) {
    let verdict: RevocationVerdict;
    try {
      verdict = await revocation.check(certificate, issuer, demand.policy, demand.clientId);
    } catch (error) {
      const decision = undecided(error);
      if (decision) await decisions.record(certificate, demand, decision);
      throw error;
    }
    const recorded = decisions.record(certificate, demand, { status: verdict.status, verdict });
    if (verdict.status !== 'good') {
      await recorded;
      await onRevoked?.(certificate, verdict);
    }
    refuseRevoked(verdict, demand);
    recorded.catch(() => {}); // whoever awaits it hears of it; until then it is nobody's unhandled rejection
    return { verdict, recorded };
  }

  return {
    authenticate: (der, offered) => authentic(() => checks.check(der, clock(), offered)),
    retrace: (der, offered, listener) => authentic(() => checks.retrace(der, clock(), offered, listener)),
    async checkStatus({ certificate, anchor, links }, demand) {
      for (const link of links.slice(0, -1)) {
        const { recorded } = await ask(link, { ...demand, purpose: 'issuing_authority' });
        await recorded;
      }
      const { verdict, recorded } = await ask(links.at(-1) ?? { certificate, issuer: anchor }, demand);
      return { certificate, anchor, revocation: verdict, demand, recorded } as VerifiedCertificate; // likewise
    },
  };
}

function linksOf({ path, anchor }: CheckedCertificate): readonly PathLink[] {
  return path.map((certificate, index) => ({ certificate, issuer: authorityOf(path[index + 1], anchor) })).reverse();
}

/** Vouched for by the root, an authority is asked for its lists as a root is. */
function authorityOf(certificate: Certificate | undefined, anchor: TrustAnchor): TrustAnchor {
  if (certificate === undefined) return anchor;
  return { id: certificate.fingerprint, certificate, profile: anchor.profile, constrained: false };
}

/** Why there is no verdict; undefined for a mistake of ours. */
function undecided(error: unknown): Decision | undefined {
  if (!(error instanceof HubError)) return undefined;
  if (error.code === 'certificate_unknown') return { status: 'unknown', reason: error.code };
  if (error.code !== 'revocation_unavailable') return undefined;
  const { reason } = error.details;
  return { status: 'unavailable', reason: typeof reason === 'string' ? reason : error.code };
}

function refuseRevoked(verdict: RevocationVerdict, { purpose }: StatusDemand): void {
  if (verdict.status === 'good') return;
  // What became of an authority is nothing that a new card or a call could mend.
  const isOfPerson = purpose !== 'issuing_authority' && verdict.reason !== undefined;
  const code = isOfPerson ? refusalOf(verdict.reason) : 'certificate_revoked';
  throw new HubError(code, 403, 'The certificate on this card can no longer be used.', {
    details: { source: verdict.source, asOf: verdict.thisUpdate, until: verdict.nextUpdate },
  });
}

/** Where the pki room's errors enter the hub: its codes are the ones that pages and logs know. */
function translatePkiErrors<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof PkiError) {
      throw new HubError(error.code, 403, 'The certificate on this card is not accepted.', { cause: error });
    }
    throw error;
  }
}
