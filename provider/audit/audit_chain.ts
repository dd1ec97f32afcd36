import { createHash } from 'node:crypto';
import type { AuditEvent, StoredAuditEvent } from './audit_log.ts';

/** What the first event follows. */
export const FIRST_PREVIOUS_HASH: Uint8Array = new Uint8Array(32);

/**
 * The bytes of an event that its hash covers: JSON with sorted keys and no white space (RFC 8785, which JSON.stringify
 * already meets for strings and numbers). What cannot be stored or encoded, U+0000 and lone surrogates, becomes U+FFFD.
 */
export function canonicalAuditEvent(event: AuditEvent, at: number): string {
  const { kind, actor, subjectId, clientId, data } = event;
  return canonicalJson({ at, kind, actor, subjectId, clientId, data });
}

/** SHA-256 over previous hash (32 bytes) ‖ sequence (8 bytes, big-endian) ‖ canonical JSON (UTF-8). */
export function hashAuditEvent(previousHash: Uint8Array, sequence: bigint, canonical: string): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigInt64BE(sequence);
  return createHash('sha256').update(previousHash).update(number).update(canonical).digest();
}

export interface AuditChainFault {
  sequence: bigint;
  fault: 'gap' | 'broken link' | 'changed';
}

/**
 * Checks events in order; undefined when the chain holds. `start` is the last event known to be good, when the check
 * does not begin with event 1. A removed tail shows only against a hash that was kept elsewhere.
 */
export function verifyAuditChain(
  events: Iterable<StoredAuditEvent>,
  start?: Pick<StoredAuditEvent, 'sequence' | 'hash'>,
): AuditChainFault | undefined {
  let sequence = start?.sequence ?? 0n;
  let hash = start?.hash ?? FIRST_PREVIOUS_HASH;
  for (const event of events) {
    sequence += 1n;
    if (event.sequence !== sequence) return { sequence, fault: 'gap' };
    if (!sameBytes(event.previousHash, hash)) return { sequence, fault: 'broken link' };
    hash = hashAuditEvent(hash, sequence, canonicalAuditEvent(event, event.at));
    if (!sameBytes(event.hash, hash)) return { sequence, fault: 'changed' };
  }
  return undefined;
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'string') return storableText(inner);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    // A null prototype takes a key named __proto__ as any other.
    const sorted: Record<string, unknown> = Object.create(null);
    for (const key of Object.keys(inner).sort()) {
      sorted[storableText(key)] = (inner as Record<string, unknown>)[key];
    }
    return sorted;
  });
}

function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
