import { createCrl, der, type Root } from '../adapters/sandbox/pki/index.ts';

/** Octets of an entry with a serial of four, a UTCTime and a reason. */
const ENTRY = Buffer.from(
  '30230204000000001 70d3030303130313030303030305a300c300a0603551d1504030a0104'.replace(' ', ''),
  'hex',
);
const DAY = 86_400_000;

/**
 * A list of `count` entries in the shape that JPKI's are taken to have, signed by `root`: every other serial from a point
 * on, revoked over five years.
 *
 * @param order `serial`, or `date`: as an authority writes it that appends each revocation.
 */
export async function writeLargeCrl(
  root: Root,
  count: number,
  order: 'serial' | 'date',
  number: bigint,
): Promise<Buffer> {
  const now = Date.now();
  const marker = der.integer(0x7f_7f_7f_7f);
  const entries = largeEntries(count, order, now);
  return createCrl(root, {
    number,
    thisUpdate: now - 3_600_000,
    entries: [{ serialNumber: 0x7f_7f_7f_7fn, revokedAt: now - DAY, reason: 'superseded' }],
    overrides: { toBeSigned: (tbs) => replaceEntries(tbs, marker, entries) },
  });
}

function largeEntries(count: number, order: 'serial' | 'date', now: number): Buffer {
  const entries = Buffer.alloc(count * ENTRY.length, ENTRY);
  const dates = Array.from({ length: 5 * 365 }, (_, day) =>
    new Date(now - (day + 1) * DAY).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14),
  );
  for (let place = 0; place < count; place += 1) {
    const at = place * ENTRY.length;
    // A step that shares no factor with the count visits every place once.
    const spread = order === 'serial' ? place : (place * 7_368_787) % count;
    entries.writeUInt32BE(0x06000000 + spread * 2, at + 4);
    const day = order === 'serial' ? (place * 7919) % dates.length : Math.floor((place / count) * dates.length);
    entries.write(dates[day] ?? '', at + 10, 'latin1');
  }
  return entries;
}

/** The same tbsCertList with other entries than the one that stands there. */
function replaceEntries(tbs: Buffer, marker: Buffer, entries: Buffer): Buffer {
  // SEQUENCE OF, SEQUENCE, and the serial: two octets of header each, all under 128 long.
  const start = tbs.indexOf(marker) - 4;
  const end = start + 2 + tbs.readUInt8(start + 1);
  const header = tbs.readUInt8(1) < 0x80 ? 2 : 2 + (tbs.readUInt8(1) & 0x7f);
  return der.sequence(tbs.subarray(header, start), der.element(0x30, [entries]), tbs.subarray(end));
}
