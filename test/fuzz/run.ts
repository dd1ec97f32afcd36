import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Fault, type FuzzOptions, fuzz, type Report } from './fuzz.ts';
import { judge, meaningsOfSamples } from './judge.ts';

const USAGE = `npm run fuzz -- [--seconds N] [--parser NAME] [--seed S]
npm run fuzz -- --parser NAME --input HEX

Feeds every reader of bytes from outside with input that is nearly right. Each must answer or refuse with an error of the
documented kind, within a quarter of a second, keep nothing in memory, and take nothing that was changed after it was signed.

  --seconds N     for all parsers together; default 60
  --runs N        so many inputs for each parser instead
  --parser NAME   this one only; may be given again
  --seed S        the same inputs as in the run that printed it; default one by chance
  --input HEX     read this one input and say what comes of it; @FILE reads the digits from a file
  --help
`;

/** Longer than the slowest answer that is a fault of its own, in a machine that is busy. */
const HANG_MS = 10_000;
/** Many times what the parsers need: input of a mebibyte is the largest. */
const HEAP_LIMIT_MB = 512;
/** Hex digits that a terminal shows and a command line takes. */
const PRINTED_DIGITS = 4000;

const MODULE = new URL('parsers.ts', import.meta.url).href;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      runs: { type: 'string' },
      parser: { type: 'string', multiple: true },
      seed: { type: 'string', default: String(randomInt(2 ** 32)) },
      input: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return say(USAGE, 0);
  const names = values.parser ?? [];
  // Making the samples takes a while: here only where they are needed.
  if (names.length > 0) {
    const { parsers } = await import('./parsers.ts');
    const known = parsers.map(({ name }) => name);
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) return say(`there is no parser ${unknown}; there are ${known.join(', ')}\n`, 2);
    if (values.input !== undefined) return replay(parsers, names, values.input);
  } else if (values.input !== undefined) return say(ONE_PARSER, 2);

  const amount = Number(values.runs ?? values.seconds);
  if (!(amount > 0)) return say('--seconds and --runs are numbers above zero\n', 2);
  const budget = values.runs === undefined ? { ms: amount * 1000 } : { runs: amount };
  return run({ module: MODULE, names, seed: values.seed, budget, hangMs: HANG_MS, heapLimit: HEAP_LIMIT_MB });
}

async function run(options: FuzzOptions): Promise<number> {
  say(`seed ${options.seed}\n${HEADING}\n`);
  let faults = 0;
  await fuzz(options, (message) => {
    if (message.kind === 'fault') faults += 1;
    say(message.kind === 'fault' ? describeFault(message) : describeReport(message));
  });
  return faults === 0 ? 0 : 1;
}

const ONE_PARSER = '--input needs one --parser\n';
type Parsers = typeof import('./parsers.ts').parsers;

/** Judges one input, and says how. */
function replay(parsers: Parsers, names: readonly string[], digits: string): number {
  const parser = parsers.find(({ name }) => name === names[0]);
  if (parser === undefined || names.length !== 1) return say(ONE_PARSER, 2);
  const hex = digits.startsWith('@') ? readFileSync(digits.slice(1), 'utf8').trim() : digits;
  const { outcome, code, ms, fault } = judge(parser, Buffer.from(hex, 'hex'), meaningsOfSamples(parser));
  say(`${parser.name}: ${outcome} ${code ?? ''} in ${ms.toFixed(1)} ms\n`);
  return fault === undefined ? 0 : say(`FAULT: ${fault}\n`, 1);
}

const HEADING = 'parser                 inputs  accepted  slowest  memory  codes';

function describeReport({ parser, runs, accepted, slowest, growth, codes }: Report): string {
  const columns = [
    parser.padEnd(20),
    String(runs).padStart(8),
    String(accepted).padStart(9),
    `${slowest.toFixed(0)} ms`.padStart(8),
    `${(growth / 1024).toFixed(0)} KiB`.padStart(8),
  ];
  return `${columns.join(' ')}  ${codes.join(' ')}\n`;
}

function describeFault({ parser, fault, input }: Fault): string {
  const head = `FAULT in ${parser}: ${fault}\n`;
  if (input === undefined) return head;
  const hex = Buffer.from(input).toString('hex');
  const file = join(tmpdir(), `musubi-fuzz-${parser}-${process.pid}.hex`);
  writeFileSync(file, hex);
  const printed = hex.length <= PRINTED_DIGITS ? hex : `@${file}`;
  return `${head}  written to ${file}; again: npm run fuzz -- --parser ${parser} --input ${printed}\n`;
}

function say(text: string, exitCode = 0): number {
  process.stdout.write(text);
  return exitCode;
}

process.exitCode = await main();
