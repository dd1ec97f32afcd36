import { type ShownType, type ValueBlock, valueBlocks } from './portal_values.ts';
import { cleanText, localPath, longDate, longMoment, mustBe, NAME_LIMIT } from './safe_values.ts';
import { type ErrorText, errorText, type Language, type Words, wordsIn } from './words/words.ts';

/* The pages of the person's own portal. Times are milliseconds since 1970. */

/** A relying party as its registration calls it, or called it while it was there. */
export interface PortalParty {
  clientId: string;
  name: string;
  /** Whose site it is, since a name alone proves nothing. */
  host?: string | undefined;
  isRegistered: boolean;
}

/** A claim by the words of the catalogue, in the page's language. */
export interface PortalClaim {
  name: string;
  label: string;
}

export interface PortalAttribute {
  label: string;
  explanation: string;
  type: ShownType | undefined;
  /** Undefined where it could not be had. */
  value?: unknown;
  /** Where it is from, in the page's language. */
  source?: string | undefined;
  asOf?: number | undefined;
  isCurrent?: boolean | undefined;
}

export interface PortalConsent {
  id: string;
  party: PortalParty;
  granted: readonly PortalClaim[];
  declined: readonly PortalClaim[];
  purpose: string | undefined;
  grantedAt: number;
  expiresAt: number;
  endedAt: number | undefined;
  state: keyof Words['portal']['consents']['states'];
  period: keyof Words['portal']['consents']['periods'];
  /** Of its receipts, with their local paths. */
  receipts: readonly { event: keyof Words['portal']['consents']['receiptLinks']; path: string }[];
}

export interface PortalDisclosure {
  party: PortalParty;
  /** Each with whose word it was; undefined for what the hub says itself. */
  claims: readonly (PortalClaim & { source?: string | undefined })[];
  at: number;
  exit: keyof Words['portal']['history']['exits'];
  /** Whether the answer is known to have been handed to the network. */
  isDelivered: boolean;
  /** When the consent was given that it rested on. */
  consentedAt?: number | undefined;
}

export interface PortalCount {
  party: PortalParty;
  claims: readonly PortalClaim[];
  count: number;
  lastAt: number;
}

export interface PortalCard {
  kind: keyof Words['portal']['cards']['kinds'];
  state: keyof Words['portal']['cards']['states'];
  method: keyof Words['portal']['cards']['methods'];
  boundAt: number;
  checkedAt: number;
  notAfter: number;
}

export interface PortalSession {
  handle: string;
  isThis: boolean;
  signedInAt: number;
  expiresAt: number;
  method: keyof Words['portal']['sessions']['methods'];
  parties: readonly PortalParty[];
}

export interface PortalNotice {
  kind: keyof Words['notices']['kinds'];
  at: number;
}

export interface PortalReport {
  reference: string;
  kind: keyof Words['portal']['report']['kinds'];
  at: number;
  text: string;
}

/** An insurer, a card issuer or the like. */
export interface PortalProvider {
  id: string;
  /** In the page's language. */
  name: string;
  kind: keyof Words['portal']['providers']['kinds'];
}

export interface PortalMembership {
  id: string;
  provider: PortalProvider;
  boundAt: number;
  /** Whether the person has to sign in there again. */
  needsSignIn: boolean;
}

/** What is asked before something important is done, and what is said when it is. */
export type PortalDecision = 'withdraw' | 'end_membership' | 'end_session' | 'end_all' | 'lock';

export interface PortalInputs {
  portal_top: {
    name?: string | undefined;
    signedInAt: number;
    otherSignInAt: number | undefined;
    tasks: readonly (keyof Words['portal']['top']['tasks'])[];
    /** Local path of the sign-in page, from which enrolment begins. */
    enrolmentPath: string;
    notices: readonly PortalNotice[];
  };
  portal_attributes: { attributes: readonly PortalAttribute[] };
  portal_consents: {
    live: readonly PortalConsent[];
    past: readonly PortalConsent[];
    olderPath?: string | undefined;
  };
  portal_history: {
    counts: readonly PortalCount[];
    /** Of how many records the counts are. */
    counted: number;
    parties: readonly PortalParty[];
    claims: readonly PortalClaim[];
    chosen: { clientId?: string; claim?: string; from?: string; until?: string };
    isDateWrong: boolean;
    items: readonly PortalDisclosure[];
    olderPath?: string | undefined;
  };
  portal_cards: { cards: readonly PortalCard[] };
  portal_sessions: { sessions: readonly PortalSession[] };
  portal_providers: {
    memberships: readonly PortalMembership[];
    /** Those that one can be connected with. */
    others: readonly PortalProvider[];
  };
  portal_connect: {
    csrf: string;
    provider: PortalProvider;
    /** Where the provider's own sign-in is, when it is by that and not by entries. */
    signInHost?: string | undefined;
    /** What the person is asked for, by the provider's words in the page's language, and what stands in it. */
    entries: readonly { name: string; label: string; maxLength: number; isOptional: boolean; value: string }[];
    /** Why it did not work. */
    errorCode?: string | undefined;
  };
  portal_notices: {
    notices: readonly PortalNotice[];
    /** Whether the hub can write to people. */
    offersMail: boolean;
  };
  portal_mail: {
    csrf: string;
    /** Where notices go. */
    address: string | undefined;
    /** Since when the mail server does not take it (ms since 1970). */
    refusedAt: number | undefined;
    /** Where a code was sent, and until when it works (ms since 1970); or could not be sent. */
    pending: { readonly address: string; readonly until: number; readonly isRefused: boolean } | undefined;
    /** What stands in the fields. */
    code: string;
    entered: string;
    errorCode?: string | undefined;
  };
  portal_download: Record<string, never>;
  portal_record: {
    at: number;
    attributes: readonly PortalAttribute[];
    consents: readonly PortalConsent[];
    disclosures: readonly PortalDisclosure[];
    /** Whether there are more disclosures than these. */
    isCut: boolean;
    cards: readonly PortalCard[];
    sessions: readonly PortalSession[];
    /** Attribute providers, by their names in the page's language. */
    memberships: readonly { name: string; boundAt: number }[];
    notices: readonly PortalNotice[];
    mailAddress?: string | undefined;
    reports: readonly PortalReport[];
  };
  portal_report: {
    csrf: string;
    parties: readonly PortalParty[];
    /** What stands in the fields. */
    kind?: string | undefined;
    clientId?: string | undefined;
    text: string;
    /** Characters. */
    limit: number;
    problems: readonly ('missing' | 'missingKind' | 'tooLong')[];
  };
  portal_confirm: {
    decision: PortalDecision;
    csrf: string;
    /** Local paths that the form is sent to, and that leads back. */
    action: string;
    backPath: string;
    /** Hidden fields. */
    fields: Readonly<Record<string, string>>;
    party?: PortalParty | undefined;
    provider?: PortalProvider | undefined;
    /** Of the session that is to end. */
    at?: number | undefined;
    /** Claims that the consent is about. */
    claims?: readonly PortalClaim[] | undefined;
  };
  portal_done: {
    done: keyof Words['portal']['done'] &
      ('withdrawn' | 'connected' | 'membership_ended' | 'session_ended' | 'all_ended' | 'reported' | 'locked');
    reference?: string | undefined;
  };
}
export type PortalPageName = keyof PortalInputs;

interface ShownParty {
  readonly name: string;
  readonly host: string | undefined;
  readonly historyPath: string;
}

interface ShownAttribute {
  readonly id: string;
  readonly label: string;
  readonly explanation: string;
  readonly blocks: readonly ValueBlock[] | undefined;
  readonly hasRanges: boolean;
  readonly source: string | undefined;
  readonly asOf: string | undefined;
  readonly currency: 'current' | 'stale' | undefined;
}

interface ShownConsent {
  readonly id: string;
  readonly party: ShownParty;
  readonly granted: readonly string[];
  readonly declined: readonly string[];
  readonly purpose: string;
  readonly since: string;
  readonly until: string | undefined;
  readonly ended: string | undefined;
  readonly state: string;
  readonly withdrawPath: string | undefined;
  readonly period: string;
  readonly receipts: readonly { readonly path: string; readonly label: string }[];
}

interface ShownDisclosure {
  readonly party: ShownParty;
  readonly claims: readonly string[];
  readonly at: string;
  readonly dateTime: string;
  readonly exit: string;
  readonly delivery: string;
  readonly isDelivered: boolean;
  readonly consent: string | undefined;
  readonly reportPath: string;
}

interface ShownCard {
  readonly kind: string;
  readonly text: string;
  readonly state: string;
  readonly isGood: boolean;
  readonly since: string;
  readonly checked: string;
  readonly until: string;
  readonly how: string;
}

interface ShownSession {
  readonly isThis: boolean;
  readonly since: string;
  readonly until: string;
  readonly how: string;
  readonly services: readonly string[];
  readonly endPath: string;
}

interface ShownNotice {
  readonly title: string;
  readonly body: string;
  readonly next: string;
  readonly at: string;
  readonly dateTime: string;
}

interface Option {
  readonly value: string;
  readonly label: string;
  readonly isChosen: boolean;
}

/** What each template reads: words in one language, nothing left to decide. */
export interface PortalModels {
  portal_top: {
    greeting: string | undefined;
    thisSignIn: string;
    otherSignIn: string;
    hasOther: boolean;
    tasks: readonly { title: string; text: string; button: string; path: string }[];
    notices: readonly ShownNotice[];
    menu: readonly { title: string; text: string; path: string }[];
  };
  portal_attributes: { attributes: readonly ShownAttribute[] };
  portal_consents: { live: readonly ShownConsent[]; past: readonly ShownConsent[]; olderPath: string | undefined };
  portal_history: {
    counts: readonly { party: ShownParty; claims: readonly string[]; times: string; width: number; last: string }[];
    hint: string;
    parties: readonly Option[];
    claims: readonly Option[];
    from: string;
    until: string;
    isFiltered: boolean;
    isDateWrong: boolean;
    items: readonly ShownDisclosure[];
    olderPath: string | undefined;
  };
  portal_cards: { cards: readonly ShownCard[] };
  portal_sessions: { sessions: readonly ShownSession[] };
  portal_providers: {
    memberships: readonly {
      name: string;
      kind: string;
      since: string;
      endPath: string;
      /** Where they sign in again, when they have to. */
      againPath: string | undefined;
    }[];
    others: readonly { name: string; kind: string; path: string }[];
  };
  portal_connect: {
    csrf: string;
    action: string;
    name: string;
    lead: string;
    button: string;
    entries: readonly {
      id: string;
      name: string;
      label: string;
      maxLength: number;
      isOptional: boolean;
      value: string;
    }[];
    error: ErrorText | undefined;
  };
  portal_notices: { notices: readonly ShownNotice[]; offersMail: boolean };
  portal_mail: {
    csrf: string;
    address: string | undefined;
    refused: string | undefined;
    pending: string | undefined;
    pendingRefused: string | undefined;
    isRemovable: boolean;
    code: string;
    entered: string;
    error: ErrorText | undefined;
  };
  portal_download: Record<string, never>;
  portal_record: {
    made: string;
    attributes: readonly ShownAttribute[];
    consents: readonly ShownConsent[];
    disclosures: readonly ShownDisclosure[];
    cut: string | undefined;
    cards: readonly ShownCard[];
    sessions: readonly ShownSession[];
    memberships: readonly { name: string; since: string }[];
    notices: readonly ShownNotice[];
    mailAddress: string | undefined;
    reports: readonly { reference: string; kind: string; at: string; text: string }[];
  };
  portal_report: {
    csrf: string;
    kinds: readonly Option[];
    parties: readonly Option[];
    text: string;
    hint: string;
    kindProblem: string | undefined;
    textProblem: string | undefined;
  };
  portal_confirm: {
    csrf: string;
    action: string;
    backPath: string;
    fields: readonly { name: string; value: string }[];
    texts: readonly string[];
    party: ShownParty | undefined;
    claims: readonly string[];
    button: string;
    isDanger: boolean;
  };
  portal_done: {
    text: string;
    reference: { label: string; value: string } | undefined;
    next: { path: string; label: string } | undefined;
    toLock: boolean;
  };
}

interface BuiltPortalPage<Name extends PortalPageName> {
  title: string;
  model: PortalModels[Name];
  imageOrigins: readonly string[];
}

type PortalBuilders = {
  [Name in PortalPageName]: (input: PortalInputs[Name], language: Language) => BuiltPortalPage<Name>;
};

/** Where each of the portal's pages is. */
const PATHS = {
  attributes: '/portal/attributes',
  consents: '/portal/consents',
  history: '/portal/history',
  cards: '/portal/cards',
  sessions: '/portal/sessions',
  providers: '/portal/providers',
  notices: '/portal/notices',
  download: '/portal/download',
  report: '/portal/report',
  lock: '/portal/lock',
} as const;

export const portalBuilders: PortalBuilders = {
  portal_top({ name, signedInAt, otherSignInAt, tasks, enrolmentPath, notices }, language) {
    const { portal } = wordsIn(language);
    return page(portal.title, {
      greeting: name === undefined ? undefined : portal.top.greeting(cleanText(name, NAME_LIMIT)),
      thisSignIn: longMoment(signedInAt, language),
      otherSignIn: otherSignInAt === undefined ? portal.top.noOtherSignIn : longMoment(otherSignInAt, language),
      hasOther: otherSignInAt !== undefined,
      tasks: tasks.map((task) => ({
        ...portal.top.tasks[task],
        path: mustBe(localPath(task === 'mail_refused' ? '/portal/mail' : enrolmentPath), task),
      })),
      notices: notices.map((notice) => shownNotice(notice, language)),
      menu: (Object.keys(PATHS) as (keyof typeof PATHS)[]).map((item) => ({
        ...portal.menu[item],
        path: PATHS[item],
      })),
    });
  },

  portal_attributes({ attributes }, language) {
    return page(wordsIn(language).portal.attributes.title, {
      attributes: attributes.map((attribute, place) => shownAttribute(attribute, place, language)),
    });
  },

  portal_consents({ live, past, olderPath }, language) {
    return page(wordsIn(language).portal.consents.title, {
      live: live.map((consent) => shownConsent(consent, language)),
      past: past.map((consent) => shownConsent(consent, language)),
      olderPath: localPath(olderPath),
    });
  },

  portal_history({ counts, counted, parties, claims, chosen, isDateWrong, items, olderPath }, language) {
    const { history } = wordsIn(language).portal;
    const most = Math.max(1, ...counts.map(({ count }) => count));
    return page(history.title, {
      counts: counts.map(({ party, claims: told, count, lastAt }) => ({
        party: shownParty(party, language),
        claims: claimLabels(told),
        times: history.timesOf(count),
        // Of a hundred; what is there at all must be seen.
        width: Math.max(2, Math.round((count / most) * 100)),
        last: longDate(lastAt, language),
      })),
      hint: history.pictureHint(counted),
      parties: [
        { value: '', label: history.everyParty, isChosen: chosen.clientId === undefined },
        ...parties.map((party) => partyOption(party, chosen.clientId, language)),
      ],
      claims: [
        { value: '', label: history.everyClaim, isChosen: chosen.claim === undefined },
        ...claims.map((claim) => ({
          value: claim.name,
          label: cleanText(claim.label, NAME_LIMIT),
          isChosen: claim.name === chosen.claim,
        })),
      ],
      from: cleanText(chosen.from ?? '', 10),
      until: cleanText(chosen.until ?? '', 10),
      isFiltered: Object.values(chosen).some((value) => value !== undefined),
      isDateWrong,
      items: items.map((item) => shownDisclosure(item, language)),
      olderPath: localPath(olderPath),
    });
  },

  portal_cards({ cards }, language) {
    return page(wordsIn(language).portal.cards.title, { cards: cards.map((card) => shownCard(card, language)) });
  },

  portal_sessions({ sessions }, language) {
    return page(wordsIn(language).portal.sessions.title, {
      sessions: sessions.map((session) => shownSession(session, language)),
    });
  },

  portal_providers({ memberships, others }, language) {
    const { providers } = wordsIn(language).portal;
    return page(providers.title, {
      memberships: memberships.map(({ id, provider, boundAt, needsSignIn }) => ({
        ...{ name: cleanText(provider.name, NAME_LIMIT), kind: providers.kinds[provider.kind] },
        since: longMoment(boundAt, language),
        endPath: `${PATHS.providers}/memberships/${encodeURIComponent(id)}/end`,
        againPath: needsSignIn ? `${PATHS.providers}/${encodeURIComponent(provider.id)}` : undefined,
      })),
      others: others.map(({ id, name, kind }) => ({
        ...{ name: cleanText(name, NAME_LIMIT), kind: providers.kinds[kind] },
        path: `${PATHS.providers}/${encodeURIComponent(id)}`,
      })),
    });
  },

  portal_connect({ csrf, provider, signInHost, entries, errorCode }, language) {
    const words = wordsIn(language);
    const { providers } = words.portal;
    const name = cleanText(provider.name, NAME_LIMIT);
    const title = providers.connectTitle(name);
    const error = errorCode === undefined ? undefined : errorText(errorCode, language);
    return page(error ? words.layout.errorTitle(error.title) : title, {
      ...{ csrf, name, error },
      ...(signInHost === undefined
        ? { lead: providers.connectLead(name), button: providers.send }
        : { lead: providers.signInLead(name, cleanText(signInHost, NAME_LIMIT)), button: providers.signIn }),
      action: `${PATHS.providers}/${encodeURIComponent(provider.id)}`,
      entries: entries.map((entry, place) => ({
        ...entry,
        id: `entry-${place}`,
        label: cleanText(entry.label, NAME_LIMIT),
      })),
    });
  },

  portal_notices({ notices, offersMail }, language) {
    return page(wordsIn(language).portal.notices.title, {
      offersMail,
      notices: notices.map((notice) => shownNotice(notice, language)),
    });
  },

  portal_mail({ csrf, address, refusedAt, pending, code, entered, errorCode }, language) {
    const { layout, portal } = wordsIn(language);
    return page(errorCode === undefined ? portal.mail.title : layout.errorTitle(portal.mail.title), {
      ...{ csrf, address, code, entered },
      refused: refusedAt === undefined ? undefined : portal.mail.refused(longMoment(refusedAt, language)),
      pending:
        pending && !pending.isRefused
          ? portal.mail.sent(pending.address, longMoment(pending.until, language))
          : undefined,
      pendingRefused: pending?.isRefused ? portal.mail.notSent(pending.address) : undefined,
      isRemovable: address !== undefined || pending !== undefined,
      error: errorCode === undefined ? undefined : errorText(errorCode, language),
    });
  },

  portal_download: (_input, language) => page(wordsIn(language).portal.download.title, {}),

  portal_record(input, language) {
    const { record, report } = wordsIn(language).portal;
    return page(record.title, {
      made: record.made(longMoment(input.at, language)),
      attributes: input.attributes.map((attribute, place) => shownAttribute(attribute, place, language)),
      consents: input.consents.map((consent) => shownConsent(consent, language)),
      disclosures: input.disclosures.map((item) => shownDisclosure(item, language)),
      cut: input.isCut ? record.newest(input.disclosures.length) : undefined,
      cards: input.cards.map((card) => shownCard(card, language)),
      sessions: input.sessions.map((session) => shownSession(session, language)),
      memberships: input.memberships.map(({ name, boundAt }) => ({
        ...{ name: cleanText(name, NAME_LIMIT), since: longMoment(boundAt, language) },
      })),
      mailAddress: input.mailAddress,
      notices: input.notices.map((notice) => shownNotice(notice, language)),
      reports: input.reports.map(({ reference, kind, at, text }) => ({
        ...{ reference, kind: report.kinds[kind], at: longMoment(at, language) },
        text: cleanText(text, 2000),
      })),
    });
  },

  portal_report({ csrf, parties, kind, clientId, text, limit, problems }, language) {
    const words = wordsIn(language);
    const { report } = words.portal;
    const textProblem = problems.includes('missing')
      ? report.missing
      : problems.includes('tooLong')
        ? report.tooLong(limit)
        : undefined;
    return page(problems.length > 0 ? words.layout.errorTitle(report.problem) : report.title, {
      csrf,
      kinds: (Object.keys(report.kinds) as (keyof typeof report.kinds)[]).map((value) => ({
        ...{ value, label: report.kinds[value], isChosen: value === kind },
      })),
      parties: [
        { value: '', label: report.noParty, isChosen: clientId === undefined },
        ...parties.map((party) => partyOption(party, clientId, language)),
      ],
      text,
      hint: report.textHint(limit),
      kindProblem: problems.includes('missingKind') ? report.missingKind : undefined,
      textProblem,
    });
  },

  portal_confirm({ decision, csrf, action, backPath, fields, party, provider, at, claims }, language) {
    const { confirm } = wordsIn(language).portal;
    const name = party ? shownParty(party, language).name : cleanText(provider?.name ?? '', NAME_LIMIT);
    const when = at === undefined ? '' : longMoment(at, language);
    const texts = {
      withdraw: [confirm.withdraw.text(name)],
      end_membership: [confirm.end_membership.text(name)],
      end_session: [confirm.end_session.text(when)],
      end_all: [confirm.end_all.text],
      lock: [confirm.lock.text, confirm.lock.more],
    };
    return page(confirm[decision].title, {
      csrf,
      action: mustBe(localPath(action), 'action'),
      backPath: mustBe(localPath(backPath), 'backPath'),
      fields: Object.entries(fields).map(([field, value]) => ({ name: field, value })),
      texts: texts[decision],
      party: party && shownParty(party, language),
      claims: claimLabels(claims ?? []),
      button: confirm[decision].button,
      isDanger: decision === 'lock' || decision === 'withdraw',
    });
  },

  portal_done({ done, reference }, language) {
    const { done: words } = wordsIn(language).portal;
    const next = {
      withdrawn: { path: PATHS.consents, label: words.toConsents },
      connected: { path: PATHS.attributes, label: words.toAttributes },
      membership_ended: { path: PATHS.providers, label: words.toProviders },
      session_ended: { path: PATHS.sessions, label: words.toSessions },
      all_ended: undefined,
      reported: undefined,
      locked: undefined,
    };
    const label = done === 'locked' ? words.reference.locked : words.reference.reported;
    return page(words[done].title, {
      text: words[done].text,
      reference: reference === undefined ? undefined : { label, value: reference },
      next: next[done],
      toLock: done === 'reported',
    });
  },
};

function page<Model>(title: string, model: Model) {
  return { title, model, imageOrigins: [] };
}

function shownParty({ clientId, name, host, isRegistered }: PortalParty, language: Language): ShownParty {
  const { portal, party } = wordsIn(language);
  const clean = cleanText(name, NAME_LIMIT) || cleanText(clientId, NAME_LIMIT) || '?';
  return {
    name: isRegistered ? clean : portal.unregistered(clean),
    host: host === undefined ? undefined : party.host(cleanText(host, NAME_LIMIT)),
    historyPath: `${PATHS.history}?${new URLSearchParams({ party: clientId })}`,
  };
}

function partyOption(party: PortalParty, chosen: string | undefined, language: Language): Option {
  const { name } = shownParty(party, language);
  return { value: party.clientId, label: name, isChosen: party.clientId === chosen };
}

function claimLabels(claims: readonly PortalClaim[]): readonly string[] {
  return claims.map(({ label }) => cleanText(label, NAME_LIMIT));
}

function shownAttribute(attribute: PortalAttribute, place: number, language: Language): ShownAttribute {
  const { label, explanation, type, value, source, asOf, isCurrent } = attribute;
  const shown = value === undefined ? undefined : valueBlocks(value, type, language);
  return {
    id: `attribute-${place}`,
    label: cleanText(label, NAME_LIMIT),
    explanation: cleanText(explanation, 300),
    blocks: shown?.blocks,
    hasRanges: shown?.hasRanges ?? false,
    source: source === undefined ? undefined : cleanText(source, NAME_LIMIT),
    asOf: asOf === undefined ? undefined : longMoment(asOf, language),
    currency: isCurrent === undefined ? undefined : isCurrent ? 'current' : 'stale',
  };
}

function shownConsent(consent: PortalConsent, language: Language): ShownConsent {
  const { consents } = wordsIn(language).portal;
  const { id, state } = consent;
  return {
    id,
    party: shownParty(consent.party, language),
    granted: claimLabels(consent.granted),
    declined: claimLabels(consent.declined),
    purpose: cleanText(consent.purpose ?? '', 500) || consents.noPurpose,
    since: longMoment(consent.grantedAt, language),
    until: state === 'live' ? longMoment(consent.expiresAt, language) : undefined,
    ended: consent.endedAt === undefined ? undefined : longMoment(consent.endedAt, language),
    state: consents.states[state],
    withdrawPath: state === 'live' ? `${PATHS.consents}/${encodeURIComponent(id)}/withdraw` : undefined,
    period: consents.periods[consent.period],
    receipts: consent.receipts.map(({ event, path }) => ({
      path: mustBe(localPath(path), 'receipt'),
      label: consents.receiptLinks[event],
    })),
  };
}

function shownDisclosure(item: PortalDisclosure, language: Language): ShownDisclosure {
  const { history } = wordsIn(language).portal;
  return {
    party: shownParty(item.party, language),
    claims: item.claims.map(({ label, source }) => {
      const claim = cleanText(label, NAME_LIMIT);
      return source === undefined ? claim : history.claimFrom(claim, cleanText(source, NAME_LIMIT));
    }),
    at: longMoment(item.at, language),
    dateTime: new Date(item.at).toISOString(),
    exit: history.exits[item.exit],
    delivery: item.isDelivered ? history.delivered : history.undelivered,
    isDelivered: item.isDelivered,
    consent: item.consentedAt === undefined ? undefined : history.consentOf(longDate(item.consentedAt, language)),
    reportPath: `${PATHS.report}?${new URLSearchParams({ kind: 'disclosure', party: item.party.clientId })}`,
  };
}

function shownCard({ kind, state, method, boundAt, checkedAt, notAfter }: PortalCard, language: Language): ShownCard {
  const { cards } = wordsIn(language).portal;
  return {
    kind: cards.kinds[kind],
    text: cards.kindTexts[kind],
    state: cards.states[state],
    isGood: state === 'good',
    since: longMoment(boundAt, language),
    checked: longMoment(checkedAt, language),
    until: longDate(notAfter, language),
    how: cards.methods[method],
  };
}

function shownSession(session: PortalSession, language: Language): ShownSession {
  const { sessions } = wordsIn(language).portal;
  return {
    isThis: session.isThis,
    since: longMoment(session.signedInAt, language),
    until: longMoment(session.expiresAt, language),
    how: sessions.methods[session.method],
    services: session.parties.map((party) => shownParty(party, language).name),
    endPath: `${PATHS.sessions}/${encodeURIComponent(session.handle)}/end`,
  };
}

function shownNotice({ kind, at }: PortalNotice, language: Language): ShownNotice {
  const { kinds } = wordsIn(language).notices;
  return { ...kinds[kind], at: longMoment(at, language), dateTime: new Date(at).toISOString() };
}
