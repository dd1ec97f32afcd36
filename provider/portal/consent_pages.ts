import type { Context } from 'koa';
import { sendPage } from '../web/send_page.ts';
import { readHistoryQuery } from './history_query.ts';
import { confirm, consentInputs, disclosureInputs, namingOf } from './page_parts.ts';
import { COUNTED } from './portal.ts';
import { languageOf, partyOf } from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';

export async function showConsents(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
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

export async function confirmWithdrawal(
  ctx: Context,
  { subjectId, csrf }: PortalPerson,
  world: PortalWorld,
): Promise<void> {
  const consent = await world.portal.liveConsent(subjectId, String(ctx.params.id));
  const naming = await namingOf(ctx, [consent.clientId], world);
  confirm(ctx, world, 'withdraw', csrf, {
    action: `/portal/consents/${consent.id}/withdraw`,
    backPath: '/portal/consents',
    party: partyOf(consent.clientId, naming),
    claims: consent.granted.map(naming.claim),
  });
}

export async function withdraw(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.withdraw(subjectId, String(ctx.params.id), languageOf(ctx));
  sendPage(ctx, world.renderer, 'portal_done', { done: 'withdrawn' });
}

export async function showHistory(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
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
