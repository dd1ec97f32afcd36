import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC, Session } from 'oidc-provider';
import type { SessionClient } from '../../oidc/oidc_stores.ts';
import type { GivenNameId } from '../name_ids.ts';
import type { SingleLogout } from './single_logout.ts';

/**
 * Around the engine: when it has ended a session in the browser — somebody signed out here, a website asked for it, or
 * another person showed a card — the SAML service providers of that session are told, and the browser goes where the
 * engine would have sent it when they are. OIDC clients are told by the engine itself.
 *
 * @param origin of the hub.
 */
export function tellServiceProviders(singleLogout: SingleLogout, origin: string): Middleware {
  return async (ctx, next) => {
    await next();
    const { oidc } = ctx as Context & Partial<Pick<KoaContextWithOIDC, 'oidc'>>;
    const session = oidc?.route === 'end_session_confirm' ? (oidc.session as EngineSession | undefined) : undefined;
    const returnTo = ctx.response.get('Location');
    if (!session?.destroyed || !session.accountId || !returnTo) return;
    const clients = serviceProvidersOf(session.authorizations ?? {});
    if (clients.length === 0) return;
    await singleLogout.begin(ctx, {
      ...{ subjectId: session.accountId, clients, initiator: undefined, returnTo },
      isAnothers: isSignIn(new URL(returnTo), origin),
    });
  };
}

/** A sign-in that waits for the end of somebody else's session; nobody else's address is one of the hub's. */
function isSignIn(url: URL, origin: string): boolean {
  return url.origin === new URL(origin).origin && url.pathname.startsWith('/authorize/');
}

function serviceProvidersOf(
  authorizations: Readonly<Record<string, { readonly sid?: string | undefined }>>,
): readonly SessionClient[] {
  return Object.entries(authorizations).flatMap(([clientId, authorization]) => {
    // Put there with the assertion (send_answer.ts).
    const { sid, saml } = authorization as { sid?: string; saml?: { nameId: GivenNameId } };
    return sid !== undefined && saml ? [{ clientId, sid, nameId: saml.nameId }] : [];
  });
}

/** Not in the engine's type declarations. */
type EngineSession = Session & { readonly destroyed?: boolean };
