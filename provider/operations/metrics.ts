import type { Context, Middleware } from 'koa';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isDirectLoopback } from './direct_loopback.ts';
import { routeOf } from './route_of.ts';

/** How one revocation list is doing. Times are milliseconds since 1970. */
export interface RevocationListStatus {
  /** Fingerprint of the root. */
  readonly anchor: string;
  readonly url: string;
  readonly fresh: boolean;
  readonly thisUpdate: number | undefined;
  readonly nextUpdate: number | undefined;
}

export interface Metrics {
  /** Measures every request that passes, by method, route pattern and status. */
  readonly measureRequests: Middleware;
  /** Counts a sign-in: `success`, or the code of the HubError that ended it. */
  signInEnded(outcome: string): void;
  /** Counts an enrolment: what came of it, or the code of the HubError that ended it. */
  enrolmentEnded(outcome: string): void;
  /** Counts a consent to being told the latest attributes: given, withdrawn, or the code of the HubError that ended it. */
  latestConsentEnded(outcome: string): void;
  /** Counts a question to the authority for somebody's latest attributes. */
  latestAttributesAsked(outcome: 'told' | 'consent_ended' | 'certificate_ended' | 'unavailable'): void;
  /** Counts a question to an attribute provider by whether an answer came that can be believed. */
  attributeProviderAsked(outcome: 'told' | 'silent'): void;
  /** Counts a revocation check by the channel that answered; `unavailable` when none did. */
  revocationChecked(source: 'crl' | 'ocsp' | 'unavailable'): void;
  /** Counts what the revocations of a list came to among the hub's own certificates, sessions and grants. */
  revocationsApplied(counts: { user: number; signing: number; sessions: number; grants: number }): void;
  /** Counts the notices to relying parties about sessions that ended by a revocation. */
  logoutNoticed(outcome: 'delivered' | 'failed'): void;
  /** Counts what status checks answered, by status. */
  statusAnswered(status: string, count: number): void;
  /** Counts what the authority was asked, or need not be since the answer was remembered. */
  authorityAsked(question: {
    channel: 'ocsp' | 'linkage' | 'latest attributes';
    outcome: 'asked' | 'remembered';
  }): void;
  /** Counts security events that were pushed, or could not be. */
  eventPushed(outcome: 'delivered' | 'rejected' | 'failed'): void;
  /** Counts mails to people, and attempts that failed. */
  mailEnded(outcome: 'sent' | 'refused' | 'failed' | 'given_up', count: number): void;
  /** Counts single logouts that SAML service providers take part in. */
  singleLogoutEnded(outcome: 'complete' | 'partial' | 'nothing_to_end' | 'refused'): void;
  /** Counts looks at the addresses that metadata of service providers comes from. */
  metadataRefreshed(outcome: 'changed' | 'unchanged' | 'failed'): void;
  /** Counts answers to SAML service providers: `success`, or the last status code's own word. */
  samlAnswered(outcome: string): void;
  /** Counts what people report of misuse, by what it is about. */
  misuseReported(kind: string): void;
  /** Asked for at each scrape. */
  watchRevocation(read: () => readonly RevocationListStatus[]): void;
  /** @param seconds the time that the database took for `operation`, a name from our own code */
  databaseTook(operation: string, seconds: number): void;
  readonly contentType: string;
  render(): Promise<string>;
}

/** A label with more values than this is a mistake of ours, and would fill the memory of whoever collects. */
const MAX_LABEL_VALUES = 200;
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const DATABASE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** The hub's numbers, the process's own included (event loop delay, memory, CPU). No label tells of a person. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const requests = new Histogram({
    name: 'musubi_http_request_duration_seconds',
    help: 'Time from a request to the end of its handling, by method, route pattern and status',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const signIns = new Counter({
    name: 'musubi_sign_ins_total',
    help: 'Sign-ins with a card by outcome: success, or the code of what ended it',
    labelNames: ['outcome'],
    registers,
  });
  const enrolments = new Counter({
    name: 'musubi_enrolments_total',
    help: 'Enrolments by outcome: enrolled, differs, registered_before, or the code of what ended it',
    labelNames: ['outcome'],
    registers,
  });
  const latestConsents = new Counter({
    name: 'musubi_latest_consents_total',
    help: 'Consents to being told the latest attributes: consented, withdrawn, or the code of what ended one',
    labelNames: ['outcome'],
    registers,
  });
  const latestAttributes = new Counter({
    name: 'musubi_latest_attributes_total',
    help: 'Questions to the authority for the latest attributes, by what came of them',
    labelNames: ['outcome'],
    registers,
  });
  const attributeProviders = new Counter({
    name: 'musubi_attribute_providers_total',
    help: 'Questions to attribute providers, by what came of them',
    labelNames: ['outcome'],
    registers,
  });
  const revocationChecks = new Counter({
    name: 'musubi_revocation_checks_total',
    help: 'Certificates asked about, by the channel that answered',
    labelNames: ['source'],
    registers,
  });
  const revokedCertificates = new Counter({
    name: 'musubi_revoked_certificates_total',
    help: 'Certificates of people known here that a list newly revoked',
    labelNames: ['kind'],
    registers,
  });
  const endedByRevocation = new Counter({
    name: 'musubi_ended_by_revocation_total',
    help: 'Sessions and grants that ended because a card was revoked',
    labelNames: ['what'],
    registers,
  });
  const logoutNotices = new Counter({
    name: 'musubi_logout_notices_total',
    help: 'Relying parties that were told of such an end, or could not be',
    labelNames: ['outcome'],
    registers,
  });
  const statusAnswers = new Counter({
    name: 'musubi_status_answers_total',
    help: 'People whom relying parties asked about, by what they were told',
    labelNames: ['status'],
    registers,
  });
  const authorityQuestions = new Counter({
    name: 'musubi_authority_questions_total',
    help: 'Questions to the authority: put, or answered from memory',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  const pushedEvents = new Counter({
    name: 'musubi_event_pushes_total',
    help: 'Attempts to push a security event to a relying party',
    labelNames: ['outcome'],
    registers,
  });
  const mails = new Counter({
    name: 'musubi_mails_total',
    help: 'Mails to people that were sent, that a server refused or that were given up; and attempts that failed',
    labelNames: ['outcome'],
    registers,
  });
  const singleLogouts = new Counter({
    name: 'musubi_saml_logouts_total',
    help: 'Single logouts that SAML service providers take part in',
    labelNames: ['outcome'],
    registers,
  });
  const metadataRefreshes = new Counter({
    name: 'musubi_metadata_refreshes_total',
    help: 'Looks at the addresses that metadata of SAML service providers comes from',
    labelNames: ['outcome'],
    registers,
  });
  const samlAnswers = new Counter({
    name: 'musubi_saml_answers_total',
    help: 'Answers to requests of SAML service providers',
    labelNames: ['outcome'],
    registers,
  });
  const misuseReports = new Counter({
    name: 'musubi_misuse_reports_total',
    help: 'Reports of misuse that people sent, by what they are about',
    labelNames: ['kind'],
    registers,
  });
  const database = new Histogram({
    name: 'musubi_database_duration_seconds',
    help: 'Time of database operations',
    labelNames: ['operation'],
    buckets: DATABASE_BUCKETS,
    registers,
  });
  const boundOutcome = boundedLabel();
  const boundOperation = boundedLabel();

  return {
    async measureRequests(ctx, next) {
      const stop = requests.startTimer();
      let failed = true;
      try {
        await next();
        failed = false;
      } finally {
        stop({ method: methodOf(ctx), route: routeOf(ctx), status: failed ? 500 : ctx.status });
      }
    },
    signInEnded: (outcome) => signIns.inc({ outcome: boundOutcome(outcome) }),
    enrolmentEnded: (outcome) => enrolments.inc({ outcome: boundOutcome(outcome) }),
    latestConsentEnded: (outcome) => latestConsents.inc({ outcome: boundOutcome(outcome) }),
    latestAttributesAsked: (outcome) => latestAttributes.inc({ outcome }),
    attributeProviderAsked: (outcome) => attributeProviders.inc({ outcome }),
    revocationChecked: (source) => revocationChecks.inc({ source }),
    revocationsApplied({ user, signing, sessions, grants }) {
      revokedCertificates.inc({ kind: 'user' }, user);
      revokedCertificates.inc({ kind: 'signing' }, signing);
      endedByRevocation.inc({ what: 'session' }, sessions);
      endedByRevocation.inc({ what: 'grant' }, grants);
    },
    logoutNoticed: (outcome) => logoutNotices.inc({ outcome }),
    statusAnswered: (status, count) => statusAnswers.inc({ status }, count),
    authorityAsked: ({ channel, outcome }) => authorityQuestions.inc({ channel, outcome }),
    eventPushed: (outcome) => pushedEvents.inc({ outcome }),
    mailEnded: (outcome, count) => mails.inc({ outcome }, count),
    singleLogoutEnded: (outcome) => singleLogouts.inc({ outcome }),
    metadataRefreshed: (outcome) => metadataRefreshes.inc({ outcome }),
    samlAnswered: (outcome) => samlAnswers.inc({ outcome }),
    misuseReported: (kind) => misuseReports.inc({ kind: boundOutcome(kind) }),
    watchRevocation: (read) => addRevocationGauges(registry, read),
    databaseTook: (operation, seconds) => database.observe({ operation: boundOperation(operation) }, seconds),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

/**
 * `GET /metrics` on the hub's own port, for requests that come straight from this machine. For anybody else there is
 * no such page. Stands before the host guard.
 */
export function metricsForThisMachine(metrics: Metrics): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/metrics' || ctx.method !== 'GET' || !isDirectLoopback(ctx.req)) return next();
    await answerWithMetrics(ctx, metrics);
  };
}

/** For a listener of its own: answers `GET /metrics` and nothing else. */
export function metricsOnly(metrics: Metrics): Middleware {
  return async (ctx) => {
    if (ctx.path === '/metrics' && ctx.method === 'GET') await answerWithMetrics(ctx, metrics);
  };
}

async function answerWithMetrics(ctx: Context, metrics: Metrics): Promise<void> {
  ctx.body = await metrics.render();
  ctx.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
}

function addRevocationGauges(registry: Registry, read: () => readonly RevocationListStatus[]): void {
  const labelNames = ['anchor', 'url'] as const;
  const gauge = (name: string, help: string, readValue: (list: RevocationListStatus) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const list of read()) {
          const value = readValue(list);
          if (value !== undefined) this.set({ anchor: list.anchor, url: list.url }, value);
        }
      },
    });
  const seconds = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : milliseconds / 1000);
  gauge('musubi_revocation_list_fresh', '1 when sign-ins can rely on the list', ({ fresh }) => (fresh ? 1 : 0));
  gauge('musubi_revocation_list_this_update_seconds', 'Time of the list', (list) => seconds(list.thisUpdate));
  gauge('musubi_revocation_list_next_update_seconds', 'Time until which it serves', (list) => seconds(list.nextUpdate));
}

function methodOf(ctx: Context): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(ctx.method) ? ctx.method : 'other';
}

/** Passes words of our own kind through, as long as they are few; everything else is `other`. */
function boundedLabel(): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= MAX_LABEL_VALUES || !/^[a-z][a-z0-9_.]{0,59}$/.test(value)) return 'other';
    known.add(value);
    return value;
  };
}
