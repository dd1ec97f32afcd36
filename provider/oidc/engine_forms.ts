import type { Context, Middleware } from 'koa';
import type { Client } from 'oidc-provider';
import { formTarget } from '../web/security_headers.ts';

/** A form that the engine sends by itself through the browser. */
export interface EngineForm {
  /** Where to: an absolute address, of ours or of the relying party. */
  action: string;
  fields: Readonly<Record<string, string>>;
  /** Where the answer to the form may lead on to, as a source of a content security policy. */
  formTargets: readonly string[];
}

/**
 * Around the engine: an answer by `response_mode=form_post`, and the forms by which it ends a session without asking, are
 * shown on a page of ours, in the person's language and with no script but our own. The page of the engine has none of
 * that, and for whoever has no script it is all that there is to see.
 */
export function showEngineForms(show: (ctx: Context, form: EngineForm) => void): Middleware {
  return async (ctx, next) => {
    await next();
    const { oidc } = ctx as Context & { oidc?: EngineContext };
    if (!oidc || typeof ctx.body !== 'string' || !ctx.response.is('html')) return;
    const form = readEngineForm(ctx.body);
    if (!form) return;
    const target = targetOf(oidc);
    show(ctx, { ...form, formTargets: typeof target === 'string' ? [formTarget(target)] : [] });
  };
}

const FORM = /<title>Submitting Callback<\/title>.*<form method="post" action="([^"]*)">(.*)<noscript>/s;
const FIELD = /<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g;

/** What is in the engine's page (its `response_modes/form_post.js`), which it makes of nothing but these. */
function readEngineForm(html: string): Omit<EngineForm, 'formTargets'> | undefined {
  const [, action, fields] = FORM.exec(html) ?? [];
  if (action === undefined || fields === undefined) return undefined;
  return {
    action: plainText(action),
    fields: Object.fromEntries(
      Array.from(fields.matchAll(FIELD), ([, name = '', value = '']) => [name, plainText(value)]),
    ),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function plainText(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? '');
}

/**
 * Browsers check `form-action` on every redirect after a form: the policy of such a page must allow the address. Only one
 * that this relying party registered: what a request merely names must not end up in a policy.
 */
function targetOf(oidc: EngineContext): unknown {
  // Nobody is signed in, so that signing out needs no question. The engine has compared the address.
  if (oidc.route === 'end_session') return oidc.session?.state?.postLogoutRedirectUri;
  // Somebody else showed a card: the session of the first is closed before this sign-in goes on. Compared at its begin.
  if (oidc.route === 'resume' && !oidc.params) return oidc.entities?.Interaction?.params?.redirect_uri;
  // `response_mode=form_post`.
  const redirectUri = oidc.params?.redirect_uri;
  if (typeof redirectUri !== 'string' || !oidc.responseMode?.startsWith('form_post')) return undefined;
  return oidc.client?.redirectUriAllowed(redirectUri) ? redirectUri : undefined;
}

/** What the engine knows about a request, each part from the step on that finds it out. */
interface EngineContext {
  route?: string;
  params?: { redirect_uri?: unknown };
  client?: Pick<Client, 'redirectUriAllowed'>;
  session?: { state?: { postLogoutRedirectUri?: unknown } };
  entities?: { Interaction?: { params?: { redirect_uri?: unknown } } };
  /** Throws before there are params. */
  readonly responseMode?: string;
}
