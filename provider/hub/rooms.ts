import type { Provider } from 'oidc-provider';
import type { Revocation } from '../../adapters/authority/index.ts';
import { createThreadedReader } from '../../adapters/metadata/threaded_reader.ts';
import { createGuardedFetch } from '../../adapters/outbound/guarded_fetch.ts';
import type { Configuration } from '../../config/schema.ts';
import { createAttributes } from '../attributes/attributes.ts';
import { cardStatusSource } from '../attributes/card_status_source.ts';
import { type Catalogue, openCatalogue } from '../attributes/catalogue/catalogue.ts';
import { identityAttributesSource } from '../attributes/identity_attributes_source.ts';
import { createLatestAttributes } from '../attributes/latest_attributes.ts';
import { createLatestConsents } from '../attributes/latest_consents.ts';
import { type AuditQueue, createAuditQueue } from '../audit/group_commit.ts';
import { createChallenges } from '../authentication/challenge.ts';
import { createDecisionLog, type DecisionLog } from '../authentication/decision_log.ts';
import { explainVerification } from '../authentication/explain_verification.ts';
import { createHandOvers } from '../authentication/hand_over.ts';
import { createLinkedCertificates } from '../authentication/linked_certificate.ts';
import { createListAdministration } from '../authentication/list_administration.ts';
import type { RevocationVerdict } from '../authentication/revocation.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import { createCardVerifier } from '../authentication/verify_card_token.ts';
import { type CertificateVerifier, createCertificateVerifier } from '../authentication/verify_certificate.ts';
import { createConsents } from '../consent/consents.ts';
import { createDeliveries } from '../consent/deliveries.ts';
import { createDisclosureHistory } from '../consent/disclosure_history.ts';
import { createReceiptSignatures } from '../consent/receipt_signatures.ts';
import { HubError } from '../errors.ts';
import { createEventAdministration } from '../events/event_administration.ts';
import { createEventDelivery } from '../events/event_delivery.ts';
import { createEventStreams } from '../events/event_streams.ts';
import { createSetSigner } from '../events/set_signer.ts';
import { createSubjectEvents } from '../events/subject_events.ts';
import type { Administration } from '../hub.ts';
import { createEnrolments, type Enrolments, type EnrolmentWorld } from '../identity/enrolment.ts';
import { createListFollower, type ListFollower } from '../identity/follow_lists.ts';
import { certificateLookup, createIdentity } from '../identity/identity.ts';
import { createLinkAdministration } from '../identity/link_administration.ts';
import type { LinkageSource } from '../identity/linkage.ts';
import { createNotify } from '../identity/notices.ts';
import { createRevocationEffects, type RevocationEffects } from '../identity/revocation_effects.ts';
import {
  createSignatureVerifier,
  type SignatureVerifier,
  type SignatureVerifierWorld,
} from '../identity/signed_together.ts';
import { registeredClient } from '../oidc/clients.ts';
import { CODE_LIFETIME, sectorOf } from '../oidc/engine.ts';
import { type CallServiceProvider, createLogoutNotices } from '../oidc/logout_notices.ts';
import { createReceiptParties } from '../oidc/receipt_parties.ts';
import { createSigningKeys } from '../oidc/signing_keys.ts';
import { createStatementSigner, statementKeys } from '../oidc/statement_signer.ts';
import { createSubjectSessions } from '../oidc/subject_sessions.ts';
import type { Certificate } from '../pki/index.ts';
import { createServiceProviders } from '../saml/find_service_provider.ts';

import { FEED_LIMITS } from '../saml/metadata/read_metadata.ts';
import { createMetadataRefresh } from '../saml/metadata_refresh.ts';
import { createServiceProviderAdministration } from '../saml/service_provider_administration.ts';
import { askingParty } from '../status/asking_parties.ts';
import { type AuthorityQuestions, createAuthorityQuestions } from '../status/authority_questions.ts';
import { createListAges } from '../status/list_ages.ts';
import { createResponders } from '../status/responders.ts';
import { createStatusCheck, type StatusCheck } from '../status/status_check.ts';
import { type CertificateKind, openTrust, type Trust } from '../trust.ts';
import type { Vault } from '../vault.ts';
import { openAttributeProviders } from './attribute_providers.ts';
import {
  differenceOf,
  namedAnchors,
  openAuthority,
  openLatestAttributes,
  openLinkage,
  policiesOf,
  watched,
} from './authority.ts';
import { openMail } from './mail.ts';
import { openPortal } from './portal.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: the rooms, handed to each other. */

export type Rooms = ReturnType<typeof openRooms>;

/** @param late what is made of the rooms, for when it is asked for. */
export function openRooms(
  base: Base,
  store: Store,
  late: { engine: () => Provider; callServiceProvider: CallServiceProvider },
) {
  const { engine, callServiceProvider } = late;
  const { config, clock, random, metrics, log } = base;
  const { storage, vault } = store;
  const trust = openTrust(config);
  const catalogue = openCatalogue(config.attributes.catalogueFile);
  const auditQueue = createAuditQueue(storage.audit);
  const questions = createAuthorityQuestions({
    ...{ storage, clock, log },
    budget: config.relyingParties.authorityQuestionsPerDay,
    observe: metrics.authorityAsked,
  });
  const authority = openAuthority(base, trust, storage, {
    async onTaken(taken, event) {
      await auditQueue.append(event, clock());
      follower.taken(taken, differenceOf(taken));
    },
    onQuestion: (outcome, clientId) => questions.count({ channel: 'ocsp', outcome, clientId }),
  });
  const revocation = watched(metrics, authority);
  const notices = createLogoutNotices({ engine, callServiceProvider, log, observe: metrics.logoutNoticed });
  const sessions = createSubjectSessions(store.oidcStore, notices);
  const events = createSubjectEvents({ issuer: config.publicUrl, vault, clock, random });
  const mail = openMail(base, store, { catalogue, engine });
  const notify = createNotify(events, mail.toPerson);
  const effects = createRevocationEffects({ storage, vault, sessions, events, notify, clock });
  // Lists are followed by themselves; of what a responder says nobody else hears.
  const onRevoked = async ({ issuer, serial }: Certificate, verdict: RevocationVerdict) => {
    if (verdict.source === 'ocsp') await effects.applyVerdict(certificateLookup(vault, issuer, serial), verdict);
  };
  const follower = openFollower(base, store, authority, effects);
  const lists = createListAdministration(authority, namedAnchors(trust));
  const decisions = createDecisionLog(auditQueue, clock);
  const verifierOf = (kind: CertificateKind, recordedIn: DecisionLog = decisions) =>
    createCertificateVerifier({
      profile: trust[kind].profile,
      anchors: trust[kind].anchors.map(({ anchor }) => anchor),
      intermediates: trust[kind].intermediates.map(({ anchor }) => anchor.certificate),
      revocation,
      decisions: recordedIn,
      // What is no decision has no effects either.
      ...(recordedIn === decisions && { onRevoked }),
      clock,
    });
  const challenges = createChallenges({
    store: storage.challenges,
    vault,
    clock,
    random,
    lifetime: config.signIn.challengeSeconds * 1000,
  });
  const certificates = verifierOf('user');
  const cards = createCardVerifier({ challenges, certificates });
  const handOvers = createHandOvers({ store: storage.handOvers, vault, clock, random });
  const policies = policiesOf(config);
  const signingCertificates = verifierOf('signing');
  const linkedCertificates = createLinkedCertificates(signingCertificates, decisions);
  const linkage = openLinkage(base);
  const onLinkageQuestion = (clientId: string | undefined) =>
    questions.count({ channel: 'linkage', outcome: 'asked', clientId });
  const identity = createIdentity({
    ...{ storage, vault, linkage, onLinkageQuestion, linkedCertificates, notify, clock, random },
  });
  const links = createLinkAdministration({ storage, sessions, events, clock });
  const signatures = openSignatures(trust, linkage, {
    ...{ challenges, signingCertificates, onLinkageQuestion },
    userCertificates: certificates,
  });
  const enrolments = signatures && openEnrolments(base, vault, signatures, { identity, events });
  const latestSource = openLatestAttributes(base);
  const latest =
    latestSource &&
    createLatestAttributes({
      ...{ storage, vault, clock },
      source: latestSource,
      audit: auditQueue,
      observe(outcome, clientId) {
        metrics.latestAttributesAsked(outcome);
        questions.count({ channel: 'latest attributes', outcome: 'asked', clientId });
      },
    });
  const keys = createSigningKeys({ storage, clock, random, host: new URL(config.publicUrl).hostname });
  const statements = createStatementSigner({ keys, clock });
  const providers = openAttributeProviders(base, store, { catalogue, statements });
  const attributes = createAttributes([
    cardStatusSource(identity),
    identityAttributesSource({ storage, vault, clock, latest }),
    providers.providerAttributes,
  ]);
  const latestConsents =
    latestSource &&
    signatures &&
    createLatestConsents({ storage, vault, attributes, signatures, source: latestSource, clock });
  const receiptSignatures = signatures && createReceiptSignatures({ storage, vault, signatures, clock });
  const explain = explanations(config, { trust, policies, verifierOf });
  const deliveries = createDeliveries({ store: storage.consents, clock, log });
  const consents = createConsents({
    ...{ storage, catalogue, attributes, sessions, events, statements, deliveries, clock },
    mail: mail.toPerson,
    permissions: providers.permissions,
    parties: createReceiptParties(engine, identity),
    issuer: config.publicUrl,
    lifetime: config.lifetimes.consentSeconds * 1000,
    signInLifetime: (CODE_LIFETIME + config.lifetimes.accessTokenSeconds) * 1000,
  });
  const history = createDisclosureHistory({
    ...{ consents: storage.consents, store: storage.history, statements, clock },
    issuer: config.publicUrl,
  });
  const signer = createSetSigner({ issuer: config.publicUrl, statements });
  const streams = createEventStreams({ storage, vault, signer, clock, random });
  const delivery = createEventDelivery({
    ...{ storage, vault, signer, clock, random, log },
    fetch: relyingPartyFetch(config),
    receiver: async (clientId) => {
      const client = await engine().Client.find(clientId);
      if (client?.status_check !== true) return undefined;
      return { clientId, sector: sectorOf(client), hearsNotices: client.person_notices === true };
    },
    observe: metrics.eventPushed,
  });
  const statusCheck = openStatusCheck(base, store, { trust, authority, follower, auditQueue, questions, effects });
  const checkStatus: Administration['checkStatus'] = async (clientId, identifiers) =>
    statusCheck.check(await askingParty(engine(), clientId), identifiers, 'operator');
  return {
    ...{ revocation, auditQueue, challenges, certificates, cards, handOvers, policies, identity, consents, keys },
    ...{ explain, lists, links, follower, notices, enrolments, statusCheck, checkStatus, streams, delivery, questions },
    ...{ catalogue, latest, latestConsents, deliveries, history, receiptSignatures, mail },
    recordKeys: async () => statementKeys(await keys.list()),
    ...providers,
    portal: openPortal(base, store, {
      ...{ attributes, consents, history, sessions, notices, events, notify, mail, catalogue, ...providers },
    }),
    eventAdministration: createEventAdministration({ storage, clock }),
    ...openServiceProviders(base, store, catalogue, engine),
  };
}

/** An explanation is no decision: nobody signs in by it, and the audit chain hears nothing of it. */
const unrecorded: DecisionLog = { record: async () => {} };

export function explanations(
  config: Configuration,
  rooms: {
    trust: Readonly<Record<CertificateKind, Trust>>;
    policies: RevocationPolicies;
    verifierOf: (kind: CertificateKind, recordedIn: DecisionLog) => CertificateVerifier;
  },
): Administration['explain'] {
  return async (presented, kind, policyName = 'default') => {
    if (!rooms.policies.has(policyName)) {
      throw new HubError('revocation_policy_unknown', 400, `There is no revocation policy called "${policyName}".`);
    }
    const { anchors, profile } = rooms.trust[kind];
    if (anchors.length === 0) {
      throw new HubError('trust_missing', 400, `No root of kind ${kind} is configured in trust.anchors.`);
    }
    return explainVerification(presented, {
      certificates: rooms.verifierOf(kind, unrecorded),
      profile: profile.id,
      policy: rooms.policies.forRequest({ acr: [], registered: policyName }),
      origin: config.publicUrl,
      anchorName: (id) => anchors.find(({ anchor }) => anchor.id === id)?.name ?? 'unnamed',
    });
  };
}

/** Has revocations take effect on whoever is signed in. Runs in the hub only: what a command takes, the next hub follows. */
function openFollower(
  { clock, random, log, metrics }: Base,
  { storage, vault }: Store,
  authority: Revocation,
  effects: RevocationEffects,
): ListFollower {
  return createListFollower({
    lists: authority.held,
    storage,
    progress: storage.listProgress,
    vault,
    effects,
    observe: metrics.revocationsApplied,
    ...{ clock, random, log },
  });
}

/** Rests on what the follower has recorded, and knows by the lists how old that is. */
function openStatusCheck(
  { config, clock, metrics, log }: Base,
  { storage, vault }: Store,
  rooms: {
    trust: Readonly<Record<CertificateKind, Trust>>;
    authority: Revocation;
    follower: ListFollower;
    auditQueue: AuditQueue;
    questions: AuthorityQuestions;
    effects: RevocationEffects;
  },
): StatusCheck {
  const { trust, authority, follower, auditQueue, questions, effects } = rooms;
  const grace = config.revocation.graceSeconds * 1000;
  const ages = createListAges({
    issuers: namedAnchors(trust).map(({ anchor: { id, certificate } }) => ({
      id,
      name: certificate.subject,
      notAfter: certificate.notAfter,
    })),
    followed: follower.reached,
    fresh() {
      const now = clock();
      const inDate = authority.held().filter(({ list }) => list.isFresh(now, grace));
      return new Set(inDate.map(({ series }) => series));
    },
    clock,
  });
  const responders = createResponders({ storage, vault, word: authority.word, questions, effects, log });
  return createStatusCheck({
    ...{ storage, vault, ages, responders, clock },
    audit: auditQueue,
    observe: metrics.statusAnswered,
  });
}

/** Undefined where nobody could confirm that two certificates are one person's. */
function openSignatures(
  { signing }: Readonly<Record<CertificateKind, Trust>>,
  linkage: LinkageSource | undefined,
  rooms: Omit<SignatureVerifierWorld, 'linkage'>,
): SignatureVerifier | undefined {
  if (linkage === undefined || signing.anchors.length === 0) return undefined;
  return createSignatureVerifier({ ...rooms, linkage });
}

function openEnrolments(
  { config, clock }: Base,
  vault: Vault,
  signatures: SignatureVerifier,
  rooms: Pick<EnrolmentWorld, 'identity' | 'events'>,
): Enrolments {
  const terms = { version: config.enrolment.termsVersion, url: config.enrolment.termsUrl };
  return createEnrolments({ ...rooms, signatures, vault, terms, clock });
}

/** The register of SAML service providers, and what keeps it current. */
function openServiceProviders(
  { config, clock, random, metrics, log }: Base,
  { storage }: Store,
  catalogue: Catalogue,
  engine: () => Provider,
) {
  const { allowLoopback } = config.relyingParties;
  const world = {
    ...{ storage, clock, random, log },
    reader: createThreadedReader({ clock, allowLoopback }),
    fetch: createGuardedFetch({
      timeout: config.saml.metadataTimeoutSeconds * 1000,
      maxBody: FEED_LIMITS.octets,
      allowedNetworks: config.outbound.allowedNetworks,
      allowPlainHttp: config.outbound.allowPlainHttp,
    }),
    registration: {
      issuer: config.publicUrl,
      catalogue,
      judgeClient: (metadata: Record<string, unknown>) => registeredClient(engine().Client, metadata),
    },
  };
  const every = config.saml.metadataRefreshSeconds * 1000;
  const metadataRefresh = createMetadataRefresh({ ...world, every, observe: metrics.metadataRefreshed });
  return {
    metadataRefresh,
    serviceProviders: createServiceProviders({ store: storage.serviceProviders, clock }),
    serviceProviderAdministration: createServiceProviderAdministration({ ...world, refresh: metadataRefresh }),
  };
}

/** To addresses that relying parties choose. */
export function relyingPartyFetch({ outbound }: Configuration): typeof fetch {
  return createGuardedFetch({
    timeout: outbound.timeoutSeconds * 1000,
    maxBody: outbound.maxBodyBytes,
    allowedNetworks: outbound.allowedNetworks,
    allowPlainHttp: outbound.allowPlainHttp,
  });
}

export function clientsWorld({ config, clock, random }: Base, { storage }: Store) {
  return { storage, clock, random, allowLoopback: config.relyingParties.allowLoopback };
}
