import type { Context } from 'koa';
import { HubError } from '../errors.ts';
import { sendPage } from '../web/send_page.ts';
import { confirm, sessionInputs } from './page_parts.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';

export async function showSessions(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_sessions', { sessions: await sessionInputs(ctx, person, world) });
}

export async function confirmEnd(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  const sessions = await world.portal.sessions(person.subjectId, person.sessionId);
  const session = sessions.find(({ handle }) => handle === ctx.params.handle);
  if (!session) throw new HubError('not_found', 404, 'There is no such page.');
  confirm(ctx, world, 'end_session', person.csrf, {
    action: `/portal/sessions/${session.handle}/end`,
    backPath: '/portal/sessions',
    at: session.signedInAt,
  });
}

export async function endOne(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.endSession(subjectId, String(ctx.params.handle));
  sendPage(ctx, world.renderer, 'portal_done', { done: 'session_ended' });
}

export async function confirmEndAll(ctx: Context, { csrf }: PortalPerson, world: PortalWorld): Promise<void> {
  confirm(ctx, world, 'end_all', csrf, { action: '/portal/sessions/end-all', backPath: '/portal/sessions' });
}

export async function endAll(
  ctx: Context,
  { subjectId }: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
  await world.portal.endAllSessions(subjectId);
  sendPage(ctx, world.renderer, 'portal_done', { done: 'all_ended' });
}
