import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import { nameInLanguage } from '../../oidc/pages.ts';
import { preferencesOf } from '../../web/preferences.ts';
import type { Renderer } from '../../web/render.ts';
import { sendPage } from '../../web/send_page.ts';
import type { Logout } from './logout.ts';

/** What a person sees of a single logout. */
export interface LogoutPages {
  /** Leads on by itself, with and without script. */
  signingOut(ctx: Context, logout: Logout, continuePath: string): Promise<void>;
  signedOut(ctx: Context): void;
  /** @param input.notTold client ids of services that may still hold the person for signed in. */
  partlySignedOut(ctx: Context, input: { notTold: readonly string[]; returnTo: string | undefined }): Promise<void>;
}

/** @param world.signedOutUrl the engine's own page, to which nobody need be led on from a page that says more. */
export function createLogoutPages(world: {
  renderer: Renderer;
  engine(): Provider;
  signedOutUrl: string;
}): LogoutPages {
  const { renderer, engine, signedOutUrl } = world;

  async function nameOf(ctx: Context, clientId: string): Promise<string> {
    const client = await engine().Client.find(clientId);
    // It may have been removed meanwhile.
    return client ? nameInLanguage(client, preferencesOf(ctx).language) : clientId;
  }

  return {
    async signingOut(ctx, { visits, isAnothers }, continuePath) {
      const shown = isAnothers ? [] : visits;
      const services = shown.map(async ({ entityId, outcome }) => ({
        name: await nameOf(ctx, entityId),
        state: outcome === 'no_answer' ? ('not_told' as const) : outcome,
      }));
      ctx.status = 200;
      // A navigation of the browser's own: no script, no form whose policy would have to name every site on the way.
      ctx.set('Refresh', `0;url=${continuePath}`);
      const whose = isAnothers ? 'anothers' : 'own';
      sendPage(ctx, renderer, 'signing_out', { whose, services: await Promise.all(services), continuePath });
    },

    signedOut(ctx) {
      ctx.status = 200;
      sendPage(ctx, renderer, 'signed_out', {});
    },

    async partlySignedOut(ctx, { notTold, returnTo }) {
      const services = await Promise.all(notTold.map((clientId) => nameOf(ctx, clientId)));
      ctx.status = 200;
      const continueUrl = returnTo === signedOutUrl ? undefined : returnTo;
      sendPage(ctx, renderer, 'partly_signed_out', { services, continueUrl });
    },
  };
}
