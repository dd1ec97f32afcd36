import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { HubError } from '../errors.ts';
import { type CsvRow, cellAt, cellsOf, cellText, csvRows, malformed } from './csv_rows.ts';
import type { StatusReport } from './status_check.ts';
import type { Status, SubjectStatus } from './status_rules.ts';

export interface StatusFileTask {
  /** Absolute paths. */
  readonly input: string;
  readonly output: string;
  readonly clientId: string;
  /** About `BATCH` identifiers at most. */
  ask(identifiers: readonly string[]): Promise<StatusReport>;
  /** Hears how far it is, after each batch. */
  onProgress?(progress: StatusFileProgress): void;
}

export interface StatusFileProgress {
  readonly rows: number;
  /** Octets of the input. */
  readonly done: number;
  readonly total: number;
}

export interface StatusFileOutcome {
  readonly rows: number;
  /** How many of them an interrupted run had answered before. */
  readonly resumed: number;
  /** By status, of all rows. */
  readonly counts: Readonly<Record<Status, number>>;
  /** Rows with a cell that a spreadsheet would take for a formula: how many, and the lines of the first few. */
  readonly formulas: { readonly count: number; readonly lines: readonly number[] };
}

/** Identifiers in one question. */
export const BATCH = 10_000;
/** Characters: ours have 27. What is longer is nobody's, and a batch of it would be more than the control socket takes. */
export const MAX_IDENTIFIER = 64;
/** Questions under way: the database looks up one batch while the one before it is written. */
const AHEAD = 3;
/** Octets that are read at a time. */
const PIECE = 256 * 1024;
const NAMED_LINES = 5;

/** What is written behind the columns of the input. */
const COLUMNS = ['status', 'attributes', 'as_of', 'source', 'checked_at'];
const SUBJECT_COLUMN = 'sub';

const counts = z.strictObject({
  current: z.int(),
  attributes_changed: z.int(),
  renewed: z.int(),
  contact_needed: z.int(),
  unknown: z.int(),
});

/** How far an interrupted run got: beside the part that it had written. */
const checkpointSchema = z.strictObject({
  clientId: z.string(),
  /** Octets of the input whose rows are answered, their digest, and the line behind them. */
  inputEnd: z.int(),
  inputDigest: z.string(),
  line: z.int(),
  /** Octets of the part that answer them. */
  outputEnd: z.int(),
  rows: z.int(),
  counts,
  formulas: z.strictObject({ count: z.int(), lines: z.array(z.int()) }),
});
type Checkpoint = z.output<typeof checkpointSchema>;

/**
 * Answers a CSV file row by row, in bounded memory: every row as it stands, with what is known about the `sub` in it
 * behind. Written to `output`.part and renamed when it is whole, so that `output` is all or nothing. Started again after
 * an interruption it goes on behind the last batch that is on disk, if the input is the same that far.
 *
 * @throws HubError `csv_malformed` with the line, `csv_no_subjects`, `csv_columns_taken`, `output_exists`; what `ask`
 *   throws; the file system's own error.
 */
export async function checkFile(task: StatusFileTask): Promise<StatusFileOutcome> {
  const { input, output } = task;
  if (resolve(input) === resolve(output) || (await exists(output))) {
    throw new HubError('output_exists', 409, `${output} exists already.`);
  }
  const total = (await stat(input)).size;
  const header = await readHeader(input);
  const { checkpoint, digest } = await resume(task, header);
  const part = await open(partOf(output), checkpoint.outputEnd === 0 ? 'w' : 'r+');
  try {
    await part.truncate(checkpoint.outputEnd);
    const run = new Run(task, header, part, checkpoint, digest, total);
    await run.answerAll();
    await part.sync();
    await rename(partOf(output), output);
    await rm(checkpointOf(output), { force: true });
    const { rows, counts: byStatus, formulas } = run.checkpoint;
    return { rows, resumed: checkpoint.rows, counts: byStatus, formulas };
  } finally {
    await part.close();
  }
}

interface Header {
  readonly row: CsvRow;
  /** Which cell is the `sub`. */
  readonly place: number;
  readonly lineEnd: '\n' | '\r\n';
}

/** @throws HubError `csv_no_subjects`, `csv_columns_taken`, `csv_malformed`. */
async function readHeader(input: string): Promise<Header> {
  const row = await firstRow(input);
  const noSubjects = () =>
    new HubError('csv_no_subjects', 400, `The first line must name the columns, and one of them must be "sub".`);
  if (row === undefined) throw noSubjects();
  const names = [...cellsOf(row.content, row.line)].map((cell, place) =>
    cellText(place === 0 ? withoutByteOrderMark(cell) : cell).trim(),
  );
  const place = names.indexOf(SUBJECT_COLUMN);
  if (place === -1 || names.lastIndexOf(SUBJECT_COLUMN) !== place) throw noSubjects();
  const taken = names.filter((name) => COLUMNS.includes(name));
  if (taken.length > 0) {
    throw new HubError('csv_columns_taken', 400, `The columns ${taken.join(', ')} are there already: rename them.`);
  }
  return { row, place, lineEnd: row.end - row.content.length === 2 ? '\r\n' : '\n' };
}

async function firstRow(input: string): Promise<CsvRow | undefined> {
  for await (const [row] of csvRows(createReadStream(input, { highWaterMark: PIECE }), { offset: 0, line: 1 }))
    return row;
  return undefined;
}

function withoutByteOrderMark(cell: Buffer): Buffer {
  return cell.length >= 3 && cell.readUIntBE(0, 3) === 0xefbbbf ? cell.subarray(3) : cell;
}

/** Where the last run stopped, or the beginning. */
async function resume(
  { input, output, clientId }: StatusFileTask,
  header: Header,
): Promise<{ checkpoint: Checkpoint; digest: Hash }> {
  const found = await readCheckpoint(output);
  if (found && found.clientId === clientId && (await sizeOf(partOf(output))) >= found.outputEnd) {
    const digest = await digestOf(input, found.inputEnd);
    if (digest?.copy().digest('hex') === found.inputDigest) return { checkpoint: found, digest };
  }
  const { row } = header;
  return {
    digest: createHash('sha256'),
    checkpoint: {
      clientId,
      inputEnd: 0,
      inputDigest: '',
      line: row.line,
      outputEnd: 0,
      rows: 0,
      counts: { current: 0, attributes_changed: 0, renewed: 0, contact_needed: 0, unknown: 0 },
      formulas: { count: 0, lines: [] },
    },
  };
}

async function readCheckpoint(output: string): Promise<Checkpoint | undefined> {
  try {
    return checkpointSchema.parse(JSON.parse(await readFile(checkpointOf(output), 'utf8')));
  } catch {
    return undefined; // there is none, or not one of ours: the work begins anew
  }
}

/** Of the first octets of a file; undefined when it has fewer. */
async function digestOf(path: string, length: number): Promise<Hash | undefined> {
  const digest = createHash('sha256');
  if (length === 0) return digest;
  let size = 0;
  for await (const piece of createReadStream(path, {
    end: length - 1,
    highWaterMark: PIECE,
  }) as AsyncIterable<Buffer>) {
    digest.update(piece);
    size += piece.length;
  }
  return size === length ? digest : undefined;
}

/** Rows that wait for their answers. */
interface Batch {
  readonly rows: readonly CsvRow[];
  readonly report: Promise<StatusReport>;
}

class Run {
  checkpoint: Checkpoint;
  readonly #task: StatusFileTask;
  readonly #header: Header;
  readonly #part: FileHandle;
  readonly #digest: Hash;
  readonly #total: number;
  readonly #underway: Batch[] = [];
  /** Texts of answers, of which a batch has a handful. */
  readonly #texts = new Map<string, Buffer>();

  constructor(
    task: StatusFileTask,
    header: Header,
    part: FileHandle,
    checkpoint: Checkpoint,
    digest: Hash,
    total: number,
  ) {
    this.#task = task;
    this.#header = header;
    this.#part = part;
    this.checkpoint = checkpoint;
    this.#digest = digest;
    this.#total = total;
  }

  async answerAll(): Promise<void> {
    const { inputEnd, line } = this.checkpoint;
    const stream = createReadStream(this.#task.input, { start: inputEnd, highWaterMark: PIECE });
    let waiting: CsvRow[] = [];
    try {
      if (inputEnd === 0) await this.#writeHeader();
      for await (const rows of csvRows(stream, { offset: inputEnd, line })) {
        for (const row of rows) {
          if (row.end <= this.#header.row.end) continue;
          if (row.content.length > 0) this.#assertWhole(row);
          waiting.push(row);
          if (waiting.length < BATCH) continue;
          await this.#send(waiting);
          waiting = [];
        }
      }
      if (waiting.length > 0) await this.#send(waiting);
      while (this.#underway.length > 0) await this.#settle();
    } finally {
      stream.destroy();
      await Promise.allSettled(this.#underway.map(({ report }) => report));
    }
  }

  #assertWhole({ cells, line }: CsvRow): void {
    const expected = this.#header.row.cells;
    if (cells !== expected) throw malformed(line, `has ${cells} cells where the first line has ${expected}`);
  }

  async #send(rows: readonly CsvRow[]): Promise<void> {
    const identifiers = rows.map((row) => {
      const identifier = cellText(cellAt(row, this.#header.place)).trim();
      return identifier.length > MAX_IDENTIFIER ? '' : identifier;
    });
    const report = this.#task.ask(identifiers);
    report.catch(() => {}); // heard of when it is its turn
    this.#underway.push({ rows, report });
    if (this.#underway.length >= AHEAD) await this.#settle();
  }

  /** Writes the oldest batch that is under way: answers stand in the order of the rows. */
  async #settle(): Promise<void> {
    const [batch] = this.#underway;
    if (!batch) return;
    const { rows } = batch;
    const report = await batch.report;
    const lineEnd = Buffer.from(this.#header.lineEnd);
    const { counts: before, formulas } = this.checkpoint;
    const byStatus = { ...before };
    const written: Buffer[] = [];
    let formulaCount = formulas.count;
    const lines = [...formulas.lines];
    let answered = 0;
    rows.forEach((row, place) => {
      if (row.content.length === 0) return; // a blank line is no row
      const found = report.answers[place] ?? { status: 'unknown' };
      byStatus[found.status] += 1;
      answered += 1;
      // An identifier may begin with a hyphen, and is nothing that a spreadsheet could compute.
      if (row.formulas?.some((cell) => cell !== this.#header.place)) {
        formulaCount += 1;
        if (lines.length < NAMED_LINES) lines.push(row.line);
      }
      written.push(row.content, this.#textOf(found, report.checkedAt), lineEnd);
    });
    this.#texts.clear();
    await this.#append(Buffer.concat(written), rows, {
      rows: this.checkpoint.rows + answered,
      counts: byStatus,
      formulas: { count: formulaCount, lines },
    });
    this.#underway.shift();
    this.#task.onProgress?.({ rows: this.checkpoint.rows, done: this.checkpoint.inputEnd, total: this.#total });
  }

  async #writeHeader(): Promise<void> {
    const { row, lineEnd } = this.#header;
    const text = Buffer.concat([row.content, Buffer.from(`,${COLUMNS.join(',')}${lineEnd}`)]);
    await this.#append(text, [row], {});
  }

  /** On disk before the checkpoint says so: a run that dies in between has written too much, and that is cut off. */
  async #append(
    text: Buffer,
    rows: readonly CsvRow[],
    more: Partial<Pick<Checkpoint, 'rows' | 'counts' | 'formulas'>>,
  ): Promise<void> {
    const { inputEnd, outputEnd } = this.checkpoint;
    const last = rows.at(-1);
    await this.#part.write(text, 0, text.length, outputEnd);
    await this.#part.datasync();
    const end = last?.end ?? inputEnd;
    await this.#digestUpTo(inputEnd, end);
    this.checkpoint = {
      ...this.checkpoint,
      ...more,
      inputEnd: end,
      inputDigest: this.#digest.copy().digest('hex'),
      line: (last?.line ?? 0) + linesOf(last),
      outputEnd: outputEnd + text.length,
    };
    const path = checkpointOf(this.#task.output);
    await writeFile(`${path}.new`, JSON.stringify(this.checkpoint));
    await rename(`${path}.new`, path);
  }

  /** From the file once more, since rows leave their line ends behind; it is in the system's cache. */
  async #digestUpTo(from: number, to: number): Promise<void> {
    if (to === from) return;
    const stream = createReadStream(this.#task.input, { start: from, end: to - 1, highWaterMark: PIECE });
    for await (const piece of stream as AsyncIterable<Buffer>) this.#digest.update(piece);
  }

  #textOf({ status, attributes = 'none', asOf, source }: SubjectStatus, checkedAt: number): Buffer {
    const key = `${status} ${attributes} ${asOf} ${source}`;
    let text = this.#texts.get(key);
    if (text === undefined) {
      const cells = [
        status,
        status === 'unknown' ? '' : attributes,
        asOf === undefined ? '' : isoSeconds(asOf),
        source ?? '',
        isoSeconds(checkedAt),
      ];
      text = Buffer.from(`,${cells.join(',')}`);
      this.#texts.set(key, text);
    }
    return text;
  }
}

function linesOf(row: CsvRow | undefined): number {
  return row === undefined ? 0 : row.content.toString('latin1').split('\n').length;
}

function isoSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

const partOf = (output: string): string => `${output}.part`;
const checkpointOf = (output: string): string => `${output}.part.json`;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => -1,
  );
}
