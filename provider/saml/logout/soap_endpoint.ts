import type { Router } from '@koa/router';
import { HubError } from '../../errors.ts';
import type { LogoutNotices } from '../../oidc/logout_notices.ts';
import type { SubjectArtefacts } from '../../oidc/oidc_stores.ts';
import type { Answers } from '../answers/answers.ts';
import type { Status } from '../answers/protocol_message.ts';
import type { Judged } from '../gate.ts';
import type { LogoutRequest } from '../messages.ts';
import { STATUS } from '../names.ts';
import type { ServiceProvider } from '../service_provider.ts';
import { answerSoapCall, readSoapCall, statusOfRefusal } from '../soap_calls.ts';
import { endedByServiceProvider } from './ended_by_service_provider.ts';
import { isMeant } from './judge_logout_request.ts';
import { logoutStatus } from './single_logout.ts';
import { assertFirstUse, type SloWorld } from './slo_endpoint.ts';

export interface SoapLogoutWorld
  extends Pick<SloWorld, 'origin' | 'engine' | 'gate' | 'nameIds' | 'audit' | 'clock' | 'observe'> {
  readonly sessions: Pick<SubjectArtefacts, 'sessionsOf' | 'endSession'>;
  readonly notices: Pick<LogoutNotices, 'tell'>;
  readonly answers: Answers;
}

export const SOAP_SLO_PATH = '/saml/soap/slo';
const KINDS = ['LogoutRequest'] as const;

/** Single logout by a call of a service provider's server (SAML Profiles §4.4.3.1): there is no browser, and no cookie. */
export function mountSoapLogout(router: Router, world: SoapLogoutWorld): void {
  const { gate, answers } = world;
  const door = { address: new URL(SOAP_SLO_PATH, world.origin).href, kinds: KINDS };

  router.post(SOAP_SLO_PATH, async (ctx) => {
    const body = await readSoapCall(ctx);
    let judged: Judged<'LogoutRequest'> | undefined;
    const answer = async (status: Status) => {
      const draft = answers.logoutResponse({ inResponseTo: judged?.message.id, destination: undefined, ...status });
      answerSoapCall(ctx, (await answers.sign(draft)).xml);
    };
    try {
      judged = await gate.soap(body, door);
      const { message, provider } = judged;
      ctx.state.relyingParty = provider.metadata.entityId;
      await assertFirstUse(world, message);
      await answer({ codes: await endSessions(message, provider, world) });
    } catch (error) {
      const status = error instanceof HubError ? statusOfRefusal(error) : undefined;
      if (!(error instanceof HubError) || !status) throw error;
      ctx.state.refusal = { code: error.code, ...error.details };
      await answer(status);
    }
  });
}

/**
 * Ends the sessions of this person that the sender took part in and means, and tells whoever else took part in them. Others
 * who can be told through a browser only are not: that is what PartialLogout says.
 */
async function endSessions(
  { nameId, sessionIndexes }: LogoutRequest,
  provider: ServiceProvider,
  world: SoapLogoutWorld,
): Promise<readonly string[]> {
  const { entityId } = provider.metadata;
  const subjectId = await world.nameIds.subjectOf(nameId, provider);
  if (subjectId === undefined) {
    world.observe('refused');
    return [STATUS.requester, STATUS.unknownPrincipal];
  }
  const live = await world.sessions.sessionsOf(subjectId);
  const meant = live.filter(({ clients }) =>
    clients.some(({ clientId, sid }) => clientId === entityId && isMeant(sessionIndexes, sid)),
  );
  const ended = await Promise.all(meant.map(({ id }) => endedByServiceProvider({ id, subjectId }, entityId, world)));
  const sessions = ended.filter((session) => session !== undefined);
  if (sessions.length === 0) {
    world.observe('nothing_to_end');
    return [STATUS.success];
  }
  const others = sessions.flatMap(({ clients }) => clients.filter(({ clientId }) => clientId !== entityId));
  const outcomes = await world.notices.tell(subjectId, others);
  const isComplete = outcomes.every((outcome) => outcome === 'told');
  world.observe(isComplete ? 'complete' : 'partial');
  return logoutStatus(isComplete);
}
