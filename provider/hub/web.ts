import type { Context, Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import { createNetworks } from '../../config/networks.ts';
import type { Configuration } from '../../config/schema.ts';
import { mountProviderList } from '../attributes/providers/provider_list_api.ts';
import { mountRecordApi } from '../consent/record_api.ts';
import type { EngineRunnerWorld } from '../engine_runner.ts';
import { mountStreamApi } from '../events/stream_api.ts';
import { createHttpApp, type RequestHandler } from '../http_app.ts';
import { createBearerGuard } from '../oidc/bearer_guard.ts';
import { createCertificateOrigin } from '../oidc/certificate_origin.ts';
import { mountCertificateSignIn } from '../oidc/certificate_sign_in.ts';
import { describeForRelyingParties } from '../oidc/discovery_document.ts';
import { CLIENT_SIGNING, createEngine } from '../oidc/engine.ts';
import { showEngineForms } from '../oidc/engine_forms.ts';
import { mountEnrolment } from '../oidc/enrolment_interaction.ts';
import { mountInteractions, showSignInAtOnce } from '../oidc/interactions.ts';
import { mountLatestConsent } from '../oidc/latest_consent_interaction.ts';
import type { CallServiceProvider } from '../oidc/logout_notices.ts';
import {
  createEnginePages,
  createEnrolmentPages,
  createInteractionPages,
  createLatestConsentPages,
  createReceiptPages,
} from '../oidc/pages.ts';
import { mountPostedRequests } from '../oidc/posted_requests.ts';
import { certificateFromProxies, certificateOfHandshake } from '../oidc/presented_certificate.ts';
import { mountReceiptSigning, showReceiptSigning } from '../oidc/receipt_interaction.ts';
import { hostGuard } from '../operations/host_guard.ts';
import { metricsForThisMachine } from '../operations/metrics.ts';
import { createRateLimit, type RateLimit, rateLimit } from '../operations/rate_limit.ts';
import { requestLog } from '../operations/request_log.ts';
import { requestReference } from '../operations/request_reference.ts';
import { mountStatusApi } from '../status/status_api.ts';
import { createVerifier } from '../verifier/verifier.ts';
import { AUTHENTICATE_PATH, mountVerifierApi } from '../verifier/verifier_api.ts';
import { loadAssets, serveAssets } from '../web/assets.ts';
import { preferences } from '../web/preferences.ts';
import { createRenderer, type Renderer } from '../web/render.ts';
import { securityHeaders } from '../web/security_headers.ts';
import { sendPage } from '../web/send_page.ts';
import type { Clock } from '../world.ts';
import { mountPortalPages, portalNames } from './portal.ts';
import { type Rooms, relyingPartyFetch } from './rooms.ts';
import { openSamlDoor } from './saml.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: everything that answers requests. */

/** Everything that answers requests. `build` is called again with each new set of keys. */
export function webRoom(
  base: Base,
  store: Store,
  rooms: Rooms,
  { health, engine }: { health: Middleware; engine: () => Provider },
): {
  build: EngineRunnerWorld['build'];
  certificateOrigin: RequestHandler | undefined;
  /** With the keys of now. */
  callServiceProvider: CallServiceProvider;
} {
  const { config, log, clock, random, metrics } = base;
  const { storage, oidcStore } = store;
  const assets = loadAssets();
  const renderer = createRenderer({
    assets,
    brand: { ja: config.branding.nameJa, en: config.branding.nameEn },
    sandbox: config.mode === 'sandbox',
  });
  const pageSettings = {
    catalogue: rooms.catalogue,
    cardAgentUrl: config.signIn.cardAgentUrls[0] ?? '',
    cardAgentHelpUrl: undefined,
    certificateSignIn: config.signIn.tls !== undefined,
    challengeLifetime: config.signIn.challengeSeconds,
    consentLifetime: Math.round(config.lifetimes.consentSeconds / 86_400),
    enrolment: rooms.enrolments !== undefined,
  };
  const pages = createInteractionPages(renderer, pageSettings);
  const enrolmentPages = createEnrolmentPages(renderer, pageSettings);
  const receiptPages = createReceiptPages(renderer, pageSettings);
  const latestConsentPages = createLatestConsentPages(renderer, pageSettings);
  const enginePages = createEnginePages(renderer);
  const fetch = relyingPartyFetch(config);
  const headers = securityHeaders({ publicUrl: config.publicUrl });
  const watch = [requestLog({ log, clock, random }), metrics.measureRequests];
  const before = [
    headers,
    health,
    ...(config.metrics.listen === 'same' ? [metricsForThisMachine(metrics)] : []),
    ...watch,
    hostGuard({
      publicUrl: config.publicUrl,
      mutualTlsUrl: config.mutualTls?.publicUrl,
      trustedProxies: createNetworks(config.trustedProxies),
    }),
    serveAssets(assets),
  ];
  // Made once, so that a rotation of keys forgives nobody.
  const limits = rateLimits(config, clock);
  const inside = [preferences({ publicUrl: config.publicUrl }), limits.signIns, limits.writes];

  const interactions = {
    ...rooms,
    engine,
    origin: config.publicUrl,
    audit: storage.audit,
    pages,
    clock,
    observe: metrics.signInEnded,
  };

  const { receiptSignatures } = rooms;
  const receiptSigning = receiptSignatures && { ...interactions, receiptSignatures, receiptPages };

  const issuer = config.publicUrl;
  const bearer = createBearerGuard({ engine, issuer, proofAlgorithms: CLIENT_SIGNING, clock });
  const endpoint = new URL(AUTHENTICATE_PATH, issuer).href;
  const verifier = createVerifier({ ...rooms, engine, issuer, endpoint, audit: rooms.auditQueue, clock });

  const { tls } = config.signIn;
  const onBug = (ctx: Context, err: unknown) => log.error({ err, reference: requestReference(ctx, random) }, 'a bug');
  const certificateOrigin =
    tls &&
    createCertificateOrigin({
      ...interactions,
      origin: tls.publicUrl,
      mainOrigin: config.publicUrl,
      readPresented:
        tls.certificateFile === undefined
          ? certificateFromProxies(createNetworks(tls.proxies))
          : certificateOfHandshake,
      before: [
        headers,
        ...watch,
        hostGuard({
          publicUrl: tls.publicUrl,
          trustedProxies: createNetworks([...config.trustedProxies, ...tls.proxies]),
        }),
      ],
      limit: limits.attempts,
      onBug,
    });

  const samlDoor = openSamlDoor(base, store, rooms, { pages: enginePages, renderer, engine, limit: limits.calls });
  let callServiceProvider: CallServiceProvider | undefined;

  const build: EngineRunnerWorld['build'] = ({ jwks, samlKeys, cookieSecrets }) => {
    const saml = samlDoor(samlKeys);
    callServiceProvider = saml.callServiceProvider;
    const provider = createEngine({
      settings: {
        issuer: config.publicUrl,
        mutualTlsOrigin: config.mutualTls?.publicUrl,
        lifetimes: {
          session: config.lifetimes.sessionSeconds,
          interaction: config.signIn.interactionSeconds,
          accessToken: config.lifetimes.accessTokenSeconds,
          refreshToken: config.lifetimes.refreshTokenSeconds,
          consent: config.lifetimes.consentSeconds,
        },
        resources: config.resources.map(({ accessTokenSeconds, ...resource }) => ({
          ...resource,
          accessTokenLifetime: accessTokenSeconds,
        })),
        assurance: config.enrolment,
        portalNames,
        secureCookies: config.publicUrl.startsWith('https:'),
      },
      jwks,
      cookieSecrets,
      adapter: oidcStore.adapter,
      settle: oidcStore.settle,
      identity: rooms.identity,
      catalogue: rooms.catalogue,
      consents: rooms.consents,
      policies: rooms.policies,
      pages: enginePages,
      samlResponseMode: saml.responseMode,
      fetch,
      clock,
    });
    const handle = createHttpApp(provider, {
      before,
      inside: [rooms.deliveries.confirm, ...inside, showEngineForms(enginePages.sendForm), oidcStore.batchWrites],
      routes(router) {
        router.get('/', (ctx) => home(ctx, renderer, config.publicUrl));
        mountPostedRequests(router);
        mountRecordApi(router, rooms);
        mountProviderList(router, storage);
        saml.mount(router);
        mountInteractions(router, {
          ...interactions,
          signReceipt:
            receiptSigning &&
            ((ctx, interaction, receiptId) => showReceiptSigning(ctx, receiptSigning, interaction, receiptId)),
        });
        if (receiptSigning) mountReceiptSigning(router, receiptSigning);
        mountPortalPages(router, base, rooms, { engine, renderer });
        const { enrolments, latestConsents } = rooms;
        if (enrolments) {
          const observeEnrolment = metrics.enrolmentEnded;
          mountEnrolment(router, { ...interactions, enrolments, enrolmentPages, observeEnrolment });
        }
        if (latestConsents) {
          const observeLatestConsent = metrics.latestConsentEnded;
          mountLatestConsent(router, { ...interactions, latestConsents, latestConsentPages, observeLatestConsent });
        }
        const forServers = { bearer, limit: limits.calls, issuer };
        mountStatusApi(router, { ...forServers, statusCheck: rooms.statusCheck });
        const { allowPlainHttp } = config.outbound;
        mountStreamApi(router, { ...forServers, streams: rooms.streams, allowPlainHttp });
        mountVerifierApi(router, { ...forServers, verifier });
        if (tls) mountCertificateSignIn(router, { ...interactions, certificateOrigin: tls.publicUrl });
      },
      around: [describeForRelyingParties, showSignInAtOnce(interactions), saml.afterSignOut],
      errorPage(ctx, error) {
        if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
        sendPage(
          ctx,
          renderer,
          'error',
          { code: error.code, reference: requestReference(ctx, random) },
          { status: error.status },
        );
      },
      onBug,
    });
    return { engine: provider, handle };
  };
  return {
    build,
    certificateOrigin,
    async callServiceProvider(client) {
      if (!callServiceProvider) throw new Error('the hub has no keys yet');
      return callServiceProvider(client);
    },
  };
}

export function home(ctx: Context, renderer: Renderer, publicUrl: string): void {
  sendPage(ctx, renderer, 'home', {
    issuer: publicUrl,
    discoveryUrl: new URL('/.well-known/openid-configuration', publicUrl).href,
  });
}

/** Requests by which somebody without a session makes the hub store something or verify signatures. */
export function rateLimits(
  config: Configuration,
  clock: Clock,
): Record<'signIns' | 'attempts' | 'writes', Middleware> & { calls: RateLimit } {
  const { signInAttempts, unauthenticatedWrites, relyingPartyCalls, windowSeconds, trackedAddresses } =
    config.rateLimits;
  const shared = { window: windowSeconds * 1000, trackedAddresses };
  // The routers match in any letter case and with a slash at the end: what is counted must not depend on the spelling.
  const isSignIn = (ctx: Context) =>
    ctx.method === 'POST' &&
    /^\/interaction\/[^/]+\/(?:sign-in|(?:enrolment|latest-attributes|receipt\/[^/]+)\/signed)\/?$/i.test(ctx.path);
  const isWrite = (ctx: Context) =>
    /^\/(?:authorize|par|sign-out|portal\/sign-in|saml\/(?:start|soap\/[^/]+|(?:sso|slo)(?:\/posted)?)|interaction\/[^/]+(?:\/certificate-return)?)\/?$/i.test(
      ctx.path,
    );
  const attempts = createRateLimit({ ...shared, requests: signInAttempts }, clock);
  return {
    signIns: rateLimit(attempts, isSignIn),
    // At the origin that asks for certificates every request is one.
    attempts: rateLimit(attempts),
    writes: rateLimit(createRateLimit({ ...shared, requests: unauthenticatedWrites }, clock), isWrite),
    // By relying party, once it has authenticated.
    calls: createRateLimit({ ...shared, requests: relyingPartyCalls }, clock),
  };
}
