import type { Router } from '@koa/router';
import { readShortForm } from '../web/read_short_form.ts';

/** Bytes: what every browser and proxy still takes as an address. A longer request is for PAR (RFC 9126). */
const REQUEST_LIMIT = 7 * 1024;

/**
 * Requests to sign in and to sign out that come as a form (OIDC Core §3.1.2.1, RP-Initiated Logout §2 ask for both
 * methods). The browser is sent on to the same request by GET: a form from another site comes without our cookies, which
 * are SameSite=Lax, and the step after it with them. Making the cookies SameSite=None instead would send them along with
 * every request that any site can make.
 *
 * Throws HubError `bad_request` or `request_too_large`.
 */
export function mountPostedRequests(router: Router): void {
  router.post(['/authorize', '/sign-out'], async (ctx) => {
    const form = await readShortForm(ctx, REQUEST_LIMIT);
    ctx.status = 303;
    ctx.redirect(`${ctx.path.replace(/\/+$/, '').toLowerCase()}?${form}`);
  });
}
