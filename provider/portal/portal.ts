import { hash } from 'node:crypto';
import type { Bilingual } from '../attributes/catalogue/claim_type.ts';
import type { StoredReceipt } from '../consent/consent_store.ts';
import { HubError } from '../errors.ts';
import type { Notice } from '../identity/notices.ts';
import type { SubjectSessions } from '../identity/revocation_effects.ts';
import type { LogoutNotices } from '../oidc/logout_notices.ts';
import type { SubjectArtefacts } from '../oidc/oidc_stores.ts';
import { PORTAL_CLIENT_ID } from '../oidc/portal_client.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type {
  DisclosureCount,
  HistoryFilter,
  KeptCertificate,
  KeptConsent,
  KeptDisclosure,
  KnownRelyingParty,
} from './portal_store.ts';

/** A value that the hub can tell of a person, as it tells the person. Times are milliseconds since 1970. */
export interface OwnAttribute {
  /** The claim. */
  readonly name: string;
  /** Undefined where it could not be had now. */
  readonly value: unknown;
  /** Whose word it is, as the person knows them; undefined for what the hub says itself. */
  readonly source: Bilingual | undefined;
  readonly asOf: number | undefined;
  /** Undefined where nobody vouches for it over time. */
  readonly isCurrent: boolean | undefined;
}

/** A browser that is signed in. Times are milliseconds since 1970. */
export interface OwnSession {
  /** What it is ended by. It opens nothing. */
  readonly handle: string;
  readonly signedInAt: number;
  readonly expiresAt: number;
  /** Of the sign-in, as it is kept (acr.ts). */
  readonly acr: string | undefined;
  readonly clientIds: readonly string[];
  /** Whether it is the one that asks. */
  readonly isThis: boolean;
}

export interface Page<Item, Place> {
  readonly items: readonly Item[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Place | undefined;
}

/** What a consent has come to. */
export type ConsentState = 'live' | 'replaced' | 'withdrawn' | 'expired';

/** What a card or certificate is good for. */
export type CertificateState = 'good' | 'superseded' | 'unlinked' | 'revoked' | 'expired';

/** What a person sees and does about their own records. Every question is about one subject and no other. */
export interface Portal {
  /** What the hub holds itself. */
  registered(subjectId: string): Promise<readonly OwnAttribute[]>;
  /** The same with what the person's attribute providers say now. */
  attributes(subjectId: string): Promise<readonly OwnAttribute[]>;
  /** When the person's card was last checked beside the sign-in of `signedInAt` (ms), before or after it. */
  otherSignIn(subjectId: string, signedInAt: number): Promise<number | undefined>;
  notices(subjectId: string): Promise<readonly Notice[]>;
  liveConsents(subjectId: string): Promise<readonly KeptConsent[]>;
  pastConsents(subjectId: string, after: string | undefined): Promise<Page<KeptConsent, string>>;
  /** @throws HubError `not_found` when the person has no such consent that is live. */
  liveConsent(subjectId: string, consentId: string): Promise<KeptConsent>;
  /**
   * Ends it: from then on the relying party is told nothing, and hears of that.
   *
   * @param language of the receipt.
   * @throws HubError `not_found` when the person has no such consent that is live (any more).
   */
  withdraw(subjectId: string, consentId: string, language: 'ja' | 'en'): Promise<void>;
  /** The newest receipts of the person's decisions, newest first. */
  receipts(subjectId: string): Promise<readonly StoredReceipt[]>;
  /** @throws HubError `not_found` when the person has no such receipt. */
  receipt(subjectId: string, receiptId: string): Promise<StoredReceipt>;
  history(subjectId: string, filter: HistoryFilter, before: number | undefined): Promise<Page<KeptDisclosure, number>>;
  /** Those of the consents that are the person's, by id. */
  consents(subjectId: string, consentIds: readonly string[]): Promise<ReadonlyMap<string, KeptConsent>>;
  /** Of the newest COUNTED claims that left. */
  counts(subjectId: string): Promise<readonly DisclosureCount[]>;
  certificates(subjectId: string): Promise<readonly (KeptCertificate & { readonly state: CertificateState })[]>;
  /**
   * Newest first, a hundred at most.
   *
   * @param sessionId of the session that asks.
   */
  sessions(subjectId: string, sessionId: string): Promise<readonly OwnSession[]>;
  /** @throws HubError `not_found` when the person has no such session (any more). */
  endSession(subjectId: string, handle: string): Promise<void>;
  endAllSessions(subjectId: string): Promise<void>;
  relyingParties(clientIds: readonly string[]): Promise<ReadonlyMap<string, KnownRelyingParty>>;
  /** What a person calls these sources, by name of the source; a provider that is gone has that name only. */
  sourceNames(sources: readonly string[]): Promise<ReadonlyMap<string, Bilingual>>;
  stateOf(consent: KeptConsent): ConsentState;
}

export const PAGE_SIZE = 20;
/** Claims that left, that the picture of who gets what is made of. */
export const COUNTED = 10_000;
/** Consents that are live: one a relying party. */
const MOST_LIVE = 500;
const MOST_CERTIFICATES = 100;
const MOST_RECEIPTS = 1000;
const MOST_NOTICES = 100;
const MOST_SESSIONS = 100;

export function createPortal(world: {
  storage: Storage;
  registered(subjectId: string): Promise<readonly OwnAttribute[]>;
  fromProviders(subjectId: string): Promise<readonly OwnAttribute[]>;
  sourceNames: Portal['sourceNames'];
  /** False when there was nothing to withdraw. */
  withdraw(consentId: string, subjectId: string, language: 'ja' | 'en'): Promise<boolean>;
  artefacts: SubjectArtefacts;
  sessions: SubjectSessions;
  notices: LogoutNotices;
  clock: Clock;
}): Portal {
  const { storage, artefacts, clock } = world;
  const store = storage.portal;

  const stateOf = ({ withdrawnAt, isReplaced, expiresAt }: KeptConsent): ConsentState => {
    if (isReplaced) return 'replaced';
    if (withdrawnAt !== undefined) return 'withdrawn';
    return expiresAt > clock() ? 'live' : 'expired';
  };

  return {
    stateOf,
    registered: world.registered,
    sourceNames: world.sourceNames,

    async attributes(subjectId) {
      return (await Promise.all([world.registered(subjectId), world.fromProviders(subjectId)])).flat();
    },

    async otherSignIn(subjectId, signedInAt) {
      const certificates = await store.listCertificates(subjectId, MOST_CERTIFICATES);
      const times = certificates
        .filter(({ kind }) => kind === 'user')
        .flatMap(({ checkedAt, previouslyCheckedAt }) => [checkedAt, previouslyCheckedAt])
        .filter((time) => time !== undefined)
        .sort((one, other) => other - one);
      // The engine counts in seconds, and the card is checked before that.
      const ofThis = times.find((time) => time < signedInAt + 1000);
      return times.find((time) => time !== ofThis);
    },

    notices: (subjectId) => storage.notices.list(subjectId, MOST_NOTICES),
    liveConsents: (subjectId) => store.listLiveConsents(subjectId, clock(), MOST_LIVE),

    async pastConsents(subjectId, after) {
      const found = await store.listPastConsents(subjectId, clock(), after, PAGE_SIZE + 1);
      return pageOf(found, ({ id }) => id);
    },

    async liveConsent(subjectId, consentId) {
      const [found] = await store.findConsents(subjectId, [consentId]);
      if (!found || stateOf(found) !== 'live') throw notFound();
      return found;
    },

    async consents(subjectId, consentIds) {
      const found = await store.findConsents(subjectId, [...new Set(consentIds)]);
      return new Map(found.map((consent) => [consent.id, consent]));
    },

    async withdraw(subjectId, consentId, language) {
      if (!(await world.withdraw(consentId, subjectId, language))) throw notFound();
    },

    receipts: (subjectId) => storage.consents.listReceipts(subjectId, MOST_RECEIPTS),

    async receipt(subjectId, receiptId) {
      const found = await storage.consents.findReceipt(subjectId, receiptId);
      if (!found) throw notFound();
      return found;
    },

    async history(subjectId, filter, before) {
      const found = await store.listDisclosures(subjectId, filter, before, PAGE_SIZE + 1);
      return pageOf(found, ({ sequence }) => sequence);
    },

    counts: (subjectId) => store.countDisclosures(subjectId, COUNTED),

    async certificates(subjectId) {
      const now = clock();
      const found = await store.listCertificates(subjectId, MOST_CERTIFICATES);
      return found.map((certificate) => ({ ...certificate, state: certificateState(certificate, now) }));
    },

    async sessions(subjectId, sessionId) {
      const living = await artefacts.sessionsOf(subjectId);
      return living
        .map(({ id, clients, signedInAt = 0, expiresAt, acr }) => ({
          ...{ handle: handleOf(id), signedInAt, expiresAt, acr, isThis: id === sessionId },
          // That somebody looks at these pages is no use of a service.
          clientIds: clients.map(({ clientId }) => clientId).filter((clientId) => clientId !== PORTAL_CLIENT_ID),
        }))
        .sort((one, other) => other.signedInAt - one.signedInAt)
        .slice(0, MOST_SESSIONS);
    },

    async endSession(subjectId, handle) {
      const own = await artefacts.sessionsOf(subjectId);
      const session = own.find(({ id }) => handleOf(id) === handle);
      const ended = session && (await artefacts.endSession(session.id));
      if (!ended) throw notFound();
      const { clients } = ended;
      await storage.audit.append(sessionsEnded(subjectId, 1), clock());
      world.notices.send(subjectId, clients);
    },

    async endAllSessions(subjectId) {
      const { sessions } = await world.sessions.endAllOf(subjectId);
      await storage.audit.append(sessionsEnded(subjectId, sessions), clock());
    },

    async relyingParties(clientIds) {
      const found = await store.findRelyingParties([...new Set(clientIds)]);
      return new Map(found.map((party) => [party.clientId, party]));
    },
  };
}

/** A session's id is what its cookie holds, and may stand on no page. */
function handleOf(sessionId: string): string {
  return hash('sha256', `portal session ${sessionId}`, 'base64url');
}

function pageOf<Item, Place>(found: readonly Item[], placeOf: (item: Item) => Place): Page<Item, Place> {
  const items = found.slice(0, PAGE_SIZE);
  const last = items.at(-1);
  return { items, next: found.length > PAGE_SIZE && last !== undefined ? placeOf(last) : undefined };
}

function certificateState({ status, isRevoked, notAfter }: KeptCertificate, now: number): CertificateState {
  if (status !== 'current') return status;
  if (isRevoked) return 'revoked';
  return notAfter > now ? 'good' : 'expired';
}

function sessionsEnded(subjectId: string, sessions: number) {
  return {
    kind: 'sessions.ended',
    actor: `subject:${subjectId}`,
    subjectId,
    data: { reason: 'person', sessions },
  } as const;
}

/** The same of what is another person's and of what never was. */
function notFound(): HubError {
  return new HubError('not_found', 404, 'There is no such page.');
}
