import type { Context } from 'koa';
import type { PageInputs, PageName } from '../../views/models.ts';
import { preferencesOf } from './preferences.ts';
import type { Renderer } from './render.ts';
import { allowOnPage } from './security_headers.ts';

export interface SendPageOptions {
  /** HTTP status; default: what `ctx.status` was set to, else 200. */
  status?: number;
  /** The relying party's wish for a language (`ui_locales`). */
  uiLocales?: string | undefined;
  /** Where the switches return to; default: this very address when it was asked for with GET, else `/`. */
  returnPath?: string;
  /** See `PageAllowance.formTargets`. */
  formTargets?: readonly string[];
}

/** Answers a request with a page: in the person's language and appearance, never cached, under its own content policy. */
export function sendPage<Name extends PageName>(
  ctx: Context,
  renderer: Renderer,
  name: Name,
  input: PageInputs[Name],
  { status, uiLocales, returnPath, formTargets = [] }: SendPageOptions = {},
): void {
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
  const { html, imageOrigins } = renderer.render(name, input, {
    ...preferencesOf(ctx, uiLocales),
    returnPath: returnPath ?? (isRead ? ctx.originalUrl : '/'),
  });
  if (formTargets.length > 0 || imageOrigins.length > 0) allowOnPage(ctx, { formTargets, imageOrigins });
  if (status !== undefined) ctx.status = status;
  ctx.type = 'html';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = html;
}
