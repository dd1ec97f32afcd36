/**
 * A state change that matters (invariant 8). `data` names things by internal ids, client ids, claim names and codes;
 * never a serial, a certificate or an attribute's value.
 */
export interface AuditEvent {
  kind:
    | 'subject.created'
    | 'subject.enrolled'
    | 'enrolment.refused'
    | 'certificate.bound'
    | 'certificate.linked'
    | 'certificate.unlinked'
    | 'certificate.revoked'
    | 'sessions.ended'
    | 'consent.granted'
    | 'consent.withdrawn'
    | 'consent.receipt_signed'
    | 'consent.receipt_refused'
    | 'latest_attributes.consented'
    | 'latest_attributes.refused'
    | 'latest_attributes.withdrawn'
    | 'latest_attributes.obtained'
    | 'attribute_provider.added'
    | 'attribute_provider.changed'
    | 'attribute_provider.removed'
    | 'attribute.offered'
    | 'attribute.accepted'
    | 'membership.bound'
    | 'membership.refused'
    | 'membership.lapsed'
    | 'membership.ended'
    | 'mail_address.entered'
    | 'mail_address.confirmed'
    | 'mail_address.removed'
    | 'key.created'
    | 'key.retired'
    | 'client.added'
    | 'client.removed'
    | 'service_provider.added'
    | 'service_provider.changed'
    | 'service_provider.refreshed'
    | 'service_provider.removed'
    | 'metadata_feed.added'
    | 'metadata_feed.removed'
    | 'account.locked'
    | 'account.unlocked'
    | 'misuse.reported'
    | 'records.downloaded'
    | 'sign_in.refused'
    | 'revocation.decided'
    | 'revocation_list.taken'
    | 'status.checked'
    | 'events.stream_changed'
    | 'verifier.authenticated'
    | 'verifier.refused';
  /** Who did it: `subject:<id>`, `client:<id>`, `operator`, `authority`, `hub`. */
  actor: string;
  subjectId?: string;
  clientId?: string;
  data?: Record<string, unknown>;
}

export interface StoredAuditEvent extends AuditEvent {
  /** 1, 2, 3 … without gaps. */
  sequence: bigint;
  at: number;
  /** Hash of the previous event (32 zero bytes for the first). */
  previousHash: Uint8Array;
  /** SHA-256 over the previous hash, the sequence number and this event's canonical JSON (see audit_chain.ts). */
  hash: Uint8Array;
}

/** An event and when it happened, milliseconds since 1970. */
export interface DatedAuditEvent {
  readonly event: AuditEvent;
  readonly at: number;
}

/** Append-only and hash-chained: a changed, removed or reordered event breaks every hash after it. */
export interface AuditLog {
  append(event: AuditEvent, now: number): Promise<void>;
  /** In this order, one after the other in the chain. All of a few hundred are kept, or none. */
  appendAll(events: readonly DatedAuditEvent[]): Promise<void>;
  /** In order of sequence, from `after` (exclusive). */
  read(after: bigint, limit: number): Promise<readonly StoredAuditEvent[]>;
}
