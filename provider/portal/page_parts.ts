import type { Context } from 'koa';
import type { PortalDecision, PortalProvider } from '../../views/portal_models.ts';
import { sendPage } from '../web/send_page.ts';
import type { OwnAttribute } from './portal.ts';
import {
  attributeInput,
  consentInput,
  disclosureInput,
  languageOf,
  type Naming,
  type partyOf,
  sessionInput,
} from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { KeptConsent, KeptDisclosure } from './portal_store.ts';
import type { PortalWorld } from './portal_world.ts';
import { portalSignInPath } from './sign_in.ts';

/* What several pages of the portal have in common. */

export async function namingOf(
  ctx: Context,
  clientIds: readonly string[],
  { portal, catalogue }: PortalWorld,
): Promise<Naming> {
  const language = languageOf(ctx);
  const parties = await portal.relyingParties(clientIds);
  const claim: Naming['claim'] = (name) => ({ name, label: catalogue.find(name)?.label[language] ?? name });
  return { language, parties, claim };
}

export function attributeInputs(ctx: Context, attributes: readonly OwnAttribute[], { catalogue }: PortalWorld) {
  return attributes.map((attribute) => attributeInput(attribute, catalogue, languageOf(ctx)));
}

export async function consentInputs(
  ctx: Context,
  subjectId: string,
  consents: readonly KeptConsent[],
  world: PortalWorld,
) {
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

export async function disclosureInputs(
  ctx: Context,
  subjectId: string,
  items: readonly KeptDisclosure[],
  world: PortalWorld,
) {
  const consentIds = items.map(({ consentId }) => consentId);
  const clientIds = items.map(({ clientId }) => clientId);
  const sources = items.flatMap((item) => item.sources).filter((source) => source !== undefined);
  const [consents, sourceNames, naming] = await Promise.all([
    world.portal.consents(subjectId, consentIds),
    world.portal.sourceNames(sources),
    namingOf(ctx, clientIds, world),
  ]);
  return items.map((item) => disclosureInput(item, { consents, sourceNames }, naming));
}

export async function sessionInputs(ctx: Context, { subjectId, sessionId }: PortalPerson, world: PortalWorld) {
  const sessions = await world.portal.sessions(subjectId, sessionId);
  const clientIds = sessions.flatMap((session) => session.clientIds);
  const naming = await namingOf(ctx, clientIds, world);
  return sessions.map((session) => sessionInput(session, naming));
}

export function confirm(
  ctx: Context,
  { renderer }: PortalWorld,
  decision: PortalDecision,
  csrf: string,
  about: {
    action: string;
    backPath: string;
    party?: ReturnType<typeof partyOf>;
    claims?: readonly ReturnType<Naming['claim']>[];
    provider?: PortalProvider;
    at?: number;
  },
): void {
  sendPage(ctx, renderer, 'portal_confirm', { decision, csrf, fields: {}, ...about });
}

/** Sends the browser to the sign-in and, afterwards, back to this path of the portal. */
export function askForCard(ctx: Context, returnPath: string, again: boolean): void {
  seeOther(ctx, portalSignInPath(returnPath, again));
}

export function seeOther(ctx: Context, url: string): void {
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.redirect(url);
}
