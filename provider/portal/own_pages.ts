import type { Context } from 'koa';
import { sendPage } from '../web/send_page.ts';
import { attributeInputs } from './page_parts.ts';
import { cardInput } from './portal_pages.ts';
import type { PortalPerson } from './portal_session.ts';
import type { PortalWorld } from './portal_world.ts';
import { portalSignInPath } from './sign_in.ts';

const RECENT_NOTICES = 3;

export async function showTop(
  ctx: Context,
  { subjectId, signedInAt }: PortalPerson,
  world: PortalWorld,
): Promise<void> {
  const { portal } = world;
  const [attributes, otherSignInAt, notices, mail] = await Promise.all([
    portal.registered(subjectId),
    portal.otherSignIn(subjectId, signedInAt),
    portal.notices(subjectId),
    world.mailAddresses?.of(subjectId),
  ]);
  const isStale = attributes.some(({ isCurrent }) => isCurrent === false);
  const name = attributes.find((attribute) => attribute.name === 'name')?.value;
  const isMailRefused = mail?.refusedAt !== undefined || mail?.pending?.isRefused === true;
  sendPage(ctx, world.renderer, 'portal_top', {
    name: typeof name === 'string' ? name : undefined,
    ...{ signedInAt, otherSignInAt },
    tasks: [
      ...(world.enrolment && isStale ? (['enrol_again'] as const) : []),
      ...(world.enrolment && !isStale && name === undefined ? (['enrol'] as const) : []),
      ...(isMailRefused ? (['mail_refused'] as const) : []),
    ],
    enrolmentPath: portalSignInPath('/portal/attributes', true),
    notices: notices.slice(0, RECENT_NOTICES),
  });
}

export async function showAttributes(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const attributes = await world.portal.attributes(subjectId);
  sendPage(ctx, world.renderer, 'portal_attributes', { attributes: attributeInputs(ctx, attributes, world) });
}

export async function showCards(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  const cards = await world.portal.certificates(subjectId);
  sendPage(ctx, world.renderer, 'portal_cards', { cards: cards.map(cardInput) });
}

export async function showNotices(ctx: Context, { subjectId }: PortalPerson, world: PortalWorld): Promise<void> {
  sendPage(ctx, world.renderer, 'portal_notices', {
    notices: await world.portal.notices(subjectId),
    offersMail: world.mailAddresses !== undefined,
  });
}
