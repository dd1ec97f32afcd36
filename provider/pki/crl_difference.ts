import type { RevocationList } from './crl.ts';
import { compareOctets, RECORD_TAIL, SerialTable } from './serial_table.ts';

/** What a list says that the one before it did not. */
export interface RevocationListDifference {
  /** Entries of the newer list that are new, or have another reason: what whoever knows the persons must act on. */
  readonly newlyRevoked: SerialTable;
  readonly added: number;
  /** Entries of both whose reason is another: a lost card that was found to be stolen, for example. */
  readonly changed: number;
  /** Entries of the older list that the newer one lacks: expired certificates leave a list. */
  readonly removed: number;
}

/** Compares two lists of one series record by record, with a piece of each in memory. */
export function compareRevocationLists(older: RevocationList, newer: RevocationList): RevocationListDifference {
  const newlyRevoked = new SerialTable();
  const sum = { added: 0, changed: 0, removed: 0 };
  const lengths = new Set([...older.entries.lengths, ...newer.entries.lengths]);
  for (const length of lengths) compareRuns(older, newer, length, newlyRevoked, sum);
  return { newlyRevoked, ...sum };
}

function compareRuns(
  older: RevocationList,
  newer: RevocationList,
  length: number,
  newlyRevoked: SerialTable,
  sum: { added: number; changed: number; removed: number },
): void {
  const before = older.entries.cursor(length);
  const after = newer.entries.cursor(length);
  let hasBefore = before !== undefined;
  let hasAfter = after !== undefined;
  while (before !== undefined && after !== undefined && hasBefore && hasAfter) {
    const order = compareOctets(before.bytes, before.at, after.bytes, after.at, length);
    if (order < 0) sum.removed += 1;
    if (order > 0) sum.added += 1;
    const reasonAt = length + RECORD_TAIL - 1;
    const hasChanged = order === 0 && before.bytes[before.at + reasonAt] !== after.bytes[after.at + reasonAt];
    if (hasChanged) sum.changed += 1;
    if (order > 0 || hasChanged) newlyRevoked.addRecord(after.bytes, after.at, length);
    if (order <= 0) hasBefore = before.advance();
    if (order >= 0) hasAfter = after.advance();
  }
  for (; before !== undefined && hasBefore; hasBefore = before.advance()) sum.removed += 1;
  for (; after !== undefined && hasAfter; hasAfter = after.advance()) {
    sum.added += 1;
    newlyRevoked.addRecord(after.bytes, after.at, length);
  }
}
