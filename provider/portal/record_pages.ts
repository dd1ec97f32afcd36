import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { sendPage } from '../web/send_page.ts';
import { attributeInputs, consentInputs, disclosureInputs, sessionInputs } from './page_parts.ts';
import type { Portal } from './portal.ts';
import { cardInput, languageOf } from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { KeptDisclosure } from './portal_store.ts';
import type { PortalWorld } from './portal_world.ts';

/** Disclosures on the page of somebody's records. */
const SHOWN_DISCLOSURES = 500;

export async function showDownload(ctx: Context, _person: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_download', {});
}

export async function downloadJson(
  ctx: Context,
  { subjectId, sessionId }: PortalPerson,
  { records }: PortalWorld,
): Promise<void> {
  await records.note(subjectId, 'json');
  const text = Readable.from(records.json(subjectId, sessionId));
  sendFile(ctx, 'application/json', 'musubi-records.json', text);
}

/** What `musubi history verify` takes. */
export async function downloadProof(
  ctx: Context,
  { subjectId }: PortalPerson,
  { records }: PortalWorld,
): Promise<void> {
  await records.note(subjectId, 'history');
  sendFile(ctx, 'application/json', 'musubi-history.json', `${JSON.stringify(await records.history(subjectId))}\n`);
}

/** What `musubi receipt verify` takes. */
export async function downloadReceipt(
  ctx: Context,
  { subjectId }: PortalPerson,
  { portal }: PortalWorld,
): Promise<void> {
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

export async function showRecord(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  const { portal, reports, records } = world;
  const { subjectId } = person;
  await records.note(subjectId, 'page');
  const [attributes, live, past, cards, sessions, notices, sent, memberships, mail] = await Promise.all([
    portal.attributes(subjectId),
    portal.liveConsents(subjectId),
    portal.pastConsents(subjectId, undefined),
    portal.certificates(subjectId),
    sessionInputs(ctx, person, world),
    portal.notices(subjectId),
    reports.listOf(subjectId),
    world.memberships.list(subjectId),
    world.mailAddresses?.of(subjectId),
  ]);
  const { items, isCut } = await newestDisclosures(subjectId, portal);
  sendPage(ctx, world.renderer, 'portal_record', {
    at: world.clock(),
    attributes: attributeInputs(ctx, attributes, world),
    consents: await consentInputs(ctx, subjectId, [...live, ...past.items], world),
    disclosures: await disclosureInputs(ctx, subjectId, items, world),
    ...{ isCut, cards: cards.map(cardInput), sessions, notices, mailAddress: mail?.address },
    memberships: memberships.map(({ provider, boundAt }) => ({ name: provider.names[languageOf(ctx)], boundAt })),
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
