import { HubError } from '../errors.ts';

/** One row of a CSV file (RFC 4180), as it stands. */
export interface CsvRow {
  /** Line of the file that it begins at, from 1. */
  readonly line: number;
  /** Its octets without the end of line. */
  readonly content: Buffer;
  readonly cells: number;
  /** Whether any of its cells is quoted. */
  readonly isQuoted: boolean;
  /** Which cells a spreadsheet would take for formulas; undefined for none. */
  readonly formulas: readonly number[] | undefined;
  /** Octets of the file up to the next row. */
  readonly end: number;
}

/** Octets of one row: a longer one is a file of another kind, or a quote that was never closed. */
const MAX_ROW = 1_048_576;

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Splits a file into rows without decoding it: whatever the encoding is, as long as it is ASCII's where it is ASCII
 * (UTF-8, Shift_JIS, EUC-JP), its octets come through unchanged. Holds one piece of the file and one row.
 *
 * @param start where in the file the first piece begins, and on which line.
 * @throws HubError `csv_malformed` that names the line.
 */
export async function* csvRows(
  pieces: AsyncIterable<Buffer>,
  start: { readonly offset: number; readonly line: number },
): AsyncIterable<readonly CsvRow[]> {
  let { offset, line } = start;
  let rest: Buffer = Buffer.alloc(0);

  function take(piece: Buffer, isLast: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    const quotes = new Finder(piece, QUOTE);
    let at = 0;
    while (at < piece.length) {
      const end = endOfRow(piece, at, quotes);
      if (end === -1 && !isLast) break;
      const next = end === -1 ? piece.length : end + 1;
      const until = end === -1 ? piece.length : end;
      const isWindows = until > at && piece[until - 1] === CARRIAGE_RETURN;
      const content = piece.subarray(at, isWindows ? until - 1 : until);
      if (content.length > MAX_ROW) throw malformed(line, 'is longer than 1 MB');
      const isQuoted = quotes.from(at) !== -1 && quotes.from(at) < until;
      rows.push({ line, content, ...shapeOf(content, isQuoted, line), end: offset + next });
      line += (isQuoted ? lineFeedsIn(content) : 0) + (end === -1 ? 0 : 1);
      at = next;
    }
    offset += at;
    rest = piece.subarray(at);
    return rows;
  }

  for await (const piece of pieces) {
    const rows = take(rest.length === 0 ? piece : Buffer.concat([rest, piece]), false);
    if (rest.length > MAX_ROW) throw malformed(line, 'does not end within 1 MB; perhaps a quote is not closed');
    if (rows.length > 0) yield rows;
  }
  if (rest.length > 0) yield take(rest, true);
}

/** Finds one octet again and again, further on each time, without looking at anything twice. */
class Finder {
  readonly #octets: Buffer;
  readonly #wanted: number;
  #found: number;

  constructor(octets: Buffer, wanted: number) {
    this.#octets = octets;
    this.#wanted = wanted;
    this.#found = octets.indexOf(wanted);
  }

  /** The first one at or behind `at`, which never goes back behind an earlier one that was passed; -1 for none. */
  from(at: number): number {
    if (this.#found !== -1 && this.#found < at) this.#found = this.#octets.indexOf(this.#wanted, at);
    return this.#found;
  }
}

/** Where the line feed is that ends the row at `from`: one that is not between quotes. -1 when it is not there yet. */
function endOfRow(piece: Buffer, from: number, quotes: Finder): number {
  let end = piece.indexOf(LINE_FEED, from);
  let quote = quotes.from(from);
  if (end === -1 || quote === -1 || quote > end) return end;
  let isQuoted = false;
  while (end !== -1) {
    while (quote !== -1 && quote < end) {
      isQuoted = !isQuoted;
      quote = piece.indexOf(QUOTE, quote + 1);
    }
    if (!isQuoted) return end;
    end = piece.indexOf(LINE_FEED, end + 1);
  }
  return -1;
}

/** @throws HubError `csv_malformed` where quotes do not enclose whole cells. */
function shapeOf(content: Buffer, isQuoted: boolean, line: number): Pick<CsvRow, 'cells' | 'formulas' | 'isQuoted'> {
  let cells = 0;
  let formulas: number[] | undefined;
  const count = (first: number | undefined) => {
    if (isFormulaSign(first)) formulas = [...(formulas ?? []), cells];
    cells += 1;
  };
  if (isQuoted) for (const cell of cellsOf(content, line)) count(cell[0] === QUOTE ? cell[1] : cell[0]);
  else for (let at = 0; at !== 0 || cells === 0; at = content.indexOf(COMMA, at) + 1) count(content[at]);
  return { cells, formulas, isQuoted };
}

/** Characters with which a spreadsheet takes a cell for a formula (OWASP, “CSV Injection”). */
function isFormulaSign(octet: number | undefined): boolean {
  return octet === 0x3d || octet === 0x2b || octet === 0x2d || octet === 0x40 || octet === 0x09 || octet === 0x0d;
}

/**
 * The cells of a row with their quotes.
 *
 * @throws HubError `csv_malformed`.
 */
export function* cellsOf(content: Buffer, line: number): Iterable<Buffer> {
  let at = 0;
  for (;;) {
    const end = endOfCell(content, at, line);
    yield content.subarray(at, end);
    if (end >= content.length) return;
    at = end + 1;
  }
}

function endOfCell(content: Buffer, from: number, line: number): number {
  if (content[from] !== QUOTE) {
    const comma = content.indexOf(COMMA, from);
    const end = comma === -1 ? content.length : comma;
    const quote = content.indexOf(QUOTE, from);
    if (quote !== -1 && quote < end) throw malformed(line, 'has a quote inside a cell that is not quoted');
    return end;
  }
  let at = from + 1;
  for (;;) {
    const quote = content.indexOf(QUOTE, at);
    if (quote === -1) throw malformed(line, 'has a quote that is not closed');
    if (content[quote + 1] === QUOTE) {
      at = quote + 2;
      continue;
    }
    const end = quote + 1;
    if (end < content.length && content[end] !== COMMA) throw malformed(line, 'goes on behind a closing quote');
    return end;
  }
}

/** The text of a cell. */
export function cellText(cell: Buffer): string {
  if (cell[0] !== QUOTE) return cell.toString('utf8');
  return cell.subarray(1, -1).toString('utf8').replaceAll('""', '"');
}

/** Cell number `place` of a row, from 0; the row has that many. */
export function cellAt({ content, isQuoted, line }: CsvRow, place: number): Buffer {
  if (!isQuoted) {
    let from = 0;
    for (let passed = 0; passed < place; passed++) from = content.indexOf(COMMA, from) + 1;
    const end = content.indexOf(COMMA, from);
    return content.subarray(from, end === -1 ? content.length : end);
  }
  return [...cellsOf(content, line)][place] ?? Buffer.alloc(0);
}

function lineFeedsIn(content: Buffer): number {
  let count = 0;
  for (let at = content.indexOf(LINE_FEED); at !== -1; at = content.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

export function malformed(line: number, what: string): HubError {
  return new HubError('csv_malformed', 400, `Line ${line} ${what}.`);
}
