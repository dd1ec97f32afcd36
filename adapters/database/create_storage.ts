import type { CrlNumberStore } from '../../provider/authentication/revocation.ts';
import type { ListProgressStore } from '../../provider/identity/revocation_store.ts';
import type { Storage, Stores } from '../../provider/storage.ts';
import type { Vault } from '../../provider/vault.ts';
import type { Database, Queries } from './database.ts';
import { createAccountLockStore } from './stores/account_lock_store.ts';
import { createAuditStore } from './stores/audit_store.ts';
import { createChallengeStore } from './stores/challenge_store.ts';
import { createClientStore } from './stores/client_store.ts';
import { createConsentStore } from './stores/consent_store.ts';
import { createCrlNumberStore } from './stores/crl_number_store.ts';
import { createEnrolmentStore } from './stores/enrolment_store.ts';
import { createEventStore } from './stores/event_store.ts';
import { createHandOverStore } from './stores/hand_over_store.ts';
import { createHistoryStore } from './stores/history_store.ts';
import { createIdentityStore } from './stores/identity_store.ts';
import { createLatestConsentStore } from './stores/latest_consent_store.ts';
import { createLogoutStore } from './stores/logout_store.ts';
import { createMailStore } from './stores/mail_store.ts';
import { createMisuseReportStore } from './stores/misuse_report_store.ts';
import { createNoticeStore } from './stores/notice_store.ts';
import { createPortalStore } from './stores/portal_store.ts';
import { createProviderSignInStore } from './stores/provider_sign_in_store.ts';
import { createProviderStore } from './stores/provider_store.ts';
import { createQuestionStore } from './stores/question_store.ts';
import { createListProgressStore, createRevocationStore } from './stores/revocation_store.ts';
import { createServiceProviderStore } from './stores/service_provider_store.ts';
import { createSigningKeyStore } from './stores/signing_key_store.ts';
import { createStatusStore } from './stores/status_store.ts';

/** Every room's store over one database. What is kept of lists stands apart: no transaction of a room includes it. */
export function createStorage(
  database: Database,
  vault: Vault,
): Storage & { crlNumbers: CrlNumberStore; listProgress: ListProgressStore } {
  function storesOn(queries: Queries, transact: Database['transaction']): Stores {
    return {
      identity: createIdentityStore(queries),
      enrolments: createEnrolmentStore(queries),
      notices: createNoticeStore(queries),
      mail: createMailStore(queries),
      accountLocks: createAccountLockStore(queries),
      revocations: createRevocationStore(queries),
      status: createStatusStore(queries),
      questions: createQuestionStore(queries),
      events: createEventStore(queries, transact),
      consents: createConsentStore(queries, transact, vault),
      history: createHistoryStore(queries, transact),
      latestConsents: createLatestConsentStore(queries, transact),
      providers: createProviderStore(queries, transact),
      providerSignIns: createProviderSignInStore(queries),
      portal: createPortalStore(queries),
      misuseReports: createMisuseReportStore(queries),
      challenges: createChallengeStore(queries),
      handOvers: createHandOverStore(queries),
      clients: createClientStore(queries, vault),
      serviceProviders: createServiceProviderStore(queries),
      logouts: createLogoutStore(queries),
      signingKeys: createSigningKeyStore(queries, vault),
      audit: createAuditStore(queries),
    };
  }

  return {
    ...storesOn(database, database.transaction),
    crlNumbers: createCrlNumberStore(database),
    listProgress: createListProgressStore(database),
    transaction: (work) => database.transaction((queries) => work(storesOn(queries, (inner) => inner(queries)))),
  };
}
