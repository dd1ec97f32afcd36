import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TakenList } from '../../../adapters/authority/index.ts';
import { openIndexFile } from '../../../adapters/authority/index_file.ts';
import {
  CHIYODA,
  createCrl,
  der,
  distributionPointOf,
  type RevocationReason,
  replaceExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import { parseCertificate, RevocationList } from '../../../provider/pki/index.ts';
import { anchorOf, DAY, HOUR, NOW, parsedUser, root, SECOND, userCertificate } from '../../provider/pki/fixtures.ts';
import { authority, crlNumbersInMemory, LIST_URL, listFolder, settled } from './authority_world.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const certificate = parseCertificate((await userCertificate(issuer, { serialNumber: 4711n })).der);
const entry = (serialNumber: bigint, reason: RevocationReason = 'certificateHold') => ({
  serialNumber,
  revokedAt: NOW - DAY,
  reason,
});
/** Over what is compiled at once: a process of its own does it. */
const many = Array.from({ length: 9000 }, (_, place) => entry(BigInt(1_000_000 + place * 3), 'superseded'));

const indexesIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.index'));
const onlyIndexIn = (folder: string) => {
  const [name, ...others] = indexesIn(folder);
  assert.deepEqual(others, []);
  return join(folder, name ?? '');
};

describe('lists on disk', () => {
  for (const [size, entries] of [
    ['small', [entry(4711n)]],
    ['large', [...many, entry(4711n)]],
  ] as const) {
    it(`serve again after a restart, without a download and while the authority is away: ${size}`, async () => {
      const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
      const before = authority([anchor], shared);
      await before.serveList(issuer, { number: 7, entries });
      await before.revocation.start();
      await before.revocation.stop();

      const away = authority([anchor], shared);
      await away.revocation.start();
      assert.equal(away.revocation.ready(), true);
      assert.equal((await away.revocation.check(certificate, anchor, 'crl')).status, 'revoked');

      const back = authority([anchor], shared);
      await back.serveList(issuer, { number: 7, entries });
      await back.revocation.start();
      assert.notEqual(back.requests[0]?.headers.get('if-none-match'), null);
    });
  }

  it('are taken whole however many pieces they come in', async () => {
    const { revocation, serve } = authority([anchor]);
    const bytes = await createCrl(issuer, { thisUpdate: NOW - HOUR, entries: [...many, entry(4711n)] });
    serve(LIST_URL, () => {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / 1013) },
        (_, place) => new Uint8Array(bytes.subarray(place * 1013, (place + 1) * 1013)),
      );
      return new Response(ReadableStream.from(pieces));
    });
    await revocation.start();
    assert.equal(revocation.status().held[0]?.entries, many.length + 1);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
  });

  it('are one file of each series, readable by the hub’s user only, and nothing is left beside it', async () => {
    const folder = listFolder();
    const { revocation, serveList, time } = authority([anchor], { folder });
    for (const number of [1, 2, 3]) {
      await serveList(issuer, { number, entries: [entry(BigInt(number))], thisUpdate: time.now - HOUR });
      await revocation.refresh();
    }
    const names = readdirSync(folder);
    assert.equal(names.filter((name) => name.endsWith('.index')).length, 1);
    // The newest index and what it says that the one before did not.
    assert.equal(names.length, 2);
  });

  it('are not used when a single octet has changed, and are fetched again', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const before = authority([anchor], shared);
    await before.serveList(issuer, { number: 7, entries: [entry(4711n)] });
    await before.revocation.start();
    await before.revocation.stop();
    const path = onlyIndexIn(shared.folder);
    const bytes = readFileSync(path);
    // The serial: nobody would find it any more.
    bytes.writeUInt8(bytes.readUInt8(0) ^ 0x01, 0);
    writeFileSync(path, bytes);

    const away = authority([anchor], shared);
    await away.revocation.start();
    assert.equal(away.logged.find(({ code }) => code === 'index_damaged')?.message, 'revocation list on disk not used');
    await assert.rejects(away.revocation.check(certificate, anchor, 'crl'), { code: 'revocation_unavailable' });

    const back = authority([anchor], shared);
    await back.serveList(issuer, { number: 7, entries: [entry(4711n)] });
    await back.revocation.start();
    assert.equal((await back.revocation.check(certificate, anchor, 'crl')).status, 'revoked');
  });

  it('are not used when a newer one was accepted before, as after a restored backup of the folder', async () => {
    const crlNumbers = crlNumbersInMemory();
    const old = listFolder();
    const before = authority([anchor], { folder: old, crlNumbers });
    await before.serveList(issuer, { number: 7 });
    await before.revocation.start();
    const after = authority([anchor], { folder: listFolder(), crlNumbers });
    await after.serveList(issuer, { number: 8, entries: [entry(4711n)] });
    await after.revocation.start();

    const restored = authority([anchor], { folder: old, crlNumbers });
    await restored.revocation.start();
    assert.ok(restored.logged.some(({ code }) => code === 'crl_rollback'));
    await assert.rejects(restored.revocation.check(certificate, anchor, 'crl'), { code: 'revocation_unavailable' });
  });

  it('are not used after they ended', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const before = authority([anchor], shared);
    await before.serveList(issuer, { nextUpdate: NOW + HOUR });
    await before.revocation.start();
    const after = authority([anchor], shared);
    after.time.now = NOW + HOUR + SECOND;
    await after.revocation.start();
    assert.equal(after.revocation.ready(), false);
    await assert.rejects(after.revocation.check(certificate, anchor, 'crl'), { code: 'revocation_unavailable' });
  });

  it('come into service from another process of the machine, within the time of a look', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const first = authority([anchor], shared);
    const second = authority([anchor], { ...shared, settings: { shelfInterval: 10 * SECOND } });
    await second.serveList(issuer, { number: 1 });
    await second.revocation.start();
    await first.serveList(issuer, { number: 2, entries: [entry(4711n)] });
    await first.revocation.start();
    assert.equal((await second.revocation.check(certificate, anchor, 'crl')).status, 'good');
    await second.time.advance(10 * SECOND);
    assert.equal((await second.revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    assert.equal(second.requests.length, 1);
  });

  it('are not moved backwards by a slower process that took an older one', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const first = authority([anchor], shared);
    const second = authority([anchor], shared);
    await first.serveList(issuer, { number: 2, entries: [entry(4711n)] });
    await second.serveList(issuer, { number: 1 });
    await first.revocation.start();
    await second.revocation.start();
    assert.equal(second.revocation.status().lists[0]?.failure, 'crl_rollback');
    for (const { revocation } of [first, second]) {
      assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    }
  });

  it('do not say good when the file was cut short under a running hub', async () => {
    const folder = listFolder();
    const { revocation, serveList } = authority([anchor], { folder });
    await serveList(issuer, { entries: [entry(4711n)] });
    await revocation.start();
    truncateSync(onlyIndexIn(folder), 0);
    await assert.rejects(revocation.check(certificate, anchor, 'crl'), /shorter than it was/);
  });

  it('leave nothing of a process that was killed while it compiled', async () => {
    const folder = listFolder();
    const { revocation, serveList, time } = authority([anchor], { folder });
    await serveList(issuer);
    await revocation.start();
    const [dead, underway] = ['tmp-1-1-dead', 'tmp-1-2-underway'].map((name) => join(folder, name));
    for (const [path, age] of [
      [dead ?? '', 2 * HOUR],
      [underway ?? '', 0],
    ] as const) {
      writeFileSync(path, 'half');
      utimesSync(path, (time.now - age) / 1000, (time.now - age) / 1000);
    }
    await revocation.restore();
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('tmp-')),
      ['tmp-1-2-underway'],
    );
  });

  it('that a newer one replaced are gone with the next look, whoever left them there', async () => {
    const folder = listFolder();
    const { revocation, serveList } = authority([anchor], { folder });
    await serveList(issuer, { number: 2 });
    await revocation.start();
    const newest = onlyIndexIn(folder);
    const older = join(folder, `${anchor.id}.full.${'1'.padStart(40, '0')}.${'1'.padStart(15, '0')}.index`);
    for (const path of [older, `${older}.new`]) writeFileSync(path, 'older');
    await revocation.restore();
    assert.equal(onlyIndexIn(folder), newest);
    assert.deepEqual(readdirSync(folder).length, 1);
  });

  it('are gone when their address gives another scope, and when they ended long ago', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const { revocation, serveList } = authority([anchor], shared);
    await serveList(issuer, { number: 1 });
    await revocation.start();
    await serveList(issuer, { number: 2, scope: { onlyContainsUserCerts: true }, entries: [entry(4711n)] });
    await revocation.refresh();
    const { held } = revocation.status();
    assert.deepEqual([held.length, held[0]?.number], [1, '2']);
    onlyIndexIn(shared.folder);
    const late = authority([anchor], shared);
    late.time.now = NOW + 9 * DAY;
    await late.revocation.restore();
    assert.deepEqual(indexesIn(shared.folder), []);
  });

  it('are not written where there is no room, and the one in service stays', async () => {
    const folder = listFolder();
    const { revocation, serveList, logged } = authority([anchor], { folder });
    await serveList(issuer, { number: 1, entries: [entry(4711n)] });
    await revocation.start();
    // A file where the folder was stands for a disk that takes nothing.
    const away = authority([anchor], { folder: join(onlyIndexIn(folder), 'no-folder') });
    await away.serveList(issuer, { number: 2 });
    await away.revocation.start();
    assert.equal(away.revocation.status().lists[0]?.failure, 'unexpected_error');
    assert.ok(away.logged.some(({ err }) => err instanceof Error));
    assert.equal(away.revocation.ready(), false);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    assert.ok(!logged.some(({ code }) => code === 'unexpected_error'));
  });
});

describe('what a list brings', () => {
  const taking = () => {
    const taken: TakenList[] = [];
    return { taken, onTaken: async (one: TakenList) => void taken.push(one) };
  };
  const serialsIn = (path: string) => {
    const file = openIndexFile(path);
    const serials = [...new RevocationList(file).entries.entries()].map(({ serial, revocation }) => [
      Buffer.from(serial).readUIntBE(0, serial.length),
      revocation.reason,
    ]);
    file.close();
    return serials;
  };

  for (const [size, common] of [
    ['small', []],
    ['large', many],
  ] as const) {
    it(`is told once to whoever acts on it: new entries, other reasons, and what has gone (${size})`, async () => {
      const { taken, onTaken } = taking();
      const { revocation, serveList } = authority([anchor], { onTaken });
      await serveList(issuer, { number: 1, entries: [entry(1n), entry(2n), entry(3n), ...common] });
      await revocation.start();
      const changed = [entry(2n), entry(3n, 'keyCompromise'), entry(4n), ...common];
      await serveList(issuer, { number: 2, entries: changed });
      await revocation.refresh();
      await serveList(issuer, { number: 2, entries: changed });
      await revocation.refresh();
      assert.deepEqual(
        taken.map(({ list, difference }) => [list.number, difference]),
        [
          [1n, undefined],
          [2n, { since: 1n, sinceThisUpdate: taken[0]?.list.thisUpdate, added: 1, changed: 1, removed: 1 }],
        ],
      );
      assert.deepEqual(serialsIn(taken[1]?.newlyRevoked ?? ''), [
        [3, 'keyCompromise'],
        [4, 'certificateHold'],
      ]);
    });
  }

  it('is found over a restart, against the list on disk', async () => {
    const shared = { folder: listFolder(), crlNumbers: crlNumbersInMemory() };
    const before = authority([anchor], shared);
    await before.serveList(issuer, { number: 1, entries: [entry(1n)] });
    await before.revocation.start();
    const sinceThisUpdate = before.revocation.held()[0]?.list.thisUpdate;
    await before.revocation.stop();
    const { taken, onTaken } = taking();
    const after = authority([anchor], { ...shared, onTaken });
    await after.serveList(issuer, { number: 2, entries: [entry(1n), entry(2n)] });
    await after.revocation.start();
    assert.deepEqual(taken[0]?.difference, { since: 1n, sinceThisUpdate, added: 1, changed: 0, removed: 0 });
  });

  it('does not keep a list out when the one before it cannot be read any more', async () => {
    const folder = listFolder();
    const { taken, onTaken } = taking();
    const { revocation, serveList, logged } = authority([anchor], { folder, onTaken });
    await serveList(issuer, { number: 1 });
    await revocation.start();
    truncateSync(onlyIndexIn(folder), 10);
    await serveList(issuer, { number: 2, entries: [entry(4711n)] });
    await revocation.refresh();
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    assert.equal(taken[1]?.difference, undefined);
    assert.ok(logged.some(({ message }) => message === 'revocation lists not compared'));
  });
});

describe('a list from a file', () => {
  const imported = async (crl: Parameters<typeof createCrl>[1] = {}) => {
    const path = join(listFolder(), 'list.crl');
    writeFileSync(path, await createCrl(issuer, { thisUpdate: NOW - HOUR, ...crl }));
    return path;
  };

  it('is taken as from its address, for the root whose key signed it', async () => {
    const other = anchorOf(await root('other'));
    const { revocation, requests } = authority([other, anchor], { lists: [] });
    const { isNew } = await revocation.importList(await imported({ entries: [entry(4711n)] }), undefined);
    assert.equal(isNew, true);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    assert.equal(requests.length, 0);
    const [held] = revocation.status().held;
    assert.deepEqual([held?.anchor, held?.entries, held?.url], [anchor.id, 1, undefined]);
  });

  it('makes a hub ready whose lists are all imported, until it ends', async () => {
    const { revocation, time } = authority([anchor], { lists: [{ anchor: anchor.id, url: undefined }] });
    await revocation.start();
    assert.equal(revocation.ready(), false);
    await revocation.importList(await imported({ nextUpdate: NOW + HOUR }), undefined);
    assert.equal(revocation.ready(), true);
    time.now = NOW + HOUR + SECOND;
    assert.equal(revocation.ready(), false);
  });

  it('stands in for an address that is away', async () => {
    const { revocation } = authority([anchor]);
    await revocation.start();
    assert.equal(revocation.ready(), false);
    await revocation.importList(await imported(), anchor.id);
    assert.equal(revocation.ready(), true);
  });

  const failed = (code: string) => (error: unknown) => {
    assert.ok(error instanceof HubError, `${error}`);
    assert.equal(error.code, 'crl_import_failed');
    assert.match(error.message, new RegExp(`\\(${code}\\)`));
    return true;
  };

  it('is refused for the reason that an address would be, and what was in service stays', async () => {
    const { revocation } = authority([anchor], { lists: [] });
    await revocation.importList(await imported({ number: 5, entries: [entry(4711n)] }), undefined);
    const impostor = await root('impostor');
    const refusals = [
      ['crl_rollback', await imported({ number: 4 })],
      ['crl_stale', await imported({ number: 6, thisUpdate: NOW - DAY, nextUpdate: NOW - HOUR })],
      ['crl_signature', await imported({ number: 6, overrides: { signingKey: impostor.key.privateKey } })],
      ['ENOENT', '/nowhere/list.crl'],
    ] as const;
    for (const [code, path] of refusals) await assert.rejects(revocation.importList(path, undefined), failed(code));
    await assert.rejects(revocation.importList(await imported({ number: 6 }), 'other'), RangeError);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
  });
});

describe('a list at the address that a certificate names', () => {
  const named = 'http://lists.test/13101.crl';
  const uri = der.contextPrimitive(6, Buffer.from(named));
  const point = der.context(0, der.context(0, uri));
  const pointing = (serialNumber: bigint) =>
    parsedUser(issuer, {
      serialNumber,
      overrides: {
        extensions: replaceExtension({
          oid: '2.5.29.31',
          critical: false,
          value: der.sequence(der.sequence(point)),
        }),
      },
    });
  const allowed = { lists: [], settings: { listHosts: ['lists.test'] } };

  it('is fetched at the first sign-in that needs it, and kept current by its schedule', async () => {
    const { revocation, requests, serveList, time } = authority([anchor], allowed);
    await serveList(issuer, { number: 1, entries: [entry(4711n)] }, named);
    assert.equal((await revocation.check(await pointing(4711n), anchor, 'crl')).status, 'revoked');
    assert.equal((await revocation.check(await pointing(4712n), anchor, 'crl')).status, 'good');
    assert.equal(requests.length, 1);
    await serveList(issuer, { number: 2, entries: [entry(4712n)] }, named);
    await time.advance(HOUR);
    assert.equal((await revocation.check(await pointing(4712n), anchor, 'crl')).status, 'revoked');
  });

  it('is not asked for at a host that the operator did not name, nor where a list at hand covers the certificate', async () => {
    const strange = authority([anchor], { lists: [], settings: { listHosts: ['other.test', 'lists.test:8080'] } });
    await assert.rejects(strange.revocation.check(await pointing(1n), anchor, 'crl'), {
      code: 'revocation_unavailable',
    });
    assert.equal(strange.requests.length, 0);
    const covered = authority([anchor], { settings: { listHosts: ['lists.test'] } });
    await covered.serveList(issuer);
    await covered.revocation.start();
    assert.equal((await covered.revocation.check(await pointing(1n), anchor, 'crl')).status, 'good');
    assert.deepEqual(
      covered.requests.map(({ url }) => url),
      [LIST_URL],
    );
  });

  it('that is another partition’s proves nothing', async () => {
    const { revocation, serveList } = authority([anchor], allowed);
    await serveList(issuer, { scope: { distributionPoint: distributionPointOf(issuer, CHIYODA) } }, named);
    await assert.rejects(revocation.check(await pointing(1n), anchor, 'crl'), { code: 'revocation_unavailable' });
  });

  it('keeps a person waiting no longer than an answer about one certificate would', async () => {
    const { revocation, serve, time } = authority([anchor], allowed);
    serve(named, () => new Promise<Response>(() => {}));
    const checked = revocation.check(await pointing(1n), anchor, 'crl');
    const refused = assert.rejects(checked, { code: 'revocation_unavailable' });
    await settled();
    await time.advance(3 * SECOND);
    await refused;
    await revocation.stop();
  });

  it('is asked for once, however many sign-ins wait for it and however often it fails', async () => {
    const { revocation, requests } = authority([anchor], allowed);
    const user = await pointing(1n);
    await Promise.allSettled([1, 2, 3].map(() => revocation.check(user, anchor, 'crl')));
    await Promise.allSettled([1, 2, 3].map(() => revocation.check(user, anchor, 'crl')));
    assert.equal(requests.length, 1);
  });
});
