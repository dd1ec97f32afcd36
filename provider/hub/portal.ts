import type { Router } from '@koa/router';
import type { Provider } from 'oidc-provider';
import { type Language, wordsIn } from '../../views/words/words.ts';
import type { Attributes, AttributeValue } from '../attributes/attributes.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Bilingual } from '../attributes/catalogue/claim_type.ts';
import type { Memberships } from '../attributes/providers/memberships.ts';
import type { ProviderAttributes } from '../attributes/providers/provider_attributes.ts';
import type { Consents } from '../consent/consents.ts';
import type { DisclosureHistory } from '../consent/disclosure_history.ts';
import type { SubjectEvents } from '../identity/happenings.ts';
import type { Notify } from '../identity/notices.ts';
import type { SubjectSessions } from '../identity/revocation_effects.ts';
import type { LogoutNotices } from '../oidc/logout_notices.ts';
import { PORTAL_CLIENT_ID } from '../oidc/portal_client.ts';
import { createAccountLocks } from '../portal/account_locks.ts';
import { createMisuseReports } from '../portal/misuse_reports.ts';
import { createPortal, type OwnAttribute } from '../portal/portal.ts';
import { mountPortal } from '../portal/portal_routes.ts';
import { createPortalSessions } from '../portal/portal_session.ts';
import { createRecords } from '../portal/records.ts';
import type { Storage } from '../storage.ts';
import type { Renderer } from '../web/render.ts';
import type { MailRooms } from './mail.ts';
import type { Rooms } from './rooms.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: the person's own portal. */

/** What the sign-in page calls it. */
export const portalNames = { ja: wordsIn('ja').portal.title, en: wordsIn('en').portal.title };

interface OwnAttributeWorld {
  attributes: Attributes;
  providerAttributes: ProviderAttributes;
  memberships: Memberships;
  catalogue: Catalogue;
}

export function openPortal(
  { config, clock, random, log, metrics }: Base,
  { storage, vault, oidcStore }: Store,
  rooms: OwnAttributeWorld & {
    consents: Consents;
    history: DisclosureHistory;
    sessions: SubjectSessions;
    notices: LogoutNotices;
    events: SubjectEvents;
    notify: Notify;
    mail: MailRooms;
  },
) {
  const { sessions, notices, events, notify, mail } = rooms;
  const portal = createPortal({
    ...{ storage, sessions, notices, clock, artefacts: oidcStore },
    registered: (subjectId) => registered(rooms, subjectId),
    fromProviders: (subjectId) => fromProviders(rooms, subjectId),
    sourceNames: (sources) => sourceNames(storage, sources),
    withdraw: rooms.consents.withdraw,
  });
  const reports = createMisuseReports({ storage, vault, log, clock, random, observe: metrics.misuseReported });
  const locks = createAccountLocks({ storage, sessions, events, notify, mail: mail.toPerson, clock, random });
  const records = createRecords({
    ...{ issuer: config.publicUrl, storage, portal, reports, history: rooms.history, clock },
    memberships: rooms.memberships,
    mailAddresses: mail.addresses,
  });
  return { portal, reports, locks, records };
}

/** Why the providers of somebody are asked, as they are told. */
const OWN_PURPOSE = '本人が自分の情報を見るため';

/** Of the hub's own claims what is held of this person, told to themselves. */
async function registered(
  { attributes, catalogue }: OwnAttributeWorld,
  subjectId: string,
): Promise<readonly OwnAttribute[]> {
  const claims = catalogue.claims
    .filter(({ name, source }) => name !== 'sub' && source !== 'provider')
    .map(({ name }) => name);
  const { names } = await attributes.held(subjectId, claims, PORTAL_CLIENT_ID);
  const consent = { id: 'own', purpose: OWN_PURPOSE };
  const { values } = await attributes.values(subjectId, names, { clientId: PORTAL_CLIENT_ID, consent });
  return names.map((name) => shown(name, values[name], values[name]?.provenance?.source, new Map()));
}

/** What the person's providers say when they are asked now. */
async function fromProviders(
  { providerAttributes, memberships }: OwnAttributeWorld,
  subjectId: string,
): Promise<readonly OwnAttribute[]> {
  const [{ values, unavailable }, members] = await Promise.all([
    providerAttributes.own(subjectId, OWN_PURPOSE),
    memberships.list(subjectId),
  ]);
  const names = new Map(members.map(({ provider }) => [provider.id, provider.names]));
  return [
    ...Object.entries(values).map(([name, told]) => shown(name, told, told.provenance?.source, names)),
    ...Object.entries(unavailable).map(([name, { source }]) => shown(name, undefined, source, names)),
  ];
}

function shown(
  name: string,
  told: AttributeValue | undefined,
  source: string | undefined,
  providers: ReadonlyMap<string, Bilingual>,
): OwnAttribute {
  return {
    ...{ name, value: told?.value, source: source === undefined ? undefined : sourceWords(source, providers) },
    asOf: told?.provenance?.asOf ?? told?.provenance?.obtainedAt,
    isCurrent: told?.provenance?.isCurrent,
  };
}

async function sourceNames(
  { providers }: Storage,
  sources: readonly string[],
): Promise<ReadonlyMap<string, Bilingual>> {
  const nameOf = async (id: string) => ownSourceWords(id) ?? (await providers.find(id))?.names ?? { ja: id, en: id };
  return new Map(await Promise.all([...new Set(sources)].map(async (id) => [id, await nameOf(id)] as const)));
}

function sourceWords(source: string, providers: ReadonlyMap<string, Bilingual>): Bilingual {
  return ownSourceWords(source) ?? providers.get(source) ?? { ja: source, en: source };
}

/** Of what is no attribute provider's. */
function ownSourceWords(source: string): Bilingual | undefined {
  const inWords = (language: Language) => {
    const words: Readonly<Record<string, string>> = wordsIn(language).portal.attributes.sources;
    return Object.hasOwn(words, source) ? words[source] : undefined;
  };
  const [ja, en] = [inWords('ja'), inWords('en')];
  return ja === undefined || en === undefined ? undefined : { ja, en };
}

/** @param engine the one that runs when it is asked for. */
export function mountPortalPages(
  router: Router,
  { config, clock }: Base,
  rooms: Rooms,
  { engine, renderer }: { engine: () => Provider; renderer: Renderer },
): void {
  const { publicUrl: issuer } = config;
  const { locks } = rooms.portal;
  mountPortal(router, {
    ...{ issuer, renderer, clock, catalogue: rooms.catalogue, memberships: rooms.memberships, ...rooms.portal },
    ...{ providerSignIns: rooms.providerSignIns, mailAddresses: rooms.mail.addresses },
    sessions: createPortalSessions({ engine, locks, origin: issuer, clock }),
    enrolment: rooms.enrolments !== undefined,
  });
}
