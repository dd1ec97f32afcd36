import type { GivenNameId } from '../name_ids.ts';
import type { Binding } from '../names.ts';

/** The service provider whose LogoutRequest has begun it. */
export interface Initiator {
  readonly entityId: string;
  readonly requestId: string;
  readonly relayState: string | undefined;
  readonly binding: Binding;
}

/** A service provider that is told through the browser. */
export interface Visit {
  readonly entityId: string;
  readonly nameId: GivenNameId;
  readonly sessionIndex: string;
  /** `asked`: the browser was sent there. `no_answer`: it has come back without one. */
  readonly outcome: 'waiting' | 'asked' | 'no_answer' | 'told' | 'not_told';
  /** ID of the LogoutRequest that it was sent there with. */
  readonly requestId?: string | undefined;
}

/**
 * A single logout (SAML Profiles §4.4) after the hub's own session has ended: whom the browser has to visit, and where it
 * goes in the end.
 */
export interface Logout {
  /** Undefined when it has begun at the hub. */
  readonly initiator: Initiator | undefined;
  /** Where the engine would have sent the browser; undefined where somebody waits for an answer. */
  readonly returnTo: string | undefined;
  /** Whoever sits at the browser now need not learn what somebody else was signed in to. */
  readonly isAnothers: boolean;
  readonly visits: readonly Visit[];
  /** Clients that could not be told by a call and are not visited. */
  readonly notTold: readonly string[];
  /** Nobody is visited any more, and what is left is to tell the person who could not be told. */
  readonly isOver: boolean;
}

/** What a service provider has answered to its LogoutRequest. */
export interface VisitAnswer {
  readonly entityId: string;
  readonly inResponseTo: string | undefined;
  readonly isSuccess: boolean;
}

export function nextVisit({ visits }: Logout): Visit | undefined {
  return visits.find(({ outcome }) => outcome === 'waiting');
}

/** The browser is being sent there. Whoever was asked before has not sent it back with an answer. */
export function ask(logout: Logout, entityId: string, requestId: string): Logout {
  return withVisits(withoutOpenQuestions(logout), (visit) =>
    visit.entityId === entityId ? { ...visit, outcome: 'asked', requestId } : visit,
  );
}

/** Whoever was asked last has not sent the browser back with an answer either. */
export function end(logout: Logout): Logout {
  return { ...withoutOpenQuestions(logout), isOver: true };
}

/** It has no address any more. */
export function giveUp(logout: Logout, entityId: string): Logout {
  return withVisits(logout, (visit) => (visit.entityId === entityId ? { ...visit, outcome: 'not_told' } : visit));
}

/**
 * Takes an answer: once, from the very service provider that was sent the request that it answers, be it late. Undefined
 * when it answers nothing.
 */
export function takeAnswer(logout: Logout, { entityId, inResponseTo, isSuccess }: VisitAnswer): Logout | undefined {
  const answered = logout.visits.find(
    ({ outcome, requestId, ...visit }) =>
      (outcome === 'asked' || outcome === 'no_answer') &&
      visit.entityId === entityId &&
      requestId !== undefined &&
      requestId === inResponseTo,
  );
  if (!answered) return undefined;
  return withVisits(logout, (visit) =>
    visit === answered ? { ...visit, outcome: isSuccess ? 'told' : 'not_told' } : visit,
  );
}

/** Ids of clients that may still hold the person for signed in. */
export function clientsNotTold({ visits, notTold }: Logout): readonly string[] {
  return [...notTold, ...visits.filter(({ outcome }) => outcome !== 'told').map(({ entityId }) => entityId)];
}

function withoutOpenQuestions(logout: Logout): Logout {
  return withVisits(logout, (visit) => (visit.outcome === 'asked' ? { ...visit, outcome: 'no_answer' } : visit));
}

function withVisits(logout: Logout, change: (visit: Visit) => Visit): Logout {
  return { ...logout, visits: logout.visits.map(change) };
}
