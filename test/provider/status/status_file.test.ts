import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import { BATCH, checkFile, type StatusFileTask } from '../../../provider/status/status_file.ts';
import type { SubjectStatus } from '../../../provider/status/status_rules.ts';

const NOW = Date.parse('2026-11-24T01:02:03.456Z');
const AS_OF = Date.parse('2026-11-23T15:00:00Z');
const HEADER = 'status,attributes,as_of,source,checked_at';
const CURRENT = 'current,none,2026-11-23T15:00:00Z,crl,2026-11-24T01:02:03Z';
const UNKNOWN = 'unknown,,,,2026-11-24T01:02:03Z';

const folder = mkdtempSync(join(tmpdir(), 'musubi-status-file-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const input = join(folder, 'in.csv');
const output = join(folder, 'out.csv');
const part = `${output}.part`;
const result = () => readFileSync(output, 'utf8');

/** Everybody whose name begins with p is well. */
const statusOf = (identifier: string): SubjectStatus =>
  identifier.startsWith('p')
    ? { status: 'current', attributes: 'none', asOf: AS_OF, source: 'crl' }
    : { status: 'unknown' };

let asked: (readonly string[])[];
beforeEach(() => {
  asked = [];
  for (const file of [input, output, part, `${part}.json`]) rmSync(file, { force: true });
});

const run = (over: Partial<StatusFileTask> = {}) =>
  checkFile({
    input,
    output,
    clientId: 'rp',
    async ask(identifiers) {
      asked.push(identifiers);
      return { checkedAt: NOW, answers: identifiers.map(statusOf) };
    },
    ...over,
  });

const refusedWith =
  (code: string, message = /./) =>
  (error: unknown) =>
    error instanceof HubError && error.code === code && message.test(error.message);

const manyRows = (count: number) =>
  `sub,name\n${Array.from({ length: count }, (_, index) => `p${index},n${index}\n`).join('')}`;

/** Answers `batches` questions and then fails, as a hub does that ends. */
function failsAfter(batches: number): StatusFileTask['ask'] {
  let left = batches;
  return async (identifiers) => {
    if (left-- <= 0) throw new HubError('hub_unreachable', 503, 'gone');
    return { checkedAt: NOW, answers: identifiers.map(statusOf) };
  };
}

describe('a CSV file of people', () => {
  it('is answered row by row, with every column as it was', async () => {
    writeFileSync(input, 'id,sub,"note, long"\n1,p1,"a ""b"", c"\n2,x,\n3,"p3",日本\n');
    const { rows, resumed, counts } = await run();
    assert.equal(
      result(),
      `id,sub,"note, long",${HEADER}\n1,p1,"a ""b"", c",${CURRENT}\n2,x,,${UNKNOWN}\n3,"p3",日本,${CURRENT}\n`,
    );
    assert.deepEqual([rows, resumed, counts.current, counts.unknown], [3, 0, 2, 1]);
    assert.deepEqual(asked, [['p1', 'x', 'p3']]);
    assert.equal(existsSync(part), false);
    assert.equal(existsSync(`${part}.json`), false);
  });

  it('keeps its line ends and its byte order mark, and needs no line end at its end', async () => {
    writeFileSync(input, '\ufeffsub\r\np1\r\n\r\np2');
    await run();
    assert.equal(result(), `\ufeffsub,${HEADER}\r\np1,${CURRENT}\r\np2,${CURRENT}\r\n`);
  });

  it('may have a header only', async () => {
    writeFileSync(input, 'sub\n');
    assert.equal((await run()).rows, 0);
    assert.equal(result(), `sub,${HEADER}\n`);
  });

  it('is asked about in batches, and answered in its own order', async () => {
    writeFileSync(input, manyRows(2 * BATCH + 5));
    const shown: number[] = [];
    // Later questions are answered first.
    const waiting: (() => void)[] = [];
    const ask: StatusFileTask['ask'] = async (identifiers) => {
      asked.push(identifiers);
      if (asked.length < 3) await new Promise<void>((resolve) => waiting.unshift(resolve));
      else for (const answer of waiting) answer();
      return { checkedAt: NOW, answers: identifiers.map(statusOf) };
    };
    const { rows } = await run({ ask, onProgress: ({ rows: done }) => shown.push(done) });
    assert.equal(rows, 2 * BATCH + 5);
    assert.deepEqual(
      asked.map(({ length }) => length),
      [BATCH, BATCH, 5],
    );
    assert.deepEqual(shown, [BATCH, 2 * BATCH, 2 * BATCH + 5]);
    const names = result().trimEnd().split('\n').slice(1);
    assert.ok(names.every((line, index) => line.startsWith(`p${index},n${index},current,`)));
  });

  it('names what nobody can be called by as unknown, without asking in full', async () => {
    writeFileSync(input, `sub\n${'p'.repeat(5000)}\n""\n`);
    assert.equal((await run()).counts.unknown, 2);
    assert.deepEqual(asked, [['', '']]);
  });

  it('counts cells that a spreadsheet would take for formulas, and leaves them', async () => {
    writeFileSync(input, 'sub,a\np1,=1\n-p2,x\np3,"@y"\n');
    const { formulas } = await run();
    assert.deepEqual(formulas, { count: 2, lines: [2, 4] });
    assert.match(result(), /\np1,=1,current/);
  });

  for (const [title, text, code, message] of [
    ['is empty', '', 'csv_no_subjects', /sub/],
    ['names no subjects', 'id,name\n1,2\n', 'csv_no_subjects', /sub/],
    ['names them twice', 'sub,sub\n1,2\n', 'csv_no_subjects', /sub/],
    ['is UTF-16', Buffer.from('sub\np1\n', 'utf16le').toString('latin1'), 'csv_no_subjects', /sub/],
    ['has one of the new columns', 'sub,status\np1,x\n', 'csv_columns_taken', /status/],
    ['has a row with a cell too many', 'sub,a\np1,x\np2,x,y\n', 'csv_malformed', /^Line 3 has 3 cells .* 2/],
    ['has a row with a cell too few', 'sub,a\n"p\n1",x\np2\n', 'csv_malformed', /^Line 4 has 1 cells .* 2/],
    ['has a quote that is not closed', 'sub,a\np1,"x\np2,y\n', 'csv_malformed', /^Line 2 /],
  ] as const) {
    it(`is refused when it ${title}, and nothing is at the end`, async () => {
      writeFileSync(input, text, 'latin1');
      await assert.rejects(run(), refusedWith(code, message));
      assert.equal(existsSync(output), false);
    });
  }

  it('never takes the place of a file, nor of itself', async () => {
    writeFileSync(input, 'sub\np1\n');
    await assert.rejects(run({ output: input }), refusedWith('output_exists'));
    writeFileSync(output, 'mine');
    await assert.rejects(run(), refusedWith('output_exists'));
    assert.equal(result(), 'mine');
  });
});

describe('an interrupted run', () => {
  const rows = 4 * BATCH;
  const expected = () => {
    const lines = manyRows(rows).trimEnd().split('\n').slice(1);
    return `sub,name,${HEADER}\n${lines.map((line) => `${line},${CURRENT}\n`).join('')}`;
  };

  it('goes on where it stopped, and comes to the same', async () => {
    writeFileSync(input, manyRows(rows));
    await assert.rejects(run({ ask: failsAfter(2) }), refusedWith('hub_unreachable'));
    assert.equal(existsSync(output), false);
    const outcome = await run();
    assert.deepEqual([outcome.rows, outcome.resumed, outcome.counts.current], [rows, 2 * BATCH, rows]);
    assert.deepEqual(
      asked.map(([first]) => first),
      [`p${2 * BATCH}`, `p${3 * BATCH}`],
    );
    assert.equal(result(), expected());
  });

  it('may have written more than it knew: half a line is cut off', async () => {
    writeFileSync(input, manyRows(rows));
    await assert.rejects(run({ ask: failsAfter(2) }));
    writeFileSync(part, `${readFileSync(part, 'utf8')}p20000,n20000,curr`);
    await run();
    assert.equal(result(), expected());
  });

  it('begins anew for another relying party, another input, or when its part is gone', async () => {
    const changes: Record<string, () => Partial<StatusFileTask>> = {
      'another relying party': () => ({ clientId: 'other' }),
      'another input': () => {
        writeFileSync(input, manyRows(rows).replace('p0,n0', 'p0,m0'));
        return {};
      },
      'a shorter input': () => {
        writeFileSync(input, manyRows(3));
        return {};
      },
      'a part that is too short': () => {
        writeFileSync(part, 'sub');
        return {};
      },
      'a damaged checkpoint': () => {
        writeFileSync(`${part}.json`, '{"inputEnd": 1e9}');
        return {};
      },
    };
    for (const [title, change] of Object.entries(changes)) {
      rmSync(output, { force: true });
      writeFileSync(input, manyRows(rows));
      await assert.rejects(run({ ask: failsAfter(2) }));
      const outcome = await run(change());
      assert.equal(outcome.resumed, 0, title);
      assert.equal(result().split('\n').length - 2, outcome.rows, title);
    }
  });

  it('goes on when a bad line behind what was answered has been mended', async () => {
    const text = manyRows(rows);
    writeFileSync(input, text.replace('p30001,n30001', 'p30001,n30001,x'));
    await assert.rejects(run(), refusedWith('csv_malformed', /^Line 30003 /));
    writeFileSync(input, text);
    assert.ok((await run()).resumed > 0);
    assert.equal(result(), expected());
  });
});
