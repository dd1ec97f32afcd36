import type { RelyingPartySessions } from '../consent/consents.ts';
import type { SubjectSessions } from '../identity/revocation_effects.ts';
import type { LogoutNotices } from './logout_notices.ts';
import type { SubjectArtefacts } from './oidc_stores.ts';

/**
 * What lives of a person's sign-ins, as the engine keeps it. Ended first and told afterwards: a relying party that is slow
 * to answer must not keep a session alive.
 */
export function createSubjectSessions(
  artefacts: SubjectArtefacts,
  notices: LogoutNotices,
): SubjectSessions & RelyingPartySessions {
  return {
    async endAllOf(subjectId) {
      const { sessions, grants } = await artefacts.endAllOf(subjectId);
      for (const { clients } of sessions) notices.send(subjectId, clients);
      return { sessions: sessions.length, grants };
    },

    async endAt(subjectId, clientId) {
      const { sessions, grants } = await artefacts.endAt(subjectId, clientId);
      for (const { clients } of sessions) notices.send(subjectId, clients);
      return { sessions: sessions.length, grants };
    },
  };
}
