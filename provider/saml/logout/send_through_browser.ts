import type { Context } from 'koa';
import type { EnginePages } from '../../oidc/engine_pages.ts';
import { formTarget } from '../../web/security_headers.ts';
import type { Answers, Draft } from '../answers/answers.ts';
import { writePostField } from '../answers/bindings.ts';
import type { Endpoint } from '../service_provider.ts';

/** Sends the browser to a service provider with a message: by redirect, or by a page with a form. */
export type SendThroughBrowser = (
  ctx: Context,
  draft: Draft,
  endpoint: Endpoint,
  relayState: string | undefined,
) => Promise<void>;

export function createSendThroughBrowser(world: {
  answers: Answers;
  pages: Pick<EnginePages, 'sendForm'>;
}): SendThroughBrowser {
  const { answers, pages } = world;
  return async (ctx, draft, { binding, location }, relayState) => {
    if (binding === 'redirect') {
      ctx.set('Cache-Control', 'no-store');
      ctx.status = 303;
      ctx.redirect(await answers.redirectUrl(draft, relayState));
      return;
    }
    const { xml } = await answers.sign(draft);
    ctx.status = 200;
    pages.sendForm(ctx, {
      action: location,
      fields: { [draft.field]: writePostField(xml), ...(relayState !== undefined && { RelayState: relayState }) },
      formTargets: [formTarget(location)],
    });
  };
}
