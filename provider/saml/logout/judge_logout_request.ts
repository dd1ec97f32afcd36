import type { LogoutRequest } from '../messages.ts';
import type { NameIds } from '../name_ids.ts';
import { STATUS } from '../names.ts';
import type { ServiceProvider } from '../service_provider.ts';

/** The session of the browser that a request came through. */
export interface BrowserSession {
  readonly id: string;
  readonly subjectId: string;
  /** SessionIndex by which the requesting service provider knows it; undefined when nobody signed in there by it. */
  readonly sessionIndex: string | undefined;
}

export type LogoutJudgement =
  | { readonly outcome: 'ends'; readonly session: BrowserSession }
  | { readonly outcome: 'nothing_to_end' }
  | { readonly outcome: 'refused'; readonly statusCodes: readonly string[] };

/**
 * Whether a LogoutRequest through a browser ends the session of this browser (SAML Core §3.7.3.2): only if it names the
 * person who is signed in, and a session that its sender took part in. Whoever asks for the end of what is not there has
 * what it asked for, which is Success: the person is out and needs to hear of no error, and nothing is told that a sign-in
 * with IsPassive would not tell. Without SessionIndex it is still this browser's session alone: who presses a button here
 * does not mean what they have open elsewhere. A call by SOAP ends all.
 */
export async function judgeLogoutRequest(
  { nameId, sessionIndexes }: LogoutRequest,
  provider: ServiceProvider,
  session: BrowserSession | undefined,
  nameIds: Pick<NameIds, 'subjectOf'>,
): Promise<LogoutJudgement> {
  if (!session) return { outcome: 'nothing_to_end' };
  const { subjectId, sessionIndex } = session;
  if (sessionIndex === undefined || (await nameIds.subjectOf(nameId, provider)) !== subjectId) {
    return { outcome: 'refused', statusCodes: [STATUS.requester, STATUS.unknownPrincipal] };
  }
  if (!isMeant(sessionIndexes, sessionIndex)) {
    return { outcome: 'refused', statusCodes: [STATUS.requester, STATUS.requestDenied] };
  }
  return { outcome: 'ends', session };
}

/** Without any SessionIndex, every session is meant (SAML Core §3.7.1). */
export function isMeant(sessionIndexes: readonly string[], sessionIndex: string): boolean {
  return sessionIndexes.length === 0 || sessionIndexes.includes(sessionIndex);
}
