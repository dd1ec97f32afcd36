import type { Context } from 'koa';
import type { ShownMembership, ShownProvider } from '../attributes/providers/memberships.ts';
import { HubError } from '../errors.ts';
import { sendPage } from '../web/send_page.ts';
import { askForCard, confirm, seeOther } from './page_parts.ts';
import { languageOf } from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';

export async function showProviders(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
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

export async function showConnect(
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
export async function connect(
  ctx: Context,
  person: PortalPerson,
  form: URLSearchParams,
  world: PortalWorld,
): Promise<void> {
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
export async function finishSignIn(ctx: Context, world: PortalWorld): Promise<void> {
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

export async function showConnected(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
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

export async function confirmDisconnect(
  ctx: Context,
  { subjectId, csrf }: PortalPerson,
  world: PortalWorld,
): Promise<void> {
  const membership = (await world.memberships.list(subjectId)).find(({ id }) => id === ctx.params.id);
  if (!membership) throw new HubError('not_found', 404, 'There is no such page.');
  confirm(ctx, world, 'end_membership', csrf, {
    action: `/portal/providers/memberships/${membership.id}/end`,
    backPath: '/portal/providers',
    provider: providerInput(ctx, membership.provider),
  });
}

export async function disconnect(
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
