import type { Context } from 'koa';
import { HubError } from '../errors.ts';
import type { MailAddresses } from '../notices_by_mail/mail_addresses.ts';
import { PORTAL_MAIL_PATH } from '../notices_by_mail/mail_text.ts';
import { sendPage } from '../web/send_page.ts';
import { seeOther } from './page_parts.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';

function mailAddressesOf({ mailAddresses }: PortalWorld): MailAddresses {
  if (!mailAddresses) throw new HubError('not_found', 404, 'There is no such page.');
  return mailAddresses;
}

/** With the code filled in that stands in a mail's link; to open it changes nothing. */
export async function showMailPage(ctx: Context, person: PortalPerson, world: PortalWorld): Promise<void> {
  const code = typeof ctx.query.code === 'string' ? ctx.query.code.slice(0, 40) : '';
  return showMail(ctx, person, { code }, world);
}

async function showMail(
  ctx: Context,
  { subjectId, csrf }: PortalPerson,
  shown: { code?: string; entered?: string; errorCode?: string },
  world: PortalWorld,
): Promise<void> {
  const { address, refusedAt, pending } = await mailAddressesOf(world).of(subjectId);
  sendPage(ctx, world.renderer, 'portal_mail', { csrf, address, refusedAt, pending, code: '', entered: '', ...shown });
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
  seeOther(ctx, PORTAL_MAIL_PATH);
}

export async function enterMailAddress(ctx: Context, person: PortalPerson, form: URLSearchParams, world: PortalWorld) {
  const entered = (form.get('address') ?? '').slice(0, 600);
  await changeMail(ctx, person, world, { entered }, (addresses) => addresses.request(person.subjectId, entered));
}

export async function confirmMailAddress(
  ctx: Context,
  person: PortalPerson,
  form: URLSearchParams,
  world: PortalWorld,
) {
  const code = (form.get('code') ?? '').slice(0, 100);
  await changeMail(ctx, person, world, {}, (addresses) => addresses.confirm(person.subjectId, code));
}

export async function removeMailAddress(
  ctx: Context,
  person: PortalPerson,
  _form: URLSearchParams,
  world: PortalWorld,
) {
  await changeMail(ctx, person, world, {}, (addresses) => addresses.remove(person.subjectId));
}
