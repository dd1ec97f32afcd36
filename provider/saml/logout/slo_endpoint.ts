import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import type { AuditQueue } from '../../audit/group_commit.ts';
import { HubError } from '../../errors.ts';
import type { SubjectArtefacts } from '../../oidc/oidc_stores.ts';
import { isFirstUse } from '../../oidc/replay_detection.ts';
import type { Clock } from '../../world.ts';
import type { Gate } from '../gate.ts';
import type { LogoutRequest, LogoutResponse } from '../messages.ts';
import type { NameIds } from '../name_ids.ts';
import { type Binding, STATUS } from '../names.ts';
import type { PostedMessages, Received } from '../posted_messages.ts';
import { readMessageForm } from '../read_message_form.ts';
import { isSuccess } from './call_service_provider.ts';
import { endedByServiceProvider } from './ended_by_service_provider.ts';
import { type BrowserSession, judgeLogoutRequest } from './judge_logout_request.ts';
import type { LogoutOutcome, SingleLogout } from './single_logout.ts';
import { LOGOUT_PATH } from './single_logout.ts';

export interface SloWorld {
  /** Public origin of the hub. */
  readonly origin: string;
  readonly engine: () => Provider;
  readonly gate: Gate;
  readonly posted: PostedMessages;
  readonly nameIds: NameIds;
  readonly sessions: Pick<SubjectArtefacts, 'endSession'>;
  readonly singleLogout: SingleLogout;
  readonly audit: AuditQueue;
  readonly clock: Clock;
  observe(outcome: LogoutOutcome): void;
}

type LogoutMessage = Received<LogoutRequest | LogoutResponse> & { readonly binding: Binding };

const SLO_PATH = '/saml/slo';
const KINDS = ['LogoutRequest', 'LogoutResponse'] as const;
/** Seconds for which an ID has to be remembered: longer than the gate takes a message for fresh. */
const REMEMBERED = 15 * 60;

/** Single logout through the browser: requests and responses of service providers, and the page in between. */
export function mountSingleLogout(router: Router, world: SloWorld): void {
  const { gate, posted, singleLogout } = world;
  const door = { address: new URL(SLO_PATH, world.origin).href, kinds: KINDS };

  router.get(SLO_PATH, async (ctx) => {
    const isResponse = ctx.query.SAMLResponse !== undefined;
    const judged = await orRefuse(ctx, isResponse, () => gate.redirect(ctx.querystring, door));
    if (judged) await receive(ctx, judged, world);
  });
  router.post(SLO_PATH, async (ctx) => {
    const form = await readMessageForm(ctx);
    const judged = await orRefuse(ctx, form.has('SAMLResponse'), () => gate.post(form, door));
    if (judged) posted.sendOn(ctx, SLO_PATH, judged);
  });
  router.get(`${SLO_PATH}/posted`, async (ctx) => {
    await receive(ctx, { ...(await posted.read(ctx, KINDS)), binding: 'post' }, world);
  });
  router.get(LOGOUT_PATH, (ctx) => singleLogout.show(ctx));
  router.get(`${LOGOUT_PATH}/next`, (ctx) => singleLogout.goOn(ctx, Number(ctx.query.step)));
  router.get(`${LOGOUT_PATH}/refused`, async (ctx) => {
    // Whoever is on the way loses nobody by one service provider's bad answer: it has not answered.
    if (await singleLogout.isUnderway(ctx)) return redirect(ctx, LOGOUT_PATH);
    throw unexpectedResponse();
  });
}

/**
 * A response that does not pass ends at the page of the logout that it disturbs, which goes on from there. By form it came
 * without our cookies, so that it is the next request that knows whether there is one.
 */
async function orRefuse<T>(ctx: Context, isResponse: boolean, judge: () => Promise<T>): Promise<T | undefined> {
  try {
    return await judge();
  } catch (error) {
    if (!isResponse || !(error instanceof HubError)) throw error;
    ctx.state.refusal = { code: error.code, ...error.details };
    redirect(ctx, `${LOGOUT_PATH}/refused`);
    return undefined;
  }
}

async function receive(ctx: Context, { message, ...received }: LogoutMessage, world: SloWorld): Promise<void> {
  ctx.state.relyingParty = message.issuer;
  if (message.kind === 'LogoutRequest') return endSession(ctx, { ...received, message }, world);
  const { issuer: entityId, inResponseTo } = message;
  const isTaken = await world.singleLogout.takeAnswer(ctx, { entityId, inResponseTo, isSuccess: isSuccess(message) });
  if (!isTaken && !(await world.singleLogout.isUnderway(ctx))) throw unexpectedResponse();
  redirect(ctx, LOGOUT_PATH);
}

/** One list: once → whose session → ended here, whole → everybody else → the answer. */
async function endSession(
  ctx: Context,
  { message, provider, relayState, binding }: Received<LogoutRequest> & { binding: Binding },
  world: SloWorld,
): Promise<void> {
  const { entityId } = provider.metadata;
  await assertFirstUse(world, message);
  const initiator = { entityId, requestId: message.id, relayState, binding };
  const session = await sessionOf(ctx, entityId, world);
  const judgement = await judgeLogoutRequest(message, provider, session, world.nameIds);
  if (judgement.outcome === 'refused') {
    world.observe('refused');
    return world.singleLogout.respond(ctx, initiator, judgement.statusCodes);
  }
  const ended = judgement.outcome === 'ends' && (await endedByServiceProvider(judgement.session, entityId, world));
  if (judgement.outcome !== 'ends' || !ended) {
    world.observe('nothing_to_end');
    return world.singleLogout.respond(ctx, initiator, [STATUS.success]);
  }
  const { subjectId } = judgement.session;
  const clients = ended.clients.filter(({ clientId }) => clientId !== entityId);
  await world.singleLogout.begin(ctx, { subjectId, clients, initiator, returnTo: undefined, isAnothers: false });
}

/** A LogoutRequest is acted on once: whoever replays it later must not end a session of then. */
export async function assertFirstUse(
  { engine, clock }: Pick<SloWorld, 'engine' | 'clock'>,
  { issuer, id }: LogoutRequest,
): Promise<void> {
  const until = Math.floor(clock() / 1000) + REMEMBERED;
  if (await isFirstUse(engine(), `saml.logout ${issuer}`, id, until)) return;
  throw new HubError('saml_request_replayed', 400, 'This request was acted on before.');
}

async function sessionOf(ctx: Context, entityId: string, { engine }: SloWorld): Promise<BrowserSession | undefined> {
  const session = await engine().Session.get(ctx);
  const { jti: id, accountId: subjectId, authorizations = {} } = session;
  if (!subjectId) return undefined;
  const authorization = Object.hasOwn(authorizations, entityId) ? authorizations[entityId] : undefined;
  return { id, subjectId, sessionIndex: authorization?.sid };
}

function unexpectedResponse(): HubError {
  return new HubError('saml_response_unexpected', 400, 'This answers nothing that was asked in this browser.');
}

function redirect(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}
