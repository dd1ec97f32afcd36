import type { Router } from '@koa/router';
import type { Provider } from 'oidc-provider';
import { wordsIn } from '../../views/words/words.ts';
import { type Attributes, catalogue } from '../attributes/catalogue.ts';
import type { Consents } from '../consent/consents.ts';
import type { DisclosureHistory } from '../consent/disclosure_history.ts';
import type { SubjectEvents } from '../identity/happenings.ts';
import type { SubjectSessions } from '../identity/revocation_effects.ts';
import type { LogoutNotices } from '../oidc/logout_notices.ts';
import { PORTAL_CLIENT_ID } from '../oidc/portal_client.ts';
import { createAccountLocks } from '../portal/account_locks.ts';
import { createMisuseReports } from '../portal/misuse_reports.ts';
import { createPortal, type OwnAttribute } from '../portal/portal.ts';
import { mountPortal } from '../portal/portal_routes.ts';
import { createPortalSessions } from '../portal/portal_session.ts';
import { createRecords } from '../portal/records.ts';
import type { Renderer } from '../web/render.ts';
import type { Rooms } from './rooms.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: the person's own portal. */

/** What the sign-in page calls it. */
export const portalNames = { ja: wordsIn('ja').portal.title, en: wordsIn('en').portal.title };

export function openPortal(
  { config, clock, random, log, metrics }: Base,
  { storage, vault, oidcStore }: Store,
  rooms: {
    attributes: Attributes;
    consents: Consents;
    history: DisclosureHistory;
    sessions: SubjectSessions;
    notices: LogoutNotices;
    events: SubjectEvents;
  },
) {
  const { sessions, notices, events } = rooms;
  const portal = createPortal({
    ...{ storage, sessions, notices, clock, artefacts: oidcStore },
    attributesOf: (subjectId) => ownAttributes(rooms.attributes, subjectId),
    withdraw: rooms.consents.withdraw,
  });
  const reports = createMisuseReports({ storage, vault, log, clock, random, observe: metrics.misuseReported });
  const locks = createAccountLocks({ storage, sessions, events, clock, random });
  const records = createRecords({ issuer: config.publicUrl, storage, portal, reports, history: rooms.history, clock });
  return { portal, reports, locks, records };
}

/** Of the whole catalogue what is held of this person, told to themselves. */
async function ownAttributes(attributes: Attributes, subjectId: string): Promise<readonly OwnAttribute[]> {
  const claims = catalogue.filter(({ name }) => name !== 'sub').map(({ name }) => name);
  const { names } = await attributes.held(subjectId, claims);
  const values = await attributes.values(subjectId, names, PORTAL_CLIENT_ID);
  return names.map((name) => ({
    name,
    value: values[name]?.value,
    source: values[name]?.provenance?.source,
    asOf: values[name]?.provenance?.obtainedAt,
    isCurrent: values[name]?.provenance?.isCurrent,
  }));
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
    ...{ issuer, renderer, clock, ...rooms.portal },
    sessions: createPortalSessions({ engine, locks, origin: issuer, clock }),
    enrolment: rooms.enrolments !== undefined,
  });
}
