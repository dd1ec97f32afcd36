import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CsvRow, cellAt, cellsOf, cellText, csvRows } from '../../../provider/status/csv_rows.ts';

async function rowsOf(file: Buffer | string, pieceSize = 1_000): Promise<CsvRow[]> {
  const octets = Buffer.from(file);
  async function* pieces() {
    for (let at = 0; at < octets.length; at += pieceSize) yield octets.subarray(at, at + pieceSize);
  }
  const rows: CsvRow[] = [];
  for await (const some of csvRows(pieces(), { offset: 0, line: 1 })) rows.push(...some);
  return rows;
}
const contents = async (file: string, pieceSize?: number) =>
  (await rowsOf(file, pieceSize)).map(({ content }) => content.toString());
const malformedAt = (line: number) => (error: unknown) =>
  (error as { code?: string }).code === 'csv_malformed' &&
  (error as { message: string }).message.startsWith(`Line ${line} `);

describe('rows of a CSV file', () => {
  it('end with a line feed, with or without a carriage return, or with the file', async () => {
    assert.deepEqual(await contents('a,b\r\nc,d\ne,f'), ['a,b', 'c,d', 'e,f']);
    assert.deepEqual(await contents('a\n\nb\n'), ['a', '', 'b']);
    assert.deepEqual(await contents(''), []);
  });

  it('hold quoted cells with commas, quotes and line ends, and count the lines all the same', async () => {
    const rows = await rowsOf('a,"b,""c""\n\nd"\ne,f\n');
    assert.deepEqual(
      rows.map(({ line, cells }) => [line, cells]),
      [
        [1, 2],
        [4, 2],
      ],
    );
    const [first] = rows;
    assert.ok(first);
    assert.equal(cellText(cellAt(first, 1)), 'b,"c"\n\nd');
  });

  it('are the same however the file is cut into pieces, and lose no octet', async () => {
    const cell = fc.oneof(
      fc.stringMatching(/^[^",\r\n]{0,8}$/),
      fc.string({ maxLength: 8 }).map((text) => `"${text.replaceAll('"', '""')}"`),
    );
    const row = fc.array(cell, { minLength: 1, maxLength: 4 }).map((cells) => cells.join(','));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), fc.integer({ min: 1, max: 20 }), async (rows, size) => {
        const file = rows.map((text) => `${text}\n`).join('');
        const [whole, cut] = [await rowsOf(file), await rowsOf(file, size)];
        assert.deepEqual(
          cut.map(({ line, end, cells }) => [line, end, cells]),
          whole.map(({ line, end, cells }) => [line, end, cells]),
        );
        assert.deepEqual(
          whole.map(({ content }) => content.toString()),
          rows.map((text) => text.replace(/\r$/, '')),
        );
        assert.equal(whole.at(-1)?.end ?? 0, Buffer.byteLength(file));
        for (const found of whole) {
          const cells = [...cellsOf(found.content, found.line)];
          assert.equal(cells.length, found.cells);
          for (const [place, each] of cells.entries()) assert.deepEqual(cellAt(found, place), each);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('may be in any encoding that has ASCII’s commas and quotes', async () => {
    const shiftJis = Buffer.from('737562 2c 93fa967b 0a 78 2c 955c8e a6 0a'.replaceAll(' ', ''), 'hex');
    const [, row] = await rowsOf(shiftJis);
    assert.ok(row);
    assert.equal(cellAt(row, 1).toString('hex'), '955c8ea6');
  });

  it('are refused with their line when quotes do not enclose whole cells', async () => {
    await assert.rejects(rowsOf('a,b\nc,d"e"\n'), malformedAt(2));
    await assert.rejects(rowsOf('a\n"b"c\n'), malformedAt(2));
    await assert.rejects(rowsOf('a\n"b\nc'), malformedAt(2));
  });

  it('are refused when one has no end', async () => {
    await assert.rejects(rowsOf(`a\n"${'x'.repeat(2_000_000)}`, 100_000), malformedAt(2));
    await assert.rejects(rowsOf(`a\n${'x'.repeat(2_000_000)}\n`, 3_000_000), malformedAt(2));
  });

  it('tell of cells that a spreadsheet would take for formulas', async () => {
    const rows = await rowsOf('a,b\nx,=1+1\n"@x",y\n"a=b",y\n-1,2\n,+\n');
    assert.deepEqual(
      rows.map(({ formulas }) => formulas),
      [undefined, [1], [0], undefined, [0], [1]],
    );
  });
});
