import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { methodOf } from '../authentication/acr.ts';
import type { Consents } from '../consent/consents.ts';
import type { EnginePages } from '../oidc/engine_pages.ts';
import { isFirstUse } from '../oidc/replay_detection.ts';
import { requestedClaims } from '../oidc/requested_claims.ts';
import { isFromSamlDoor, type ResponseMode, type SamlExchange, samlExchangeOf } from '../oidc/saml_parameter.ts';
import { formTarget } from '../web/security_headers.ts';
import type { Clock } from '../world.ts';
import type { Answers, SignedMessage } from './answers/answers.ts';
import { attributesFor } from './attribute_names.ts';
import { withFreshness } from './attribute_wishes.ts';
import { encryptionKeyOf } from './encryption_key.ts';
import type { NameIds } from './name_ids.ts';
import { STATUS } from './names.ts';
import type { SignOnRefusal, SignOnWish } from './plan_sign_on.ts';
import type { ServiceProvider, ServiceProviders } from './service_provider.ts';

export interface SamlAnswers {
  /** What the engine has to say to a service provider, as a SAML response through the browser. */
  readonly responseMode: ResponseMode;
  /** Answers without a sign-in. */
  refuse(ctx: Context, wish: SignOnWish, refusal: SignOnRefusal): Promise<void>;
}

/** SAML Core §3.2.2.2, by the engine's words for why it refuses. */
const STATUS_CODES: Readonly<Record<string, readonly string[]>> = {
  access_denied: [STATUS.responder, STATUS.requestDenied],
  login_required: [STATUS.responder, STATUS.noPassive],
  consent_required: [STATUS.responder, STATUS.noPassive],
  interaction_required: [STATUS.responder, STATUS.noPassive],
  unmet_authentication_requirements: [STATUS.responder, STATUS.noAuthnContext],
  invalid_request: [STATUS.requester],
};

export function createSamlAnswers(world: {
  answers: Answers;
  providers: ServiceProviders;
  nameIds: NameIds;
  catalogue: Catalogue;
  consents: Consents;
  /** Stores what the request has to store so far; throws when it is not to go on. */
  settle(): Promise<void>;
  pages: Pick<EnginePages, 'error' | 'sendForm'>;
  /** Seconds. */
  sessionLifetime: number;
  clock: Clock;
  /** Counts answers: `success`, or the last status code's own word. */
  observe(outcome: string): void;
}): SamlAnswers {
  const { answers, providers, nameIds, clock } = world;

  function send(
    ctx: Context,
    { acs, relayState }: Pick<SamlExchange, 'acs' | 'relayState'>,
    { xml }: SignedMessage,
  ): void {
    ctx.status = 200;
    world.pages.sendForm(ctx, {
      action: acs,
      fields: {
        SAMLResponse: Buffer.from(xml).toString('base64'),
        ...(relayState !== undefined && { RelayState: relayState }),
      },
      formTargets: [formTarget(acs)],
    });
  }

  async function sendStatus(
    ctx: Context,
    to: Pick<SamlExchange, 'acs' | 'relayState' | 'requestId'>,
    codes: readonly string[],
  ): Promise<void> {
    world.observe(codes.at(-1)?.split(':').at(-1) ?? '');
    send(ctx, to, await answers.errorResponse({ inResponseTo: to.requestId, destination: to.acs, codes }));
  }

  /** Whoever answers one request a second time answers somebody who replays it. Decided by the row that is stored. */
  async function isFirstAnswer(
    engine: Provider,
    { entityId }: ServiceProvider['metadata'],
    { requestId, answerOnceUntil }: SamlExchange,
  ): Promise<boolean> {
    if (requestId === undefined || answerOnceUntil === undefined) return true;
    return isFirstUse(engine, `saml ${entityId}`, requestId, answerOnceUntil);
  }

  /**
   * One list: what is true of the sign-in → once → consent and disclosure → values → signed.
   *
   * Undefined where the person has withdrawn meanwhile.
   */
  async function assertion(ctx: KoaContextWithOIDC, exchange: SamlExchange, provider: ServiceProvider) {
    const { session, params } = ctx.oidc;
    const { entityId } = provider.metadata;
    const subjectId = session?.accountId;
    const sessionIndex = session?.sidFor(entityId);
    if (!session || !subjectId || !params || !sessionIndex) throw new Error('the engine answers a sign-in of nobody');
    const authnContextClass = exchange.classes[methodOf(session.acr)];
    if (authnContextClass === undefined) return { codes: [STATUS.responder, STATUS.noAuthnContext] };

    await world.settle();
    const released = await world.consents.release({
      ...{ subjectId, clientId: entityId, exit: 'assertion' },
      claims: requestedClaims(world.catalogue, params),
      wishes: withFreshness(provider.settings, exchange.wishes),
    });
    if (!released) return { codes: [STATUS.responder, STATUS.requestDenied] };

    const expiresAt = clock() + world.sessionLifetime * 1000;
    const nameId = await nameIds.of(subjectId, provider, exchange.nameIdFormat, expiresAt);
    // Kept beside the session's id for this service provider: a logout has to name the person as this assertion does.
    Object.assign(session.authorizationFor(entityId), { saml: { nameId } });
    const pairwiseId = wantsPairwiseId(provider, exchange) ? await nameIds.pairwiseId(subjectId, provider) : undefined;
    return answers.response({
      inResponseTo: exchange.requestId,
      destination: exchange.acs,
      audience: entityId,
      nameId,
      sessionIndex,
      authnInstant: (session.authTime() ?? 0) * 1000,
      sessionNotOnOrAfter: expiresAt,
      authnContextClass,
      attributes: attributesFor(world.catalogue, released, provider.settings.attributeProfile, pairwiseId),
      encryptFor: encryptionKeyOf(provider),
    });
  }

  return {
    async responseMode(ctx, _redirectUri, payload) {
      const { client } = ctx.oidc;
      const exchange = exchangeOf(ctx);
      const provider = client && exchange && (await providers.find(client.clientId));
      if (!exchange || !provider) {
        ctx.status = 400;
        world.pages.error(ctx, { error: payload.error ?? 'invalid_request' }, new errors.InvalidRequest('refused'));
        return;
      }
      if (payload.error !== undefined) {
        // For the log: the service provider is told a status that says less.
        ctx.state.refusal = { code: payload.error, why: payload.error_description };
        return sendStatus(ctx, exchange, STATUS_CODES[payload.error] ?? [STATUS.responder]);
      }
      if (!(await isFirstAnswer(ctx.oidc.provider, provider.metadata, exchange))) {
        ctx.status = 400;
        world.pages.error(ctx, { error: 'saml_request_replayed' }, new errors.InvalidRequest('refused'));
        return;
      }
      const made = await assertion(ctx, exchange, provider);
      if ('codes' in made) return sendStatus(ctx, exchange, made.codes);
      world.observe('success');
      send(ctx, exchange, made);
    },

    refuse: (ctx, { request, relayState }, { acs, statusCodes }) =>
      sendStatus(ctx, { acs, relayState, requestId: request?.id }, statusCodes),
  };
}

/**
 * What this answer is for: the parameters of the request that the door has made, or those that were stored with a sign-in
 * that goes on. Never what a browser sends to the engine itself: it would name the address of the answer.
 */
function exchangeOf({ state, query, oidc: { params, route } }: KoaContextWithOIDC): SamlExchange | undefined {
  if (isFromSamlDoor(state)) return samlExchangeOf(params ?? query);
  return route === 'resume' ? samlExchangeOf(params) : undefined;
}

/** SAML Subject Identifier Attributes 1.0 §3.1: unless it says otherwise, whoever gets a lasting identifier gets this one. */
export function wantsPairwiseId(
  { metadata }: ServiceProvider,
  { nameIdFormat }: Pick<SamlExchange, 'nameIdFormat'>,
): boolean {
  const { subjectIdRequirement: requirement } = metadata;
  if (requirement === undefined) return nameIdFormat === 'persistent';
  return requirement === 'pairwise-id' || requirement === 'any';
}
