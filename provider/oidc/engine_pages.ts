import type { Context } from 'koa';
import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import type { EngineForm } from './engine_forms.ts';

/** The pages that the engine shows by itself. */
export interface EnginePages {
  /** A protocol error that cannot go back to the relying party (wrong redirect_uri, unknown client …). */
  error(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): Promise<void> | void;
  /** Asks whether to sign out everywhere; `form` is the engine's hidden form. */
  confirmSignOut(ctx: KoaContextWithOIDC, form: string): Promise<void> | void;
  signedOut(ctx: KoaContextWithOIDC): Promise<void> | void;
  /** In the place of the engine's own page, which sends a form by itself. */
  sendForm(ctx: Context, form: EngineForm): void;
}
