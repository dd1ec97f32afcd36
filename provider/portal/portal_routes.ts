import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { confirmWithdrawal, showConsents, showHistory, withdraw } from './consent_pages.ts';
import { confirmMailAddress, enterMailAddress, removeMailAddress, showMailPage } from './mail_pages.ts';
import { showAttributes, showCards, showNotices, showTop } from './own_pages.ts';
import { askForCard } from './page_parts.ts';
import type { Act, PortalWorld, Show } from './portal_world.ts';
import {
  confirmDisconnect,
  connect,
  disconnect,
  finishSignIn,
  showConnect,
  showConnected,
  showProviders,
} from './provider_pages.ts';
import { downloadJson, downloadProof, downloadReceipt, showDownload, showRecord } from './record_pages.ts';
import { confirmLock, lock, report, showReportPage } from './safety_pages.ts';
import { confirmEnd, confirmEndAll, endAll, endOne, showSessions } from './session_pages.ts';
import { mountPortalSignIn } from './sign_in.ts';

/** Where browsers come back to from a provider's own sign-in. */
const CALLBACK_PATH = '/portal/providers/:id/callback';

/** The person's own pages: for whoever the browser's session names, and about nobody else. */
export function mountPortal(router: Router, world: PortalWorld): void {
  mountPortalSignIn(router, world.issuer);

  const page = (path: string, show: Show) => router.get(path, (ctx) => forPerson(ctx, world, show));
  /** What only somebody sees or does who has just shown the card. */
  const carefulPage = (path: string, show: Show) =>
    page(path, async (ctx, person) =>
      world.sessions.isRecent(person) ? show(ctx, person, world) : askForCard(ctx, ctx.url, true),
    );
  const form = (path: string, act: Act) =>
    router.post(path, (ctx) =>
      forPerson(ctx, world, async (_ctx, person) =>
        act(ctx, person, await world.sessions.readForm(ctx, person), world),
      ),
    );
  const carefulForm = (path: string, act: Act) =>
    form(path, async (ctx, person, fields) =>
      world.sessions.isRecent(person) ? act(ctx, person, fields, world) : askForCard(ctx, ctx.path, true),
    );

  page('/portal', showTop);
  page('/portal/attributes', showAttributes);
  page('/portal/consents', showConsents);
  carefulPage('/portal/consents/:id/withdraw', confirmWithdrawal);
  carefulForm('/portal/consents/:id/withdraw', withdraw);
  page('/portal/history', showHistory);
  page('/portal/cards', showCards);
  page('/portal/sessions', showSessions);
  carefulPage('/portal/sessions/end-all', confirmEndAll);
  carefulForm('/portal/sessions/end-all', endAll);
  page('/portal/sessions/:handle/end', confirmEnd);
  form('/portal/sessions/:handle/end', endOne);
  page('/portal/providers', showProviders);
  carefulPage('/portal/providers/:id', (ctx, person) =>
    showConnect(ctx, person, new URLSearchParams(), undefined, world),
  );
  carefulForm('/portal/providers/:id', connect);
  router.get(CALLBACK_PATH, (ctx) => finishSignIn(ctx, world));
  page('/portal/providers/:id/connected', showConnected);
  carefulPage('/portal/providers/memberships/:id/end', confirmDisconnect);
  carefulForm('/portal/providers/memberships/:id/end', disconnect);
  page('/portal/notices', showNotices);
  // Whoever holds an unlocked browser must not be able to turn the notices away from the person.
  carefulPage('/portal/mail', showMailPage);
  carefulForm('/portal/mail', enterMailAddress);
  // Who had to show the card before a form counted comes back to the address of the form.
  carefulPage('/portal/mail/confirm', showMailPage);
  carefulForm('/portal/mail/confirm', confirmMailAddress);
  carefulPage('/portal/mail/remove', showMailPage);
  carefulForm('/portal/mail/remove', removeMailAddress);
  page('/portal/download', showDownload);
  carefulPage('/portal/download.json', downloadJson);
  carefulPage('/portal/download.html', showRecord);
  carefulPage('/portal/history.json', downloadProof);
  page('/portal/receipts/:id', downloadReceipt);
  page('/portal/report', showReportPage);
  form('/portal/report', report);
  carefulPage('/portal/lock', confirmLock);
  carefulForm('/portal/lock', lock);
}

async function forPerson(ctx: Context, world: PortalWorld, show: Show): Promise<void> {
  const person = await world.sessions.personOf(ctx);
  if (person) return show(ctx, person, world);
  // What was in a form is lost; whoever sends one without a session has been signed out meanwhile, or is somebody else.
  askForCard(ctx, ctx.method === 'POST' ? ctx.path : ctx.url, false);
}
