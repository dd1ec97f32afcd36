import type { AuditQueue } from '../audit/group_commit.ts';
import type { Certificate } from '../pki/index.ts';
import type { Clock } from '../world.ts';
import type { RevocationPolicy, RevocationVerdict } from './revocation.ts';

/** Why a certificate's status was asked for. */
export type DecisionPurpose = 'sign_in' | 'linked_signing_certificate' | 'enrolment' | 'issuing_authority';

/** For whom and by which policy a certificate's status is asked for. */
export interface StatusDemand {
  readonly purpose: DecisionPurpose;
  readonly policy: RevocationPolicy;
  /** The relying party that the person is on the way to. */
  readonly clientId: string | undefined;
  /** Where it is known already. */
  readonly subjectId?: string;
}

export type Decision =
  | { readonly status: 'good' | 'revoked'; readonly verdict: RevocationVerdict }
  /** Nobody could be asked; the authority denies the certificate; or it is none that may be asked about. */
  | { readonly status: 'unavailable' | 'unknown' | 'not_authentic'; readonly reason: string };

/** What an auditor looks at: every decision about a certificate's status, with what it was based on. */
export interface DecisionLog {
  /** Resolves when the decision is in the audit chain. No answer that rests on it leaves before. */
  record(certificate: Pick<Certificate, 'fingerprint'>, demand: StatusDemand, decision: Decision): Promise<void>;
}

/** Digits of the fingerprint by which the console, the log and the audit chain mean a certificate (invariant 1). */
const REFERENCE_DIGITS = 16;

export function createDecisionLog(queue: AuditQueue, clock: Clock): DecisionLog {
  return {
    record({ fingerprint }, { purpose, policy, clientId, subjectId }, decision) {
      return queue.append(
        {
          kind: 'revocation.decided',
          actor: 'hub',
          ...(subjectId === undefined ? {} : { subjectId }),
          ...(clientId === undefined ? {} : { clientId }),
          data: {
            certificate: fingerprint.slice(0, REFERENCE_DIGITS),
            purpose,
            policy: policy.name,
            status: decision.status,
            ...('verdict' in decision ? basisOf(decision.verdict) : { reason: decision.reason }),
          },
        },
        clock(),
      );
    },
  };
}

/** The authority's reason is left out: it tells of deaths, and decides nothing here. */
function basisOf({ source, thisUpdate, nextUpdate, checkedAt }: RevocationVerdict) {
  return { source, thisUpdate, nextUpdate, checkedAt };
}
