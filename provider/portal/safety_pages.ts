import type { Context } from 'koa';
import { sendPage } from '../web/send_page.ts';
import { LONGEST_REPORT, type MisuseKind, misuseKinds } from './misuse_reports.ts';
import { confirm, namingOf } from './page_parts.ts';
import { partyOf } from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';

/** With what the address fills in, such as the relying party of a line of the history. */
export async function showReportPage(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  return showReport(ctx, person, new URLSearchParams(ctx.querystring), [], world);
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

export async function report(
  ctx: Context,
  person: PortalPerson,
  form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
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

export async function confirmLock(ctx: Context, { csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  confirm(ctx, world, 'lock', csrf, { action: '/portal/lock', backPath: '/portal' });
}

export async function lock(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  const reference = await world.locks.lock(subjectId);
  sendPage(ctx, world.renderer, 'portal_done', { done: 'locked', reference });
}
