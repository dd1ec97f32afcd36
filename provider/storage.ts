import type { LatestConsentStore } from './attributes/latest_consent_store.ts';
import type { ProviderSignInStore } from './attributes/providers/provider_sign_in_store.ts';
import type { ProviderStore } from './attributes/providers/provider_store.ts';
import type { AuditLog } from './audit/audit_log.ts';
import type { ChallengeStore } from './authentication/challenge.ts';
import type { HandOverStore } from './authentication/hand_over.ts';
import type { ConsentStore } from './consent/consent_store.ts';
import type { HistoryStore } from './consent/history_store.ts';
import type { EventStore } from './events/event_store.ts';
import type { AccountLockStore } from './identity/account_lock.ts';
import type { EnrolmentStore } from './identity/enrolment_store.ts';
import type { IdentityStore } from './identity/identity_store.ts';
import type { NoticeStore } from './identity/notices.ts';
import type { RevocationStore } from './identity/revocation_store.ts';
import type { MailStore } from './notices_by_mail/mail_store.ts';
import type { ClientStore, SigningKeyStore } from './oidc/oidc_stores.ts';
import type { MisuseReportStore } from './portal/misuse_reports.ts';
import type { PortalStore } from './portal/portal_store.ts';
import type { LogoutStore } from './saml/logout/logout_store.ts';
import type { ServiceProviderStore } from './saml/service_provider_store.ts';
import type { QuestionStore } from './status/question_store.ts';
import type { StatusStore } from './status/status_store.ts';

/** Every room's store, all speaking to one database or one transaction of it. */
export interface Stores {
  identity: IdentityStore;
  enrolments: EnrolmentStore;
  notices: NoticeStore;
  accountLocks: AccountLockStore;
  mail: MailStore;
  revocations: RevocationStore;
  status: StatusStore;
  questions: QuestionStore;
  events: EventStore;
  consents: ConsentStore;
  history: HistoryStore;
  latestConsents: LatestConsentStore;
  providers: ProviderStore;
  providerSignIns: ProviderSignInStore;
  portal: PortalStore;
  misuseReports: MisuseReportStore;
  challenges: ChallengeStore;
  handOvers: HandOverStore;
  clients: ClientStore;
  serviceProviders: ServiceProviderStore;
  logouts: LogoutStore;
  signingKeys: SigningKeyStore;
  audit: AuditLog;
}

export interface Storage extends Stores {
  /** Runs `work` in one transaction: all of it happens, or nothing. Serialisation failures are tried again. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
}
