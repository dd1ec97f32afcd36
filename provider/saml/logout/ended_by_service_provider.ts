import type { AuditQueue } from '../../audit/group_commit.ts';
import type { EndedSession, SubjectArtefacts } from '../../oidc/oidc_stores.ts';
import type { Clock } from '../../world.ts';

/** Ends a session on a service provider's word, and notes who wanted it. Undefined when it was over already. */
export async function endedByServiceProvider(
  { id, subjectId }: { readonly id: string; readonly subjectId: string },
  entityId: string,
  world: { readonly sessions: Pick<SubjectArtefacts, 'endSession'>; readonly audit: AuditQueue; readonly clock: Clock },
): Promise<EndedSession | undefined> {
  const ended = await world.sessions.endSession(id);
  if (!ended) return undefined;
  await world.audit.append(
    {
      kind: 'sessions.ended',
      actor: `client:${entityId}`,
      subjectId,
      clientId: entityId,
      data: { sessions: 1, grants: ended.grants },
    },
    world.clock(),
  );
  return ended;
}
