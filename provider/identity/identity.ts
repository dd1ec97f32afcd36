import { createHash } from 'node:crypto';
import type { AuditEvent } from '../audit/audit_log.ts';
import type { LinkedCertificates, LinkedStatus } from '../authentication/linked_certificate.ts';
import type { RevocationVerdict } from '../authentication/revocation.ts';
import type { VerifiedCertificate } from '../authentication/verify_certificate.ts';
import { HubError } from '../errors.ts';
import type { Certificate } from '../pki/index.ts';
import type { Storage, Stores } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import { accountLocked } from './account_lock.ts';
import type { CardCheck, CertificateRecord, KnownCertificate, KnownLookup, LinkMethod } from './identity_store.ts';
import {
  askedOnce,
  type CertificateReference,
  conflict,
  countedLinkage,
  type LinkageSource,
  type Recognition,
  recognise,
} from './linkage.ts';
import type { Notice, NoticeKind, Notify } from './notices.ts';
import { refusalOf } from './person_state.ts';
import { openRevocation } from './revocation_effects.ts';

export interface Identity {
  /**
   * The subject who holds this certificate. Of one that is unknown the authority is asked whose it is (linkage.ts): by the
   * one that it replaced, which signs in no more; by the one on the person's other device, card or phone, which goes on; or
   * by the signing certificate beside it. Where that leads to nobody who was ever here it becomes a new subject without
   * attributes. Sign-ins with the same new card, or with a new card and a new phone of one person, at the same moment give
   * one subject. Two subjects that exist never become one.
   * The signing certificates that are linked to the subject are checked by the way; what comes of it is recorded and
   * returned, and stands in nobody's way.
   *
   * @param together what an enrolment binds in the same transaction.
   * Throws HubError `account_locked` (account_lock.ts), `certificate_superseded` when a linkage names a successor, `linkage_unavailable` when the authority
   * cannot be asked, and `linkage_conflict` when its answer contradicts what was linked before; and the page's code
   * (person_state.ts) when a list newer than what the certificate was checked by has revoked it.
   */
  subjectOf(verified: VerifiedCertificate, together?: EnrolledTogether): Promise<IdentifiedSubject>;
  /**
   * The one resolver of pairwise identifiers: every exit (id_token, userinfo, introspection, logout token, and later
   * SAML) gets its `sub` here (OIDC Core §8.1). Random and stored, so that no leaked key can link anybody.
   */
  pairwiseIdentifier(subjectId: string, sector: string): Promise<string>;
  subjectByPairwise(sector: string, identifier: string): Promise<string | undefined>;
  /** Undefined for a subject who never signed in with a card. */
  lastCardCheck(subjectId: string): Promise<CardCheck | undefined>;
}

/** What enrolment does together with finding out whose a certificate is: all of it, or nothing. */
export interface EnrolledTogether {
  /** The certificate of an earlier registration that this person may take over, where the authority's word leads to nobody. */
  recognise(stores: Stores): Promise<KnownLookup | undefined>;
  keep(stores: Stores, subjectId: string): Promise<void>;
}

export interface IdentifiedSubject {
  subjectId: string;
  isNew: boolean;
  /** Of each signing certificate linked to the subject. */
  linked: readonly LinkedStatus[];
  /** What the person is to be told now: it counts as told. */
  notices: readonly Notice[];
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

/** Everybody who is first at a certificate makes the others look again, and a person has few. */
const MAX_ATTEMPTS = 4;

/**
 * Milliseconds after which a certificate that signs in again is worth telling its holder of: a card that lies in a drawer is
 * the one that nobody misses. A certificate that is new to the hub is told of anyway.
 */
const LONG_UNUSED = 90 * 86_400_000;

/** A takeover by a link must not go unnoticed by the person whose registration it is. */
const NOTICES: Readonly<Record<LinkMethod, NoticeKind>> = {
  linkage: 'card_renewed',
  'other device': 'device_added',
  'signing linkage': 'device_added',
  attributes: 'registration_taken_over',
};

export interface IdentityWorld {
  storage: Storage;
  vault: Vault;
  /** Whom to ask where an unknown certificate comes from; without it everybody unknown is somebody new. */
  linkage: LinkageSource | undefined;
  /** Hears of each question to the linkage, with the relying party on whose behalf: they are counted. */
  onLinkageQuestion?(clientId: string | undefined): void;
  linkedCertificates: LinkedCertificates;
  notify: Notify;
  clock: Clock;
  random: Random;
}

export function createIdentity(world: IdentityWorld): Identity {
  const { storage, vault, linkage, linkedCertificates, notify, clock, random } = world;
  const pairwiseCache = new Map<string, string>();

  /** Binds a certificate that nobody has shown before: to the person whose it is by the authority's word, or a new one. */
  async function bind(
    { certificate }: VerifiedCertificate,
    check: CardCheck,
    source: LinkageSource | undefined,
    together: EnrolledTogether | undefined,
  ): Promise<IdentifiedSubject> {
    const looked = new Map<string, { readonly lookup: Uint8Array; readonly known: KnownLookup | undefined }>();
    const find = async (reference: CertificateReference) => {
      const lookup = lookupOf(vault, reference);
      const known = await storage.identity.find(lookup);
      looked.set(hex(lookup), { lookup, known });
      return known;
    };
    if (await find(certificate)) throw new LostRace();
    const byAuthority = source && (await recognise(source, certificate, find));

    const now = clock();
    const lookups = [...looked.values()].map(({ lookup }) => lookup);
    return storage.transaction(async (stores) => {
      await stores.identity.reserve(lookups);
      // Whoever was first at one of them, between our look and here, may have been the same person.
      for (const { lookup, status } of await stores.identity.findAll(lookups)) {
        if (looked.get(hex(lookup))?.known?.status !== status) throw new LostRace();
      }
      const recognised = byAuthority ?? (await byEnrolment(stores, together));
      const subjectId = recognised?.by.subjectId ?? uuid(random);
      if (recognised === undefined) await stores.identity.insertSubject(subjectId, now);
      else if (recognised.method === 'linkage' && !(await stores.identity.supersede(recognised.by.lookup))) {
        throw new LostRace();
      }
      const record = certificateRecord(vault, certificate, 'user', subjectId);
      const link = recognised && { method: recognised.method, by: recognised.by.lookup };
      if (!(await stores.identity.insertCertificate(link ? { ...record, link } : record, check, now))) {
        throw new LostRace();
      }
      await stores.audit.append(bindingEvent(subjectId, record, recognised), now);
      await together?.keep(stores, subjectId);
      const kind = recognised && NOTICES[recognised.method];
      if (kind) await notify(stores, { subjectId, kind, causedBy: record.lookup, at: now });
      // Told at once, and to the person's other certificates when they are shown.
      const notices = kind ? [{ kind, at: now }] : [];
      return { subjectId, isNew: recognised === undefined, linked: [], notices };
    });
  }

  /** Undefined for a certificate that nobody has shown before. */
  async function knownSubject(
    { demand, revocation }: VerifiedCertificate,
    lookup: Uint8Array,
    check: CardCheck,
  ): Promise<IdentifiedSubject | undefined> {
    const known = await storage.identity.recordSignIn(lookup, check);
    if (known === undefined) return undefined;
    if (known.status === 'superseded') {
      throw new HubError('certificate_superseded', 403, 'This card has been renewed; use the new one.');
    }
    if (known.status !== 'current' || known.kind !== 'user') {
      throw new HubError('certificate_revoked', 403, 'This card cannot be used here.');
    }
    refuseByLaterWord(vault, known, revocation);
    if (known.lock !== undefined) throw accountLocked({ reference: known.lock });
    const { subjectId, sealedSigningCertificates } = known;
    const { policy, clientId } = demand;
    const linked = await Promise.all(
      sealedSigningCertificates.map((sealed) =>
        linkedCertificates.check(vault.open(PURPOSE_CERTIFICATE, sealed), { policy, clientId, subjectId }),
      ),
    );
    if (check.checkedAt - known.checkedBefore >= LONG_UNUSED) {
      const notice = { subjectId, kind: 'unusual_sign_in', causedBy: lookup, at: check.checkedAt } as const;
      await storage.transaction((stores) => notify(stores, notice));
    }
    const notices = known.hasNotices ? await storage.notices.takeUnseen(subjectId, lookup, clock()) : [];
    return { subjectId, isNew: false, linked, notices };
  }

  return {
    async subjectOf(verified, together) {
      const lookup = lookupOf(vault, verified.certificate);
      const check = cardCheckOf(verified);

      const { clientId } = verified.demand;
      const source = linkage && askedOnce(countedLinkage(linkage, () => world.onLinkageQuestion?.(clientId)));
      for (let attempt = 1; ; attempt += 1) {
        const subject = await knownSubject(verified, lookup, check);
        if (subject) {
          if (together) await storage.transaction((stores) => together.keep(stores, subject.subjectId));
          return subject;
        }
        try {
          const bound = await bind(verified, check, source, together);
          // The card that came in the place of another is known from now on, and let in as little as that one.
          const lock = bound.isNew ? undefined : await storage.accountLocks.find(bound.subjectId);
          if (lock) throw accountLocked(lock);
          return bound;
        } catch (error) {
          const isLate = error instanceof LostRace;
          if (!isLate && !(error instanceof HubError && error.code === 'linkage_conflict')) throw error;
          // Another request with this card, or with another one of the person, was first, and whatever stood in our way may
          // be its doing. Looked at once more, with the answers that the authority has given already.
          if (attempt < MAX_ATTEMPTS) continue;
          throw isLate ? conflict('the line was bound meanwhile') : error;
        }
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

async function byEnrolment(stores: Stores, together: EnrolledTogether | undefined): Promise<Recognition | undefined> {
  const by = await together?.recognise(stores);
  return by && { method: 'attributes', by };
}

class LostRace extends Error {}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

function bindingEvent(subjectId: string, record: CertificateRecord, recognised: Recognition | undefined): AuditEvent {
  const certificate = hex(record.fingerprint);
  if (recognised === undefined) {
    const data = { certificate, method: 'user certificate' };
    return { kind: 'subject.created', actor: `subject:${subjectId}`, subjectId, data };
  }
  const { method, by } = recognised;
  const data = { certificate, method, [method === 'linkage' ? 'predecessor' : 'recognisedBy']: hex(by.fingerprint) };
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

/** What is kept of the check that a certificate has just passed. */
export function cardCheckOf({ revocation }: VerifiedCertificate): CardCheck {
  return { checkedAt: revocation.checkedAt, source: revocation.source, asOf: revocation.thisUpdate };
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
