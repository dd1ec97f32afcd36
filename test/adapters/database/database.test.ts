import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Database } from '../../../adapters/database/database.ts';
import { openDatabase } from '../../../adapters/database/open_database.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { createTestDatabaseUrl, dropTestDatabase } from '../../support/postgresql.ts';

describe(`a database on ${testEngine}`, () => {
  let test: TestDatabase;
  let database: Database;

  before(async () => {
    test = await openTestDatabase();
    database = test.database;
    await database.query({ name: 'test_table', text: 'CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL)' });
    await database.query({ name: 'test_rows', text: 'INSERT INTO counter VALUES (1, 0), (2, 0)' });
  });
  after(() => test.drop());

  const add = (id: number) => ({
    name: `test_add_${id}`,
    text: `UPDATE counter SET value = value + 1 WHERE id = ${id}`,
  });
  const counterValue = async (id: number) =>
    (
      await database.query<{ value: number }>({ name: 'test_value', text: 'SELECT value FROM counter WHERE id = $1' }, [
        id,
      ])
    ).rows[0]?.value;

  it('gives values back as the stores expect them', async () => {
    const now = Date.now();
    const { rows, count } = await database.query(
      {
        name: 'test_types',
        text: `SELECT $1::bigint AS at, $2::bytea AS bytes, $3::numeric AS number, $4::text[] AS words,
          $5::jsonb AS json, $6::text AS nothing, $7::boolean AS truth`,
      },
      [
        now,
        new Uint8Array([0, 255]),
        '1461501637330902918203684832716283019655932542975',
        ['a,"\\', '名前'],
        '{"a":[1]}',
        null,
        true,
      ],
    );
    assert.equal(count, 1);
    assert.deepEqual(
      { ...rows[0] },
      {
        at: now,
        bytes: Buffer.from([0, 255]),
        number: '1461501637330902918203684832716283019655932542975',
        words: ['a,"\\', '名前'],
        json: { a: [1] },
        nothing: null,
        truth: true,
      },
    );
  });

  it('refuses to hand out a bigint that a number cannot hold', async () => {
    await assert.rejects(
      database.query({ name: 'test_huge', text: 'SELECT 9007199254740993::bigint AS value' }),
      RangeError,
    );
    assert.ok((await database.query({ name: 'test_after_huge', text: 'SELECT 1' })).count);
  });

  it('runs a statement again that failed at its first run, and one that failed later', async () => {
    const divide = { name: 'test_divide', text: 'SELECT 10 / $1::int AS share' };
    for (const [divisor, share] of [
      [0, undefined],
      [2, 5],
      [0, undefined],
      [5, 2],
    ] as const) {
      const run = database.query<{ share: number }>(divide, [divisor]);
      if (share === undefined) await assert.rejects(run, { code: '22012' });
      else assert.equal((await run).rows[0]?.share, share);
    }
  });

  it('runs a statement again whose table has got another column, or that the server has forgotten', async () => {
    const all = { name: 'test_all', text: 'SELECT * FROM growing' };
    await database.query({ name: 'test_grow', text: 'CREATE TABLE growing AS SELECT 1 AS a' });
    // On one connection, since what is prepared belongs to it.
    await database.transaction(async (queries) => void (await queries.query(all)));
    await database.query({ name: 'test_grow_more', text: 'ALTER TABLE growing ADD COLUMN b int DEFAULT 2' });
    await database.query(all).catch(() => {});
    const { rows } = await database.query(all);
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ a: 1, b: 2 }],
    );
  });

  it('refuses a value of a kind that it does not know, and goes on', async () => {
    for (const value of [{ a: 1 }, new Date(0), [1], Symbol('s')]) {
      await assert.rejects(database.query({ name: 'test_kind', text: 'SELECT $1::text' }, [value]), TypeError);
    }
    assert.equal((await database.query({ name: 'test_kind', text: 'SELECT $1::text' }, ['x'])).count, 1);
  });

  it('gives texts and lists of texts back as they were', async () => {
    const echo = { name: 'test_echo', text: 'SELECT $1::text AS word, $2::text[] AS words, $3::bytea AS bytes' };
    const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(word, fc.array(word), fc.uint8Array(), async (text, words, bytes) => {
        const { rows } = await database.query(echo, [text, words, bytes]);
        assert.deepEqual({ ...rows[0] }, { word: text, words, bytes: Buffer.from(bytes) });
      }),
    );
  });

  it('commits all of a transaction or nothing', async () => {
    const before = await counterValue(1);
    await assert.rejects(
      database.transaction(async (queries) => {
        await queries.query(add(1));
        throw new Error('half way');
      }),
      /half way/,
    );
    assert.equal(await counterValue(1), before);
    await database.transaction((queries) => queries.query(add(1)));
    assert.equal(await counterValue(1), Number(before) + 1);
  });

  it('does not take a transaction for done in which a failure was swallowed', async () => {
    const before = await counterValue(1);
    await assert.rejects(
      database.transaction(async (queries) => {
        await queries.query(add(1));
        await queries.query({ name: 'test_wrong', text: 'SELECT 1 / 0' }).catch(() => {});
      }),
      /ignored/,
    );
    assert.equal(await counterValue(1), before);
  });

  it('tries a failed serialisation again, a bounded number of times', async () => {
    let attempts = 0;
    const fail = { name: 'test_40001', text: `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$` };
    const before = Number(await counterValue(2));
    await database.transaction(async (queries) => {
      await queries.query(add(2));
      if (++attempts < 3) await queries.query(fail);
    });
    assert.equal(attempts, 3);
    assert.equal(await counterValue(2), before + 1);
    attempts = 0;
    await assert.rejects(
      database.transaction(async (queries) => {
        attempts++;
        await queries.query(fail);
      }),
      { code: '40001' },
    );
    assert.ok(attempts > 1 && attempts < 10);
  });

  it('gets two transactions through that lock the same rows in opposite order', async () => {
    const before = Number(await counterValue(1)) + Number(await counterValue(2));
    let arrived = 0;
    let bothHere = () => {};
    const meeting = new Promise<void>((resolve) => {
      bothHere = resolve;
    });
    const both = ([first, second]: readonly [number, number]) =>
      database.transaction(async (queries) => {
        await queries.query(add(first));
        // One connection means one at a time; on a server both must hold their first row, the first time round.
        if (++arrived === 2) bothHere();
        if (testEngine === 'postgresql' && arrived <= 2) await meeting;
        await queries.query(add(second));
      });
    await Promise.all([both([1, 2]), both([2, 1])]);
    assert.equal(Number(await counterValue(1)) + Number(await counterValue(2)), before + 4);
  });

  it('does not quote rows in its errors', async () => {
    const insert = { name: 'test_insert', text: 'INSERT INTO counter VALUES ($1, 0)' };
    const error = await database.query(insert, [1]).catch((thrown: unknown) => thrown);
    assert.equal((error as { code: string }).code, '23505');
    assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('(1)'));
  });

  it('builds queries with knex over the same connections, also within a transaction', async () => {
    const knex = await database.knex();
    await knex('counter').insert({ id: 3, value: 7 });
    assert.equal((await knex('counter').where({ id: 3 }).first()).value, 7);
    await assert.rejects(
      knex.transaction(async (transaction) => {
        await transaction('counter').where({ id: 3 }).update({ value: 8 });
        throw new Error('rolled back');
      }),
    );
    assert.equal(await counterValue(3), 7);
  });

  it('serves many callers at once', async () => {
    const before = Number(await counterValue(1));
    await Promise.all(Array.from({ length: 200 }, () => database.query(add(1))));
    assert.equal(await counterValue(1), before + 200);
  });

  it('answers "unavailable" once it is closed, and closes only once', async () => {
    const other = await openTestDatabase();
    await Promise.all([other.database.close(), other.database.close()]);
    await assert.rejects(other.database.query({ name: 'x', text: 'SELECT 1' }), {
      code: 'storage_unavailable',
      status: 503,
    });
    await other.drop();
  });
});

describe('PostgreSQL that cannot be reached', () => {
  it('is reported as unavailable, with a time to try again', async () => {
    const silent = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const settings = { kind: 'postgresql', poolSize: 1 } as const;
    const unavailable = { code: 'storage_unavailable', status: 503, retryAfter: 5 };
    await assert.rejects(openDatabase({ ...settings, url: `postgresql://u@127.0.0.1:${port}/d` }), unavailable);
    silent.close();
    await assert.rejects(openDatabase({ ...settings, url: `postgresql://u@127.0.0.1:${port}/d` }), unavailable);
    await assert.rejects(openDatabase({ ...settings, url: 'postgresql://u@localhost/d?host=/nowhere' }), unavailable);
  });

  it('comes back by itself after a lost connection', async () => {
    const url = await createTestDatabaseUrl();
    const connection = { kind: 'postgresql', url, poolSize: 2 } as const;
    const other = await openDatabase(connection);
    const events: string[] = [];
    const database = await openDatabase(connection, { log: (event) => events.push(event) });
    const kill = {
      name: 'test_kill',
      text: 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    };
    const during = database.query({ name: 'test_sleep', text: 'SELECT pg_sleep(30)' });
    const refused = assert.rejects(during, { code: 'storage_unavailable' });
    // The sleep must have begun before it can be killed.
    for (;;) {
      const { count } = await other.query({
        name: 'test_sleeping',
        text: `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'`,
      });
      if (count > 0) break;
    }
    await other.query(kill);
    await refused;
    assert.equal((await database.query({ name: 'test_again', text: 'SELECT 1' })).count, 1);
    await Promise.all([database.close(), other.close()]);
    await dropTestDatabase(url);
  });
});
