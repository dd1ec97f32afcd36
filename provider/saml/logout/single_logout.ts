import type { Context } from 'koa';
import type { LogoutNotices } from '../../oidc/logout_notices.ts';
import type { SessionClient } from '../../oidc/oidc_stores.ts';
import type { Answers } from '../answers/answers.ts';
import { STATUS } from '../names.ts';
import type { ServiceProviders } from '../service_provider.ts';
import { answerEndpoint, browserEndpoint } from './endpoints.ts';
import {
  ask,
  clientsNotTold,
  end,
  giveUp,
  type Initiator,
  type Logout,
  nextVisit,
  takeAnswer,
  type Visit,
  type VisitAnswer,
} from './logout.ts';
import type { LogoutPages } from './logout_pages.ts';
import type { LogoutsUnderway, LogoutUnderway } from './logouts_underway.ts';
import type { SendThroughBrowser } from './send_through_browser.ts';

/** What came of a single logout, for the figures. */
export type LogoutOutcome = 'complete' | 'partial' | 'nothing_to_end' | 'refused';

/** A session that has ended, and the others who have to hear of it. */
export interface LogoutBegun extends Pick<Logout, 'initiator' | 'returnTo' | 'isAnothers'> {
  readonly subjectId: string;
  readonly clients: readonly SessionClient[];
}

/**
 * Telling everybody of the end of a session (SAML Profiles §4.4). The hub's own session is over before it begins, so that
 * whatever goes wrong on the way leaves nobody signed in here.
 */
export interface SingleLogout {
  /** Calls those who can be called, and sends the browser on its way to the others. */
  begin(ctx: Context, begun: LogoutBegun): Promise<void>;
  /** The page between two service providers. */
  show(ctx: Context): Promise<void>;
  /** Sends the browser to the next one, or where it goes in the end; once for each step that a page has shown. */
  goOn(ctx: Context, step: number): Promise<void>;
  /** Notes what a service provider has sent the browser back with. False when this browser was not sent for that. */
  takeAnswer(ctx: Context, answer: VisitAnswer): Promise<boolean>;
  /** Whether this browser is on its way. */
  isUnderway(ctx: Context): Promise<boolean>;
  /** Answers a LogoutRequest through the browser; with a page where its sender has no address for answers. */
  respond(ctx: Context, initiator: Initiator, statusCodes: readonly string[]): Promise<void>;
}

/** The page between two service providers; `${LOGOUT_PATH}/next` leads on from it. */
export const LOGOUT_PATH = '/saml/logout';

export function createSingleLogout(world: {
  answers: Answers;
  notices: Pick<LogoutNotices, 'tell'>;
  providers: ServiceProviders;
  underway: LogoutsUnderway;
  pages: LogoutPages;
  send: SendThroughBrowser;
  observe(outcome: LogoutOutcome): void;
}): SingleLogout {
  const { answers, notices, providers, underway, pages, send, observe } = world;

  /** Those who were not told by a call: the ones with an address in the browser, and the others. */
  async function leftOver({ subjectId, clients }: LogoutBegun): Promise<Pick<Logout, 'visits' | 'notTold'>> {
    const outcomes = await notices.tell(subjectId, clients);
    const visits: Visit[] = [];
    const notTold: string[] = [];
    for (const [index, { clientId, sid, nameId }] of clients.entries()) {
      if (outcomes[index] === 'told') continue;
      if (nameId && browserEndpoint(await providers.find(clientId))) {
        visits.push({ entityId: clientId, nameId, sessionIndex: sid, outcome: 'waiting' });
      } else notTold.push(clientId);
    }
    return { visits, notTold };
  }

  async function respond(ctx: Context, initiator: Initiator, codes: readonly string[]): Promise<void> {
    const { entityId, requestId, relayState, binding } = initiator;
    const endpoint = answerEndpoint(await providers.find(entityId), binding);
    if (!endpoint) return pages.signedOut(ctx);
    const draft = answers.logoutResponse({ inResponseTo: requestId, destination: endpoint.location, codes });
    await send(ctx, draft, endpoint, relayState);
  }

  /** The initiator is told at once, be it half a success: it has a session of its own to end. */
  async function arrive(ctx: Context, logout: Logout): Promise<void> {
    const isComplete = clientsNotTold(logout).length === 0;
    observe(isComplete ? 'complete' : 'partial');
    const { initiator, returnTo } = logout;
    if (initiator) return respond(ctx, initiator, logoutStatus(isComplete));
    ctx.status = 303;
    ctx.redirect(returnTo ?? '/');
  }

  /** Undefined when it went on meanwhile. */
  async function drop(current: LogoutUnderway, { entityId }: Visit): Promise<LogoutUnderway | undefined> {
    const logout = giveUp(current.logout, entityId);
    return (await underway.advance(current, logout)) ? { ...current, logout, step: current.step + 1 } : undefined;
  }

  async function goOnFrom(ctx: Context, current: LogoutUnderway): Promise<void> {
    const visit = nextVisit(current.logout);
    if (!visit && endsAtPage(current.logout)) {
      if (await underway.advance(current, end(current.logout))) observe('partial');
      return toPage(ctx);
    }
    if (!visit) {
      return (await underway.finish(ctx, current)) ? arrive(ctx, current.logout) : toPage(ctx);
    }
    const { entityId, nameId, sessionIndex } = visit;
    const endpoint = browserEndpoint(await providers.find(entityId));
    if (!endpoint) {
      const dropped = await drop(current, visit);
      return dropped ? goOnFrom(ctx, dropped) : toPage(ctx);
    }
    const { location: destination } = endpoint;
    const draft = answers.logoutRequest({ destination, nameId, sessionIndexes: [sessionIndex] });
    const isOurs = await underway.advance(current, ask(current.logout, entityId, draft.id));
    return isOurs ? send(ctx, draft, endpoint, undefined) : toPage(ctx);
  }

  return {
    async begin(ctx, begun) {
      const { initiator, returnTo, isAnothers } = begun;
      const logout = { initiator, returnTo, isAnothers, isOver: false, ...(await leftOver(begun)) };
      if (logout.visits.length === 0 && !endsAtPage(logout)) return arrive(ctx, logout);
      await underway.begin(ctx, logout);
      toPage(ctx);
    },

    async show(ctx) {
      const current = await underway.of(ctx);
      if (!current) return pages.signedOut(ctx);
      const { logout, step } = current;
      const { returnTo, isOver } = logout;
      if (isOver) return pages.partlySignedOut(ctx, { notTold: clientsNotTold(logout), returnTo });
      await pages.signingOut(ctx, logout, `${LOGOUT_PATH}/next?step=${step}`);
    },

    async goOn(ctx, step) {
      const current = await underway.of(ctx);
      return current?.step === step && !current.logout.isOver ? goOnFrom(ctx, current) : toPage(ctx);
    },

    async takeAnswer(ctx, answer) {
      const current = await underway.of(ctx);
      const logout = current && takeAnswer(current.logout, answer);
      return logout !== undefined && underway.advance(current as LogoutUnderway, logout);
    },

    isUnderway: async (ctx) => (await underway.of(ctx)) !== undefined,
    respond,
  };
}

/** A person who signs out here is told who may not have heard of it, before anything else. */
function endsAtPage(logout: Logout): boolean {
  return !logout.initiator && !logout.isAnothers && clientsNotTold(logout).length > 0;
}

/** SAML Core §3.2.2.2: the hub's own session has ended, which is Success, whoever else may not have heard of it. */
export function logoutStatus(isComplete: boolean): readonly string[] {
  return isComplete ? [STATUS.success] : [STATUS.success, STATUS.partialLogout];
}

/**
 * Never straight on to the next site: browsers check `form-action` along every redirect after a form, and follow so many
 * redirects only.
 */
function toPage(ctx: Context): void {
  ctx.status = 303;
  ctx.redirect(LOGOUT_PATH);
}
