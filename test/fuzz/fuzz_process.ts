import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fault, FromFuzz, Job } from './fuzz.ts';
import { judge, meaningsOfSamples } from './judge.ts';
import { InputNotes } from './last_input.ts';
import type { Parser } from './parser.ts';
import { Random } from './random.ts';

/** Octets by which memory may be fuller after the second half of a run than before it: the engine's own caches. */
const MAX_GROWTH = 2 * 1024 * 1024;
/** What zlib closes after bad input goes in the next turn of the event loop, which in the hub comes after every request. */
const RUNS_OF_A_TURN = 100;

const { module, names, seed, budget, notes }: Job = JSON.parse(process.argv[2] ?? '');
const lastInput = new InputNotes(notes);
const { parsers }: { parsers: readonly Parser[] } = await import(module);
const chosen = parsers.filter(({ name }) => names.length === 0 || names.includes(name));

/** Settles when the message is on its way: a parser that kills the process takes none with it. */
function tell(message: FromFuzz): Promise<void> {
  return new Promise((settle) => {
    process.send?.(message, () => settle());
  });
}

/** Octets that are still in use when everything that can go has gone. */
function usedMemory(): number {
  if (!global.gc) throw new Error('there is no gc');
  // What has been finalised in the first round goes in the second.
  global.gc();
  global.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** One parser's run, and what came of it so far. */
class Run {
  readonly #parser: Parser;
  readonly #soundMeanings: ReadonlySet<string>;
  runs = 0;
  accepted = 0;
  /** Milliseconds. */
  slowest = 0;
  /** Of refusals. */
  readonly codes = new Set<string>();
  /** Over all inputs. */
  readonly hash = createHash('sha256');
  fault: Fault | undefined;

  constructor(parser: Parser) {
    this.#parser = parser;
    this.#soundMeanings = meaningsOfSamples(parser);
  }

  /** Goes on until `end` says so or a promise was broken. */
  async until(end: () => boolean): Promise<void> {
    while (!this.fault && !end()) {
      this.#step();
      if (this.runs % RUNS_OF_A_TURN === 0) await nextTurn();
    }
    await nextTurn();
  }

  #step(): void {
    const parser = this.#parser;
    const generated = parser.generate(new Random(`${seed} ${parser.name} ${this.runs}`));
    lastInput.note(parser.name, generated);
    this.hash.update(generated);
    const { outcome, code, ms, fault } = judge(parser, generated, this.#soundMeanings);
    this.runs += 1;
    if (outcome === 'accepted') this.accepted += 1;
    if (code !== undefined) this.codes.add(code);
    this.slowest = Math.max(this.slowest, ms);
    if (fault !== undefined) this.fault = { kind: 'fault', parser: parser.name, fault, input: generated };
  }
}

/** Whether so much of the parser's share has been used up. */
function enough(run: Run, share: number, started: number): boolean {
  if ('runs' in budget) return run.runs >= budget.runs * share;
  return performance.now() - started >= (budget.ms / chosen.length) * share;
}

async function fuzz(parser: Parser): Promise<void> {
  const run = new Run(parser);
  const started = performance.now();
  await run.until(() => enough(run, 0.5, started));
  const before = usedMemory();
  await run.until(() => enough(run, 1, started));
  const growth = usedMemory() - before;
  const { runs, accepted, slowest, codes, hash } = run;
  const digest = hash.digest('hex');
  await tell({
    kind: 'report',
    parser: parser.name,
    runs,
    accepted,
    slowest,
    codes: [...codes].sort(),
    growth,
    digest,
  });
  const fault = run.fault ?? faultOfGrowth(parser, growth);
  if (fault) await tell(fault);
}

function faultOfGrowth({ name }: Parser, growth: number): Fault | undefined {
  if (growth <= MAX_GROWTH) return undefined;
  return { kind: 'fault', parser: name, fault: `keeps ${growth} octets more in memory`, input: undefined };
}

for (const parser of chosen) await fuzz(parser);
lastInput.close();
process.disconnect?.();
