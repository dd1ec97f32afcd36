import { Readable } from 'node:stream';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { PortalDecision } from '../../views/portal_models.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Memberships, ShownMembership, ShownProvider } from '../attributes/providers/memberships.ts';
import type { ProviderSignIns } from '../attributes/providers/provider_sign_ins.ts';
import { HubError } from '../errors.ts';
import type { MailAddresses } from '../notices_by_mail/mail_addresses.ts';
import { PORTAL_MAIL_PATH } from '../notices_by_mail/mail_text.ts';
import type { Renderer } from '../web/render.ts';
import { sendPage } from '../web/send_page.ts';
import type { Clock } from '../world.ts';
import type { AccountLocks } from './account_locks.ts';
import { readHistoryQuery } from './history_query.ts';
import { LONGEST_REPORT, type MisuseKind, type MisuseReports, misuseKinds } from './misuse_reports.ts';
import { COUNTED, type OwnAttribute, type Portal } from './portal.ts';
import {
  attributeInput,
  cardInput,
  consentInput,
  disclosureInput,
  languageOf,
  type Naming,
  partyOf,
  sessionInput,
} from './portal_pages.ts';
import type { PortalPerson, PortalSessions } from './portal_session.ts';
import type { KeptConsent, KeptDisclosure } from './portal_store.ts';
import type { Records } from './records.ts';
import { mountPortalSignIn, portalSignInPath } from './sign_in.ts';

export interface PortalWorld {
  /** The hub's public URL. */
  readonly issuer: string;
  readonly portal: Portal;
  readonly sessions: PortalSessions;
  readonly records: Records;
  readonly reports: MisuseReports;
  readonly locks: AccountLocks;
  readonly renderer: Renderer;
  readonly catalogue: Catalogue;
  readonly memberships: Memberships;
  readonly providerSignIns: ProviderSignIns;
  /** Undefined where the hub writes to nobody. */
  readonly mailAddresses: MailAddresses | undefined;
  /** Whether people can enrol here. */
  readonly enrolment: boolean;
  readonly clock: Clock;
}

type Show = (ctx: Context, person: PortalPerson, world: PortalWorld) => Promise<void>;
type Act = (ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld) => Promise<void>;

const RECENT_NOTICES = 3;
/** Disclosures on the page of somebody's records. */
const SHOWN_DISCLOSURES = 500;

/** Where browsers come back to from a provider's own sign-in. */
const CALLBACK_PATH = '/portal/providers/:id/callback';

/** The person's own pages: for whoever the browser's session names, and about nobody else. */
export function mountPortal(router: Router, world: PortalWorld): void {
  mountPortalSignIn(router, world.issuer);

  const page = (path: string, show: Show) => router.get(path, (ctx) => forPerson(ctx, world, show));
  /** What only somebody sees or does who has just shown the card. */
  const carefulPage = (path: string, show: Show) =>
    page(path, async (ctx, person) =>
      world.sessions.isRecent(person) ? show(ctx, person, world) : askForCard(ctx, ctx.url, true),
    );
  const form = (path: string, act: Act) =>
    router.post(path, (ctx) =>
      forPerson(ctx, world, async (_ctx, person) =>
        act(ctx, person, await world.sessions.readForm(ctx, person), world),
      ),
    );
  const carefulForm = (path: string, act: Act) =>
    form(path, async (ctx, person, fields) =>
      world.sessions.isRecent(person) ? act(ctx, person, fields, world) : askForCard(ctx, ctx.path, true),
    );

  page('/portal', showTop);
  page('/portal/attributes', showAttributes);
  page('/portal/consents', showConsents);
  carefulPage('/portal/consents/:id/withdraw', confirmWithdrawal);
  carefulForm('/portal/consents/:id/withdraw', withdraw);
  page('/portal/history', showHistory);
  page('/portal/cards', showCards);
  page('/portal/sessions', showSessions);
  carefulPage('/portal/sessions/end-all', confirmEndAll);
  carefulForm('/portal/sessions/end-all', endAll);
  page('/portal/sessions/:handle/end', confirmEnd);
  form('/portal/sessions/:handle/end', endOne);
  page('/portal/providers', showProviders);
  carefulPage('/portal/providers/:id', (ctx, person) =>
    showConnect(ctx, person, new URLSearchParams(), undefined, world),
  );
  carefulForm('/portal/providers/:id', connect);
  router.get(CALLBACK_PATH, (ctx) => finishSignIn(ctx, world));
  page('/portal/providers/:id/connected', showConnected);
  carefulPage('/portal/providers/memberships/:id/end', confirmDisconnect);
  carefulForm('/portal/providers/memberships/:id/end', disconnect);
  page('/portal/notices', showNotices);
  // Whoever holds an unlocked browser must not be able to turn the notices away from the person.
  carefulPage('/portal/mail', (ctx, person) => showMail(ctx, person, { code: codeInLink(ctx) }, world));
  carefulForm('/portal/mail', enterMailAddress);
  carefulForm('/portal/mail/confirm', confirmMailAddress);
  carefulForm('/portal/mail/remove', removeMailAddress);
  page('/portal/download', showDownload);
  carefulPage('/portal/download.json', downloadJson);
  carefulPage('/portal/download.html', showRecord);
  carefulPage('/portal/history.json', downloadProof);
  page('/portal/receipts/:id', downloadReceipt);
  page('/portal/report', (ctx, person) => showReport(ctx, person, new URLSearchParams(ctx.querystring), [], world));
  form('/portal/report', report);
  carefulPage('/portal/lock', confirmLock);
  carefulForm('/portal/lock', lock);
}

async function forPerson(ctx: Context, world: PortalWorld, show: Show): Promise<void> {
  const person = await world.sessions.personOf(ctx);
  if (person) return show(ctx, person, world);
  // What was in a form is lost; whoever sends one without a session has been signed out meanwhile, or is somebody else.
  askForCard(ctx, ctx.method === 'POST' ? ctx.path : ctx.url, false);
}

function askForCard(ctx: Context, returnPath: string, again: boolean): void {
  seeOther(ctx, portalSignInPath(returnPath, again));
}

async function namingOf(
  ctx: Context,
  clientIds: readonly string[],
  { portal, catalogue }: PortalWorld,
): Promise<Naming> {
  const language = languageOf(ctx);
  const parties = await portal.relyingParties(clientIds);
  const claim: Naming['claim'] = (name) => ({ name, label: catalogue.find(name)?.label[language] ?? name });
  return { language, parties, claim };
}

async function showTop(ctx: Context, { subjectId, signedInAt }: PortalPerson, world: PortalWorld): Promise<void> {
  const { portal } = world;
  const [attributes, otherSignInAt, notices] = await Promise.all([
    portal.registered(subjectId),
    portal.otherSignIn(subjectId, signedInAt),
    portal.notices(subjectId),
  ]);
  const isStale = attributes.some(({ isCurrent }) => isCurrent === false);
  const name = attributes.find((attribute) => attribute.name === 'name')?.value;
  const task = isStale ? ('enrol_again' as const) : ('enrol' as const);
  sendPage(ctx, world.renderer, 'portal_top', {
    name: typeof name === 'string' ? name : undefined,
    ...{ signedInAt, otherSignInAt },
    tasks: world.enrolment && (isStale || name === undefined) ? [task] : [],
    enrolmentPath: portalSignInPath('/portal/attributes', true),
    notices: notices.slice(0, RECENT_NOTICES),
  });
}

async function showAttributes(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const attributes = await world.portal.attributes(subjectId);
  sendPage(ctx, world.renderer, 'portal_attributes', { attributes: attributeInputs(ctx, attributes, world) });
}

function attributeInputs(ctx: Context, attributes: readonly OwnAttribute[], { catalogue }: PortalWorld) {
  return attributes.map((attribute) => attributeInput(attribute, catalogue, languageOf(ctx)));
}

async function showConsents(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const after = typeof ctx.query.after === 'string' ? ctx.query.after : undefined;
  const [live, past] = await Promise.all([
    after === undefined ? world.portal.liveConsents(subjectId) : [],
    world.portal.pastConsents(subjectId, after),
  ]);
  const shown = await consentInputs(ctx, subjectId, [...live, ...past.items], world);
  sendPage(ctx, world.renderer, 'portal_consents', {
    live: shown.slice(0, live.length),
    past: shown.slice(live.length),
    olderPath: past.next && `/portal/consents?${new URLSearchParams({ after: past.next })}`,
  });
}

async function consentInputs(ctx: Context, subjectId: string, consents: readonly KeptConsent[], world: PortalWorld) {
  const { portal } = world;
  const [naming, receipts] = await Promise.all([
    namingOf(
      ctx,
      consents.map(({ clientId }) => clientId),
      world,
    ),
    portal.receipts(subjectId),
  ]);
  return consents.map((consent) => consentInput(consent, portal.stateOf(consent), receipts, naming));
}

async function confirmWithdrawal(ctx: Context, { subjectId, csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  const consent = await world.portal.liveConsent(subjectId, String(ctx.params.id));
  const naming = await namingOf(ctx, [consent.clientId], world);
  confirm(ctx, world, 'withdraw', csrf, {
    action: `/portal/consents/${consent.id}/withdraw`,
    backPath: '/portal/consents',
    party: partyOf(consent.clientId, naming),
    claims: consent.granted.map(naming.claim),
  });
}

async function withdraw(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.withdraw(subjectId, String(ctx.params.id), languageOf(ctx));
  sendPage(ctx, world.renderer, 'portal_done', { done: 'withdrawn' });
}

async function showHistory(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const { portal } = world;
  const { filter, chosen, isDateWrong, before, pathBefore } = readHistoryQuery(new URLSearchParams(ctx.querystring));
  const [counts, { items, next }] = await Promise.all([
    portal.counts(subjectId),
    portal.history(subjectId, filter, before),
  ]);
  const ids = [...new Set(counts.map(({ clientId }) => clientId))];
  const naming = await namingOf(ctx, ids, world);
  sendPage(ctx, world.renderer, 'portal_history', {
    counts: ids.map((clientId) => {
      const told = counts.filter((count) => count.clientId === clientId);
      return {
        party: partyOf(clientId, naming),
        claims: told.map(({ claim }) => naming.claim(claim)),
        count: Math.max(...told.map(({ count }) => count)),
        lastAt: Math.max(...told.map(({ lastAt }) => lastAt)),
      };
    }),
    counted: COUNTED,
    parties: ids.map((clientId) => partyOf(clientId, naming)),
    claims: [...new Set(counts.map(({ claim }) => claim))].map(naming.claim),
    ...{ chosen, isDateWrong },
    items: await disclosureInputs(ctx, subjectId, items, world),
    olderPath: next === undefined ? undefined : pathBefore(next),
  });
}

async function disclosureInputs(ctx: Context, subjectId: string, items: readonly KeptDisclosure[], world: PortalWorld) {
  const consentIds = items.map(({ consentId }) => consentId);
  const clientIds = items.map(({ clientId }) => clientId);
  const [consents, naming] = await Promise.all([
    world.portal.consents(subjectId, consentIds),
    namingOf(ctx, clientIds, world),
  ]);
  return items.map((item) => disclosureInput(item, consents, naming));
}

async function showCards(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const cards = await world.portal.certificates(subjectId);
  sendPage(ctx, world.renderer, 'portal_cards', { cards: cards.map(cardInput) });
}

async function sessionInputs(ctx: Context, { subjectId, sessionId }: PortalPerson, world: PortalWorld) {
  const sessions = await world.portal.sessions(subjectId, sessionId);
  const clientIds = sessions.flatMap((session) => session.clientIds);
  const naming = await namingOf(ctx, clientIds, world);
  return sessions.map((session) => sessionInput(session, naming));
}

async function showSessions(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_sessions', { sessions: await sessionInputs(ctx, person, world) });
}

async function confirmEnd(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  const sessions = await world.portal.sessions(person.subjectId, person.sessionId);
  const session = sessions.find(({ handle }) => handle === ctx.params.handle);
  if (!session) throw new HubError('not_found', 404, 'There is no such page.');
  confirm(ctx, world, 'end_session', person.csrf, {
    action: `/portal/sessions/${session.handle}/end`,
    backPath: '/portal/sessions',
    at: session.signedInAt,
  });
}

async function endOne(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.endSession(subjectId, String(ctx.params.handle));
  sendPage(ctx, world.renderer, 'portal_done', { done: 'session_ended' });
}

async function confirmEndAll(ctx: Context, { csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  confirm(ctx, world, 'end_all', csrf, { action: '/portal/sessions/end-all', backPath: '/portal/sessions' });
}

async function endAll(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.endAllSessions(subjectId);
  sendPage(ctx, world.renderer, 'portal_done', { done: 'all_ended' });
}

async function showProviders(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const [members, all] = await Promise.all([world.memberships.list(subjectId), world.memberships.providers()]);
  const others = all.filter(({ id }) => !members.some(({ provider }) => provider.id === id));
  sendPage(ctx, world.renderer, 'portal_providers', {
    memberships: members.map(({ id, provider, boundAt, needsSignIn }) => ({
      ...{ id, boundAt, provider: providerInput(ctx, provider) },
      needsSignIn: needsSignIn && provider.isActive,
    })),
    others: others.map((provider) => providerInput(ctx, provider)),
  });
}

function providerInput(ctx: Context, { id, kind, names }: Pick<ShownMembership['provider'], 'id' | 'kind' | 'names'>) {
  return { id, kind, name: names[languageOf(ctx)] };
}

async function showConnect(
  ctx: Context,
  { csrf }: PortalPerson,
  fields: URLSearchParams,
  errorCode: string | undefined,
  world: PortalWorld,
): Promise<void> {
  const provider = await providerOf(ctx, world);
  const { id, entries, signInAt } = provider;
  const input = {
    ...{ csrf, errorCode, provider: providerInput(ctx, provider) },
    signInHost: signInAt && new URL(signInAt).host,
    entries: entries.map(({ name, label, maxLength, isOptional }) => ({
      ...{ name, label: label[languageOf(ctx)], maxLength, isOptional },
      value: fields.get(`entry.${name}`) ?? '',
    })),
  };
  sendPage(ctx, world.renderer, 'portal_connect', input, {
    // Not the address of this answer: an authorization response stands in it.
    returnPath: connectPath(id),
    formTargets: signInAt === undefined ? [] : [signInTarget(signInAt)],
  });
}

async function providerOf(ctx: Context, world: PortalWorld): Promise<ShownProvider> {
  const provider = (await world.memberships.providers()).find(({ id }) => id === ctx.params.id);
  if (!provider) throw new HubError('not_found', 404, 'There is no such page.');
  return provider;
}

function connectPath(providerId: string): string {
  return `/portal/providers/${encodeURIComponent(providerId)}`;
}

/** A provider's sign-in may lead over further hosts of its own, which Chromium holds against the form that led to it. */
function signInTarget(issuer: string): string {
  const { protocol, origin } = new URL(issuer);
  return protocol === 'https:' ? protocol : origin;
}

/** By what was entered, or by sending the browser to the provider's own sign-in. */
async function connect(ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld): Promise<void> {
  const { id, signInAt } = await providerOf(ctx, world);
  try {
    if (signInAt !== undefined) {
      const url = await world.providerSignIns.begin(person, id, languageOf(ctx));
      return seeOther(ctx, url);
    }
    const entered = [...form].flatMap(([field, value]) => {
      const [, name] = /^entry\.(.+)$/.exec(field) ?? [];
      return name === undefined ? [] : [[name, value]];
    });
    await world.memberships.bind(person.subjectId, id, Object.fromEntries(entered));
  } catch (error) {
    return showRefusal(ctx, person, form, error, world);
  }
  sendPage(ctx, world.renderer, 'portal_done', { done: 'connected' });
}

/** The browser comes from the provider. It goes on to an address without the answer, which nobody is to find in a history. */
async function finishSignIn(ctx: Context, world: PortalWorld): Promise<void> {
  const id = String(ctx.params.id);
  const person = await world.sessions.personOf(ctx);
  if (!person) return askForCard(ctx, connectPath(id), false);
  try {
    await world.providerSignIns.finish(person, id, new URLSearchParams(ctx.querystring));
  } catch (error) {
    return showRefusal(ctx, person, new URLSearchParams(), error, world);
  }
  seeOther(ctx, `${connectPath(id)}/connected`);
}

async function showConnected(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const members = await world.memberships.list(subjectId);
  if (!members.some(({ provider }) => provider.id === ctx.params.id)) {
    throw new HubError('not_found', 404, 'There is no such page.');
  }
  sendPage(ctx, world.renderer, 'portal_done', { done: 'connected' });
}

async function showRefusal(
  ctx: Context,
  person: PortalPerson,
  form: URLSearchParams,
  error: unknown,
  world: PortalWorld,
): Promise<void> {
  if (!(error instanceof HubError)) throw error;
  ctx.state.refusal = { code: error.code, ...error.details };
  ctx.status = error.status;
  if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
  return showConnect(ctx, person, form, error.code, world);
}

function seeOther(ctx: Context, url: string): void {
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.redirect(url);
}

async function confirmDisconnect(ctx: Context, { subjectId, csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  const membership = (await world.memberships.list(subjectId)).find(({ id }) => id === ctx.params.id);
  if (!membership) throw new HubError('not_found', 404, 'There is no such page.');
  confirm(ctx, world, 'end_membership', csrf, {
    action: `/portal/providers/memberships/${membership.id}/end`,
    backPath: '/portal/providers',
    provider: providerInput(ctx, membership.provider),
  });
}

async function disconnect(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  const membership = (await world.memberships.list(subjectId)).find(({ id }) => id === ctx.params.id);
  if (!membership || !(await world.memberships.end(membership.id, subjectId))) {
    throw new HubError('not_found', 404, 'There is no such page.');
  }
  sendPage(ctx, world.renderer, 'portal_done', { done: 'membership_ended' });
}

async function showNotices(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_notices', {
    notices: await world.portal.notices(subjectId),
    offersMail: world.mailAddresses !== undefined,
  });
}

function mailAddressesOf({ mailAddresses }: PortalWorld): MailAddresses {
  if (!mailAddresses) throw new HubError('not_found', 404, 'There is no such page.');
  return mailAddresses;
}

function codeInLink(ctx: Context): string {
  return typeof ctx.query.code === 'string' ? ctx.query.code.slice(0, 40) : '';
}

async function showMail(
  ctx: Context,
  { subjectId, csrf }: PortalPerson,
  shown: { code?: string; entered?: string; errorCode?: string },
  world: PortalWorld,
): Promise<void> {
  const { address, pending } = await mailAddressesOf(world).of(subjectId);
  sendPage(ctx, world.renderer, 'portal_mail', { csrf, address, pending, code: '', entered: '', ...shown });
}

/** Does it and shows the page anew, or with what stands in the way. */
async function changeMail(
  ctx: Context,
  person: PortalPerson,
  world: PortalWorld,
  fields: { code?: string; entered?: string },
  change: (addresses: MailAddresses) => Promise<unknown>,
): Promise<void> {
  try {
    await change(mailAddressesOf(world));
  } catch (error) {
    if (!(error instanceof HubError) || error.code === 'not_found') throw error;
    ctx.state.refusal = { code: error.code };
    ctx.status = error.status;
    return showMail(ctx, person, { ...fields, errorCode: error.code }, world);
  }
  ctx.status = 303;
  ctx.redirect(PORTAL_MAIL_PATH);
}

async function enterMailAddress(ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld) {
  const entered = (form.get('address') ?? '').slice(0, 600);
  await changeMail(ctx, person, world, { entered }, (addresses) => addresses.request(person.subjectId, entered));
}

async function confirmMailAddress(ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld) {
  const code = (form.get('code') ?? '').slice(0, 100);
  await changeMail(ctx, person, world, {}, (addresses) => addresses.confirm(person.subjectId, code));
}

async function removeMailAddress(ctx: Context, person: PortalPerson, _form: URLSearchParams, world: PortalWorld) {
  await changeMail(ctx, person, world, {}, (addresses) => addresses.remove(person.subjectId));
}

async function showDownload(ctx: Context, _person: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_download', {});
}

async function downloadJson(
  ctx: Context,
  { subjectId, sessionId }: PortalPerson,
  { records }: PortalWorld,
): Promise<void> {
  await records.note(subjectId, 'json');
  const text = Readable.from(records.json(subjectId, sessionId));
  sendFile(ctx, 'application/json', 'musubi-records.json', text);
}

/** What `musubi history verify` takes. */
async function downloadProof(ctx: Context, { subjectId }: PortalPerson, { records }: PortalWorld): Promise<void> {
  await records.note(subjectId, 'history');
  sendFile(ctx, 'application/json', 'musubi-history.json', `${JSON.stringify(await records.history(subjectId))}\n`);
}

/** What `musubi receipt verify` takes. */
async function downloadReceipt(ctx: Context, { subjectId }: PortalPerson, { portal }: PortalWorld): Promise<void> {
  const { receipt } = await portal.receipt(subjectId, String(ctx.params.id));
  sendFile(ctx, 'application/jwt', 'musubi-receipt.jwt', receipt);
}

function sendFile(ctx: Context, type: string, name: string, body: string | Readable): void {
  ctx.attachment(name);
  // Of the name's ending it would have made another.
  ctx.type = type;
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}

async function showRecord(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  const { portal, reports, records } = world;
  const { subjectId } = person;
  await records.note(subjectId, 'page');
  const [attributes, live, past, cards, sessions, notices, sent] = await Promise.all([
    portal.attributes(subjectId),
    portal.liveConsents(subjectId),
    portal.pastConsents(subjectId, undefined),
    portal.certificates(subjectId),
    sessionInputs(ctx, person, world),
    portal.notices(subjectId),
    reports.listOf(subjectId),
  ]);
  const { items, isCut } = await newestDisclosures(subjectId, portal);
  sendPage(ctx, world.renderer, 'portal_record', {
    at: world.clock(),
    attributes: attributeInputs(ctx, attributes, world),
    consents: await consentInputs(ctx, subjectId, [...live, ...past.items], world),
    disclosures: await disclosureInputs(ctx, subjectId, items, world),
    ...{ isCut, cards: cards.map(cardInput), sessions, notices },
    reports: sent.map(({ reference, kind, reported, text }) => ({ reference, kind, at: Date.parse(reported), text })),
  });
}

async function newestDisclosures(subjectId: string, portal: Portal) {
  const items: KeptDisclosure[] = [];
  let before: number | undefined;
  do {
    const page = await portal.history(subjectId, {}, before);
    items.push(...page.items);
    before = page.next;
  } while (before !== undefined && items.length < SHOWN_DISCLOSURES);
  return { items, isCut: before !== undefined };
}

async function showReport(
  ctx: Context,
  { subjectId, csrf }: PortalPerson,
  fields: URLSearchParams,
  problems: readonly ('missing' | 'missingKind' | 'tooLong')[],
  world: PortalWorld,
): Promise<void> {
  const ids = await partiesOf(subjectId, world);
  const naming = await namingOf(ctx, ids, world);
  sendPage(ctx, world.renderer, 'portal_report', {
    csrf,
    parties: ids.map((clientId) => partyOf(clientId, naming)),
    kind: fields.get('kind') ?? undefined,
    clientId: fields.get('party') ?? undefined,
    text: fields.get('text') ?? '',
    limit: LONGEST_REPORT,
    problems,
  });
}

/** Those that the person has had to do with. */
async function partiesOf(subjectId: string, { portal }: PortalWorld): Promise<readonly string[]> {
  const [counts, live] = await Promise.all([portal.counts(subjectId), portal.liveConsents(subjectId)]);
  return [...new Set([...counts, ...live].map(({ clientId }) => clientId))];
}

async function report(ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld): Promise<void> {
  const kind = misuseKinds.find((known) => known === form.get('kind'));
  const text = (form.get('text') ?? '').replaceAll('\0', '').trim();
  const problems = problemsOf(kind, text);
  if (kind === undefined || problems.length > 0) {
    ctx.status = 422;
    return showReport(ctx, person, form, problems, world);
  }
  // What is no relying party of theirs is nothing that a report could be about.
  const clientId = (await partiesOf(person.subjectId, world)).find((known) => known === form.get('party'));
  const reference = await world.reports.report(person.subjectId, { kind, clientId, text });
  sendPage(ctx, world.renderer, 'portal_done', { done: 'reported', reference });
}

function problemsOf(kind: MisuseKind | undefined, text: string) {
  return [
    ...(kind === undefined ? (['missingKind'] as const) : []),
    ...(text === '' ? (['missing'] as const) : []),
    ...([...text].length > LONGEST_REPORT ? (['tooLong'] as const) : []),
  ];
}

async function confirmLock(ctx: Context, { csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  confirm(ctx, world, 'lock', csrf, { action: '/portal/lock', backPath: '/portal' });
}

async function lock(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  const reference = await world.locks.lock(subjectId);
  sendPage(ctx, world.renderer, 'portal_done', { done: 'locked', reference });
}

function confirm(
  ctx: Context,
  { renderer }: PortalWorld,
  decision: PortalDecision,
  csrf: string,
  about: {
    action: string;
    backPath: string;
    party?: ReturnType<typeof partyOf>;
    claims?: readonly ReturnType<Naming['claim']>[];
    provider?: ReturnType<typeof providerInput>;
    at?: number;
  },
): void {
  sendPage(ctx, renderer, 'portal_confirm', { decision, csrf, fields: {}, ...about });
}
