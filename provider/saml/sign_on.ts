import type { Router } from '@koa/router';
import type { Context, Next } from 'koa';
import { HubError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { markFromSamlDoor, samlParameter } from '../oidc/saml_parameter.ts';
import { checkRelayState } from './bindings/relay_state.ts';
import { relayStateInvalid } from './errors.ts';
import type { Gate } from './gate.ts';
import { ANSWER_PATH } from './internal_client.ts';
import type { NameIds } from './name_ids.ts';
import { STATUS } from './names.ts';
import { type PlanWorld, planSignOn, type SignOnPlan, type SignOnWish } from './plan_sign_on.ts';
import type { PostedMessages } from './posted_messages.ts';
import { readMessageForm } from './read_message_form.ts';
import type { SamlAnswers } from './send_answer.ts';
import { type ServiceProviders, sectorOfProvider } from './service_provider.ts';

export interface SignOnWorld {
  /** Public origin of the hub. */
  readonly origin: string;
  readonly gate: Gate;
  readonly providers: ServiceProviders;
  readonly posted: PostedMessages;
  readonly nameIds: NameIds;
  readonly identity: Identity;
  readonly rules: PlanWorld;
  readonly answers: SamlAnswers;
}

const SSO_PATH = '/saml/sso';
/** `?sp=` names a service provider that may be entered from here. */
const START_PATH = '/saml/start';

const KINDS = ['AuthnRequest'] as const;

/** Requests to sign in: a service provider's, with both bindings that go through a browser, and those of a link. */
export function mountSignOn(router: Router, world: SignOnWorld): void {
  const door = { address: new URL(SSO_PATH, world.origin).href, kinds: KINDS };

  router.get(SSO_PATH, async (ctx, next) => {
    const { message, ...received } = await world.gate.redirect(ctx.querystring, door);
    await signOn(ctx, next, { ...received, request: message }, world);
  });
  router.post(SSO_PATH, async (ctx) => {
    const form = await readMessageForm(ctx);
    world.posted.sendOn(ctx, SSO_PATH, await world.gate.post(form, door));
  });
  router.get(`${SSO_PATH}/posted`, async (ctx, next) => {
    const { message, ...received } = await world.posted.read(ctx, KINDS);
    await signOn(ctx, next, { ...received, request: message }, world);
  });
  router.get(START_PATH, async (ctx, next) => {
    await signOn(ctx, next, await wishOfLink(ctx, world), world);
  });
}

async function wishOfLink({ query }: Context, { providers }: SignOnWorld): Promise<SignOnWish> {
  const { sp, RelayState: relayState } = query;
  const provider = typeof sp === 'string' ? await providers.find(sp) : undefined;
  if (!provider?.settings.idpInitiated) {
    throw new HubError('saml_service_unknown', 400, 'No such website can be entered from here.');
  }
  if (Array.isArray(relayState)) throw relayStateInvalid('it is there more than once');
  if (relayState !== undefined) checkRelayState(relayState);
  return { provider, request: undefined, relayState };
}

/**
 * Lets the engine answer this very request as if it were the authorization request of an internal client, so that session,
 * step-up, consent and disclosure are one code for both front doors. Its answer is made by send_answer.ts.
 */
async function signOn(ctx: Context, next: Next, wish: SignOnWish, world: SignOnWorld): Promise<void> {
  const planned = planSignOn(wish, world.rules);
  if ('refusal' in planned) return world.answers.refuse(ctx, wish, planned.refusal);
  const { plan } = planned;
  const sub = plan.subject && (await namedPerson(wish, plan, world));
  if (sub === null) {
    const statusCodes = [STATUS.responder, STATUS.unknownPrincipal];
    return world.answers.refuse(ctx, wish, { acs: plan.exchange.acs, statusCodes });
  }
  const asked = { method: ctx.method, url: ctx.url, route: ctx._matchedRoute };
  markFromSamlDoor(ctx.state);
  ctx.url = `/authorize?${authorizationRequest(wish, plan, sub, world.origin)}`;
  await next();
  // The log and the figures are about what the browser asked for.
  ctx.url = asked.url;
  ctx._matchedRoute = asked.route;
}

/** The pairwise identifier of the person that the request names; null when this service provider knows nobody by that. */
async function namedPerson(
  { provider }: SignOnWish,
  { subject }: SignOnPlan,
  { nameIds, identity }: SignOnWorld,
): Promise<string | null> {
  const subjectId = subject && (await nameIds.subjectOf(subject, provider));
  return subjectId === undefined ? null : identity.pairwiseIdentifier(subjectId, sectorOfProvider(provider));
}

function authorizationRequest(
  { provider }: SignOnWish,
  { exchange, acrValues, prompt }: SignOnPlan,
  sub: string | undefined,
  origin: string,
): URLSearchParams {
  return new URLSearchParams({
    client_id: provider.metadata.entityId,
    response_type: 'none',
    response_mode: 'saml',
    redirect_uri: new URL(ANSWER_PATH, origin).href,
    scope: 'openid',
    ...(acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
    ...(prompt !== undefined && { prompt }),
    // The engine has no claims parameter with `none`; what is asked for is read from here (requested_claims.ts).
    saml: samlParameter({ ...exchange, sub }),
  });
}
