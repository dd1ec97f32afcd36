import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CrlEntry, type CrlOptions, createCrl, invalidityDate } from '../../../adapters/sandbox/pki/index.ts';
import {
  compareRevocationLists,
  parseRevocationList,
  type RevocationList,
  RevocationListWalk,
  type RevocationReason,
} from '../../../provider/pki/index.ts';
import type { SerialTable } from '../../../provider/pki/serial_table.ts';
import { anchorOf, DAY, HOUR, NOW, pkiError, root, SECOND } from './fixtures.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const options = { anchor, now: NOW, maxSize: 1 << 22 };
const list = (crl: CrlOptions = {}) => createCrl(issuer, { thisUpdate: NOW - HOUR, ...crl });

const reasons: readonly (RevocationReason | null)[] = [null, 'unspecified', 'keyCompromise', 'certificateHold'];
/** Entries of every shape that an authority may write. Dates before 2050 are UTCTime, later ones GeneralizedTime. */
const entry = fc.record({
  serialNumber: fc.oneof(fc.bigInt(0n, 2n ** 159n - 1n), fc.bigInt(0n, 300n), fc.bigInt(2n ** 24n, 2n ** 31n)),
  revokedAt: fc.integer({ min: 1, max: Date.UTC(2060, 0) / SECOND }).map((seconds) => seconds * SECOND),
  reason: fc.constantFrom(...reasons),
  extensions: fc.boolean().map((has) => (has ? [invalidityDate(NOW)] : [])),
});

function walkedInPieces(der: Uint8Array, sizes: readonly number[]): RevocationListWalk {
  const walk = new RevocationListWalk(options);
  let at = 0;
  for (let turn = 0; at < der.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    // The walk is only lent the octets: they are gone after the call.
    const piece = Uint8Array.from(der.subarray(at, at + size));
    walk.push(piece);
    piece.fill(0xff);
    at += size;
  }
  return walk;
}

/** Every record in hexadecimal, in the order of the index. */
function recordsOf(table: SerialTable): string[] {
  return table.lengths.flatMap((length) => {
    const width = length + 5;
    const records: string[] = [];
    table.sorted(length, (bytes) => {
      for (let at = 0; at < bytes.length; at += width) {
        records.push(Buffer.from(bytes.subarray(at, at + width)).toString('hex'));
      }
    });
    return records;
  });
}

describe('RevocationListWalk', () => {
  it('reads the same from pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
        async (entries, sizes) => {
          const der = await list({ entries, number: 42 });
          const whole = walkedInPieces(der, [der.length]);
          const pieces = walkedInPieces(der, sizes);
          assert.deepEqual(pieces.finish(), whole.finish());
          assert.deepEqual(recordsOf(pieces.entries), recordsOf(whole.entries));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps serial, date and reason of entries of every shape', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(entry, { selector: ({ serialNumber }) => serialNumber, maxLength: 60 }),
        async (entries) => {
          const revocations = parseRevocationList(await list({ entries }), options);
          assert.equal(revocations.size, entries.length);
          for (const { serialNumber, revokedAt, reason } of entries) {
            const found = revocations.find(octetsOf(serialNumber));
            assert.deepEqual(found, { reason: reason ?? 'unspecified', revokedAt });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses a date that is none in the shape that nearly all entries have', async () => {
    const known = { serialNumber: 1n, revokedAt: Date.UTC(2026, 0, 31, 12, 34, 56), reason: 'superseded' } as const;
    const text = Buffer.from('260131123456Z');
    const impossible = ['260132123456Z', '261331123456Z', '260131243456Z', '260131126056Z', '260131123460Z'];
    const malformed = ['26013112345/Z', '2601311234:6Z', '26013112-456Z', '2601 1123456Z', '260131123456z'];
    for (const date of [...impossible, ...malformed]) {
      // The same day stands in the entry before it, so that its day has been worked out already.
      const der = await list({
        entries: [known, { ...known, serialNumber: 2n }],
        overrides: {
          toBeSigned(tbs) {
            const at = tbs.lastIndexOf(text);
            assert.ok(at > tbs.indexOf(text));
            return Buffer.concat([tbs.subarray(0, at), Buffer.from(date), tbs.subarray(at + text.length)]);
          },
        },
      });
      assert.throws(() => parseRevocationList(der, options), pkiError('crl_malformed'), date);
    }
  });

  it('does not take a list that stops, or that goes on after its end, wherever that is', async () => {
    const der = await list({ entries: [{ serialNumber: 5n, revokedAt: NOW - DAY, reason: 'superseded' }] });
    for (let length = 0; length < der.length; length++) {
      const walk = new RevocationListWalk(options);
      const cut = () => {
        walk.push(der.subarray(0, length));
        walk.finish();
      };
      assert.throws(cut, pkiError('crl_malformed'), `${length} octets`);
    }
    assert.throws(() => walkedInPieces(Buffer.concat([der, Buffer.of(0)]), [64]).finish(), pkiError('crl_malformed'));
  });

  it('stops at the first octet beyond the size that is accepted, and at a length that announces more', async () => {
    const der = await list();
    const walk = new RevocationListWalk({ ...options, maxSize: der.length - 1 });
    walk.push(der.subarray(0, der.length - 1));
    assert.throws(() => walk.push(der.subarray(der.length - 1)), pkiError('crl_too_large'));
    const announced = new RevocationListWalk(options);
    announced.push(Buffer.from('3084ffffffff3084fffffff0020101', 'hex'));
    assert.throws(() => announced.finish(), pkiError('crl_too_large'));
  });

  it('bounds what may stand together: the head, one entry, and what follows the entries', async () => {
    const long = Buffer.alloc(300_000, 0x20);
    const headers = [
      // A name, an entry and a signature that claim more than there is room for.
      { crl: (der: Buffer) => Buffer.concat([der.subarray(0, 30), long]) },
      { crl: (der: Buffer) => Buffer.concat([Buffer.from('3083100000', 'hex'), der.subarray(4), long]) },
    ];
    for (const overrides of headers) {
      await assert.rejects(
        async () => walkedInPieces(await list({ overrides }), [1000]).finish(),
        pkiError('crl_malformed'),
      );
    }
    const extensions = [{ oid: '1.2.3.4', critical: false, value: Buffer.alloc(5000, 0x30) }];
    const entries = [{ serialNumber: 5n, revokedAt: NOW - DAY, reason: null, extensions }];
    await assert.rejects(async () => parseRevocationList(await list({ entries }), options), pkiError('crl_malformed'));
  });
});

describe('compareRevocationLists', () => {
  const listOf = async (entries: readonly CrlEntry[]) => parseRevocationList(await list({ entries }), options);
  const serialsOf = (revocations: RevocationList) =>
    [...revocations.entries.entries()].map(({ serial }) => BigInt(`0x${Buffer.from(serial).toString('hex')}`));

  it('tells what is new, what changed its reason and what has gone, whatever the lengths of the serials', async () => {
    const unique = fc.uniqueArray(entry, { selector: ({ serialNumber }) => serialNumber, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(unique, unique, fc.nat(), async (first, second, share) => {
        const kept = first.slice(0, share % (first.length + 1));
        const others = second.filter(({ serialNumber }) => !first.some((old) => old.serialNumber === serialNumber));
        const changed = kept
          .filter((_, place) => place % 3 === 0)
          .map((old) => ({ ...old, reason: old.reason === 'superseded' ? null : ('superseded' as const) }));
        const unchanged = kept.filter((_, place) => place % 3 !== 0);
        const older = await listOf(first);
        const newer = await listOf([...unchanged, ...others, ...changed]);
        const difference = compareRevocationLists(older, newer);
        assert.equal(difference.added, others.length);
        assert.equal(difference.changed, changed.length);
        assert.equal(difference.removed, first.length - kept.length);
        const expected = new Set([...others, ...changed].map(({ serialNumber }) => serialNumber));
        const found = new Set(recordsOf(difference.newlyRevoked).map((record) => BigInt(`0x${record.slice(0, -10)}`)));
        assert.deepEqual(found, expected);
      }),
      { numRuns: 60 },
    );
  });

  it('finds nothing between a list and itself', async () => {
    const same = await listOf([{ serialNumber: 7n, revokedAt: NOW - DAY, reason: 'superseded' }]);
    assert.deepEqual(serialsOf(same), [7n]);
    const { added, changed, removed, newlyRevoked } = compareRevocationLists(same, same);
    assert.deepEqual([added, changed, removed, newlyRevoked.lengths], [0, 0, 0, []]);
  });
});

/** Content octets of the INTEGER. */
function octetsOf(serialNumber: bigint): Uint8Array {
  const hex = serialNumber.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return (octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.of(0), octets]);
}
