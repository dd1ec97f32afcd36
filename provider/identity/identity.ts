import { createHash } from 'node:crypto';
import type { AuditEvent } from '../audit/audit_log.ts';
import type { LinkedCertificates, LinkedStatus } from '../authentication/linked_certificate.ts';
import type { RevocationVerdict } from '../authentication/revocation.ts';
import type { VerifiedCertificate } from '../authentication/verify_certificate.ts';
import { HubError } from '../errors.ts';
import type { Certificate } from '../pki/index.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import type { CardCheck, CertificateRecord, KnownCertificate, KnownLookup } from './identity_store.ts';
import { type CertificateReference, conflict, type LinkageSource, traceOrigin } from './linkage.ts';
import { refusalOf } from './person_state.ts';
import { openRevocation } from './revocation_effects.ts';

export interface Identity {
  /**
   * The subject who holds this certificate. Of one that is unknown the authority is asked which it replaced, and so on
   * back to one that is known: then it is the same person, and the older card signs in no more. Where nobody in its line
   * was ever here it becomes a new subject without attributes. Two sign-ins with the same new card at the same moment give
   * one subject.
   * The signing certificates that are linked to the subject are checked by the way; what comes of it is recorded and
   * returned, and stands in nobody's way.
   * Throws HubError `certificate_superseded` when a linkage names a successor, `linkage_unavailable` when the authority
   * cannot be asked, and `linkage_conflict` when its answer contradicts what was linked before; and the page's code
   * (person_state.ts) when a list newer than what the certificate was checked by has revoked it.
   */
  subjectOf(verified: VerifiedCertificate): Promise<IdentifiedSubject>;
  /**
   * The one resolver of pairwise identifiers: every exit (id_token, userinfo, introspection, logout token, and later
   * SAML) gets its `sub` here (OIDC Core §8.1). Random and stored, so that no leaked key can link anybody.
   */
  pairwiseIdentifier(subjectId: string, sector: string): Promise<string>;
  subjectByPairwise(sector: string, identifier: string): Promise<string | undefined>;
  /** Undefined for a subject who never signed in with a card. */
  lastCardCheck(subjectId: string): Promise<CardCheck | undefined>;
}

export interface IdentifiedSubject {
  subjectId: string;
  isNew: boolean;
  /** Of each signing certificate linked to the subject. */
  linked: readonly LinkedStatus[];
}

const PURPOSE_LOOKUP = 'certificate.lookup';
const PURPOSE_SERIAL = 'certificate.serial';
const PURPOSE_CERTIFICATE = 'certificate.der';

/** 160 bits in base64url: as unguessable as a session, and short enough for a relying party's key column. */
const PAIRWISE_BYTES = 20;

/**
 * A pairwise identifier never changes once stored, so that a bounded map saves the look-up on the hot path; oldest
 * entries go first.
 */
const PAIRWISE_CACHE_ENTRIES = 50_000;

export interface IdentityWorld {
  storage: Storage;
  vault: Vault;
  /** Whom to ask where an unknown certificate comes from; without it everybody unknown is somebody new. */
  linkage: LinkageSource | undefined;
  linkedCertificates: LinkedCertificates;
  clock: Clock;
  random: Random;
}

export function createIdentity(world: IdentityWorld): Identity {
  const { storage, vault, linkage, linkedCertificates, clock, random } = world;
  const pairwiseCache = new Map<string, string>();
  const reference = (certificate: CertificateReference) => lookupOf(vault, certificate);

  /** The certificate, of those that are known here, that this one came after. */
  async function originOf(certificate: Certificate): Promise<KnownLookup | undefined> {
    if (linkage === undefined) return undefined;
    return traceOrigin(linkage, certificate, (other) => storage.identity.find(reference(other)));
  }

  /** Binds a certificate that nobody has shown before: to the person of its predecessor, else to somebody new. */
  function bind(
    { certificate }: VerifiedCertificate,
    check: CardCheck,
    origin: KnownLookup | undefined,
  ): Promise<IdentifiedSubject> {
    const now = clock();
    return storage.transaction(async (stores) => {
      const subjectId = origin?.subjectId ?? uuid(random);
      if (origin === undefined) await stores.identity.insertSubject(subjectId, now);
      // Somebody bound the same certificate, or another successor, between our look-up and here: they were first.
      else if (!(await stores.identity.supersede(origin.lookup))) throw new LostRace();
      const record = certificateRecord(vault, certificate, 'user', subjectId);
      const linked = origin === undefined ? record : { ...record, predecessor: origin.lookup };
      if (!(await stores.identity.insertCertificate(linked, check, now))) throw new LostRace();
      await stores.audit.append(bindingEvent(subjectId, record, origin), now);
      return { subjectId, isNew: origin === undefined, linked: [] };
    });
  }

  return {
    async subjectOf(verified) {
      const { certificate, revocation } = verified;
      const lookup = lookupOf(vault, certificate);
      const check: CardCheck = {
        checkedAt: revocation.checkedAt,
        source: revocation.source,
        asOf: revocation.thisUpdate,
      };

      const known = await storage.identity.recordSignIn(lookup, check);
      if (known) {
        if (known.status === 'superseded') {
          throw new HubError('certificate_superseded', 403, 'This card has been renewed; use the new one.');
        }
        if (known.status !== 'current' || known.kind !== 'user') {
          throw new HubError('certificate_revoked', 403, 'This card cannot be used here.');
        }
        refuseByLaterWord(vault, known, revocation);
        const { subjectId, sealedSigningCertificates } = known;
        const { policy, clientId } = verified.demand;
        const linked = await Promise.all(
          sealedSigningCertificates.map((sealed) =>
            linkedCertificates.check(vault.open(PURPOSE_CERTIFICATE, sealed), { policy, clientId, subjectId }),
          ),
        );
        return { subjectId, isNew: false, linked };
      }

      try {
        return await bind(verified, check, await originOf(certificate));
      } catch (error) {
        const isLate = error instanceof LostRace;
        if (!isLate && !(error instanceof HubError && error.code === 'linkage_conflict')) throw error;
        // The same card in another request at the same moment was first: whatever stood in our way is its doing.
        const winner = await storage.identity.recordSignIn(lookup, check);
        if (winner) return { subjectId: winner.subjectId, isNew: false, linked: [] };
        throw isLate ? conflict('the predecessor was replaced meanwhile') : error;
      }
    },

    async pairwiseIdentifier(subjectId, sector) {
      const key = `${subjectId} ${sector}`;
      const cached = pairwiseCache.get(key);
      if (cached) return cached;
      const candidate = Buffer.from(random(PAIRWISE_BYTES)).toString('base64url');
      const identifier = await storage.identity.pairwiseIdentifier(subjectId, sector, candidate);
      if (pairwiseCache.size >= PAIRWISE_CACHE_ENTRIES) {
        const oldest = pairwiseCache.keys().next().value;
        if (oldest !== undefined) pairwiseCache.delete(oldest);
      }
      pairwiseCache.set(key, identifier);
      return identifier;
    },

    subjectByPairwise(sector, identifier) {
      return storage.identity.findSubjectByPairwise(sector, identifier);
    },

    lastCardCheck(subjectId) {
      return storage.identity.lastCardCheck(subjectId);
    },
  };
}

class LostRace extends Error {}

function bindingEvent(subjectId: string, record: CertificateRecord, origin: KnownLookup | undefined): AuditEvent {
  const hex = (fingerprint: Uint8Array) => Buffer.from(fingerprint).toString('hex');
  const certificate = hex(record.fingerprint);
  if (origin === undefined) {
    const data = { certificate, method: 'user certificate' };
    return { kind: 'subject.created', actor: `subject:${subjectId}`, subjectId, data };
  }
  const data = { certificate, predecessor: hex(origin.fingerprint), method: 'linkage' };
  return { kind: 'certificate.linked', actor: 'hub', subjectId, data };
}

/**
 * Sessions end when a list that names their card is taken. Who was being verified by an older word at that moment, here
 * or in a process that has the list only in a few seconds, must not begin another one.
 */
function refuseByLaterWord(vault: Vault, { revocation }: KnownCertificate, checked: RevocationVerdict): void {
  if (revocation === undefined || revocation.asOf <= checked.thisUpdate) return;
  const { reason } = openRevocation(vault, revocation);
  throw new HubError(refusalOf(reason), 403, 'The certificate on this card can no longer be used.');
}

/** What is kept of a certificate that is bound to a subject. */
export function certificateRecord(
  vault: Vault,
  certificate: Certificate,
  kind: CertificateRecord['kind'],
  subjectId: string,
): CertificateRecord {
  return {
    lookup: lookupOf(vault, certificate),
    kind,
    subjectId,
    sealedSerial: vault.seal(PURPOSE_SERIAL, certificate.serial),
    ...(kind === 'signing' ? { sealedCertificate: vault.seal(PURPOSE_CERTIFICATE, certificate.der) } : {}),
    issuerHash: createHash('sha256').update(certificate.issuer).digest(),
    fingerprint: Buffer.from(certificate.fingerprint, 'hex').subarray(0, 8),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}

function lookupOf(vault: Vault, { issuer, serial }: CertificateReference): Uint8Array {
  return certificateLookup(vault, issuer, serial);
}

/** What a certificate is found by. */
export function certificateLookup(vault: Vault, issuerDer: Uint8Array, serial: Uint8Array): Uint8Array {
  return vault.index(PURPOSE_LOOKUP, certificateKey(issuerDer, serial));
}

/** The serial's content octets, to ask the authority about it. */
export function openSerial(vault: Vault, sealed: Uint8Array): Uint8Array {
  return vault.open(PURPOSE_SERIAL, sealed);
}

/**
 * The key of a certificate: (authority, serial), never the serial alone (invariant 3). The length prefix keeps two
 * different pairs from running together into the same bytes.
 */
export function certificateKey(issuerDer: Uint8Array, serial: Uint8Array): Uint8Array {
  const key = new Uint8Array(4 + issuerDer.length + serial.length);
  new DataView(key.buffer).setUint32(0, issuerDer.length);
  key.set(issuerDer, 4);
  key.set(serial, 4 + issuerDer.length);
  return key;
}

/** RFC 9562 §5.4, from the randomness handed in. */
function uuid(random: Random): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
