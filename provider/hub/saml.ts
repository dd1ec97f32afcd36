import type { Router } from '@koa/router';
import type { Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import type { EnginePages } from '../oidc/engine_pages.ts';
import type { CallServiceProvider } from '../oidc/logout_notices.ts';
import type { SigningKey } from '../oidc/oidc_stores.ts';
import { isFirstUse } from '../oidc/replay_detection.ts';
import type { ResponseMode } from '../oidc/saml_parameter.ts';
import type { RateLimit } from '../operations/rate_limit.ts';
import { createAnswers } from '../saml/answers/answers.ts';
import { createAttributeQueries } from '../saml/attribute_query.ts';
import { mountAttributeService } from '../saml/attribute_service.ts';
import { createGate } from '../saml/gate.ts';
import { createSamlKeySet } from '../saml/key_set.ts';
import { createOwnMetadata, samlEntityId } from '../saml/metadata/own_metadata.ts';
import { createNameIds } from '../saml/name_ids.ts';
import { createPostedMessages } from '../saml/posted_messages.ts';
import { createSamlAnswers } from '../saml/send_answer.ts';
import { mountOwnMetadata } from '../saml/serve_metadata.ts';
import { mountSignOn } from '../saml/sign_on.ts';
import type { Renderer } from '../web/render.ts';
import type { Rooms } from './rooms.ts';
import { openLogoutDoor } from './saml_logout.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: the SAML front door. */

/** What the door says and hears with one set of keys. */
export interface SamlDoor {
  readonly responseMode: ResponseMode;
  mount(router: Router): void;
  /** Around the engine. */
  readonly afterSignOut: Middleware;
  readonly callServiceProvider: CallServiceProvider;
}

interface SamlDoorWorld {
  readonly pages: EnginePages;
  readonly renderer: Renderer;
  readonly engine: () => Provider;
  /** By entity id. */
  readonly limit: RateLimit;
}

/** Milliseconds by which a service provider's clock may be ahead of the hub's. */
const CLOCK_TOLERANCE = 60_000;
/** Seconds that a request may be old when it arrives (see the gate). */
const REQUEST_AGE = 5 * 60;

/** @returns the door for a set of keys, of which the first signs. */
export function openSamlDoor(
  base: Base,
  store: Store,
  rooms: Rooms,
  { pages, renderer, engine, limit }: SamlDoorWorld,
): (keys: readonly SigningKey[]) => SamlDoor {
  const { config, clock, random, metrics } = base;
  const { vault, oidcStore } = store;
  const { catalogue, identity, consents, policies, serviceProviders: providers } = rooms;
  const { publicUrl } = config;
  const issuer = samlEntityId(publicUrl);
  const nameIds = createNameIds({ identity, vault, clock, issuer, scope: new URL(publicUrl).hostname });
  const gate = createGate({ providers, clock, tolerance: CLOCK_TOLERANCE });
  const posted = createPostedMessages({ vault, providers, clock });
  const rules = {
    acrValues: policies.acrValues,
    certificateSignIn: config.signIn.tls !== undefined,
    catalogue,
    answerWithin: REQUEST_AGE + config.signIn.interactionSeconds,
  };
  const logoutDoor = openLogoutDoor(base, store, rooms, { gate, providers, nameIds, posted, pages, renderer, engine });
  const names = { ja: config.branding.nameJa, en: config.branding.nameEn };

  return (keys) => {
    const keySet = createSamlKeySet(keys);
    const messages = createAnswers({ entityId: issuer, keys: () => keySet, clock, random });
    const logout = logoutDoor(messages);
    const answers = createSamlAnswers({
      answers: messages,
      ...{ providers, nameIds, catalogue, consents, pages, clock },
      settle: oidcStore.settle,
      sessionLifetime: config.lifetimes.sessionSeconds,
      observe: metrics.samlAnswered,
    });
    const queries = createAttributeQueries({
      ...{ answers: messages, nameIds, consents, catalogue, maxAge: REQUEST_AGE },
      isFirst: (entityId, id, until) => isFirstUse(engine(), `saml ${entityId}`, id, until),
      observe: metrics.samlAnswered,
    });
    const metadata = createOwnMetadata({ publicUrl, names, keys: () => keySet, clock });
    return {
      responseMode: answers.responseMode,
      mount(router) {
        mountOwnMetadata(router, metadata);
        mountSignOn(router, { origin: publicUrl, gate, providers, posted, nameIds, identity, rules, answers });
        mountAttributeService(router, { origin: publicUrl, gate, queries, answers: messages, limit });
        logout.mount(router);
      },
      afterSignOut: logout.afterSignOut,
      callServiceProvider: logout.callServiceProvider,
    };
  };
}
