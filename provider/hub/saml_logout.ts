import type { Router } from '@koa/router';
import type { Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import type { EnginePages } from '../oidc/engine_pages.ts';
import type { CallServiceProvider } from '../oidc/logout_notices.ts';
import type { Answers } from '../saml/answers/answers.ts';
import type { Gate } from '../saml/gate.ts';
import { tellServiceProviders } from '../saml/logout/after_sign_out.ts';
import { createServiceProviderCall } from '../saml/logout/call_service_provider.ts';
import { createLogoutPages } from '../saml/logout/logout_pages.ts';
import { createLogoutsUnderway } from '../saml/logout/logouts_underway.ts';
import { createSendThroughBrowser } from '../saml/logout/send_through_browser.ts';
import { createSingleLogout } from '../saml/logout/single_logout.ts';
import { mountSingleLogout } from '../saml/logout/slo_endpoint.ts';
import { mountSoapLogout, SOAP_SLO_PATH } from '../saml/logout/soap_endpoint.ts';
import type { NameIds } from '../saml/name_ids.ts';
import type { PostedMessages } from '../saml/posted_messages.ts';
import type { ServiceProviders } from '../saml/service_provider.ts';
import type { Renderer } from '../web/render.ts';
import { type Rooms, relyingPartyFetch } from './rooms.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: single logout. */

/** Single logout with one set of keys. */
export interface LogoutDoor {
  mount(router: Router): void;
  /** Around the engine. */
  readonly afterSignOut: Middleware;
  /** For whoever ends a session without a browser. */
  readonly callServiceProvider: CallServiceProvider;
}

export interface LogoutDoorWorld {
  readonly gate: Gate;
  readonly providers: ServiceProviders;
  readonly nameIds: NameIds;
  readonly posted: PostedMessages;
  readonly pages: Pick<EnginePages, 'sendForm'>;
  readonly renderer: Renderer;
  readonly engine: () => Provider;
}

/** @returns the door for whatever signs its messages. */
export function openLogoutDoor(
  { config, clock, random, metrics }: Base,
  { storage, vault, oidcStore: sessions }: Store,
  { notices, auditQueue: audit }: Rooms,
  { gate, providers, nameIds, posted, pages, renderer, engine }: LogoutDoorWorld,
): (answers: Answers) => LogoutDoor {
  const origin = config.publicUrl;
  const secure = origin.startsWith('https:');
  const underway = createLogoutsUnderway({ store: storage.logouts, vault, clock, random, secure });
  const logoutPages = createLogoutPages({ renderer, engine, signedOutUrl: new URL('/sign-out/success', origin).href });
  const fetch = relyingPartyFetch(config);
  const observe = metrics.singleLogoutEnded;

  return (answers) => {
    const send = createSendThroughBrowser({ answers, pages });
    const singleLogout = createSingleLogout({
      answers,
      notices,
      providers,
      underway,
      pages: logoutPages,
      send,
      observe,
    });
    const address = new URL(SOAP_SLO_PATH, origin).href;
    return {
      mount(router) {
        const shared = { origin, engine, gate, nameIds, sessions, audit, clock, observe };
        mountSingleLogout(router, { ...shared, posted, singleLogout });
        mountSoapLogout(router, { ...shared, notices, answers });
      },
      afterSignOut: tellServiceProviders(singleLogout, origin),
      callServiceProvider: createServiceProviderCall({ answers, gate, providers, fetch, address }),
    };
  };
}
