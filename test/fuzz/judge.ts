import { HubError } from '../../provider/errors.ts';
import { PkiError } from '../../provider/pki/index.ts';
import type { Parser } from './parser.ts';

/** No input may take longer (ms of this thread's processor time, so that a busy machine makes no difference). */
export const MAX_MS = 250;

export interface Judgement {
  readonly outcome: 'accepted' | 'refused';
  /** The code of a refusal. */
  readonly code?: string;
  readonly ms: number;
  /** What was promised and is not so. */
  readonly fault?: string;
}

type Attempt = Judgement & { readonly meaning?: string };

/** Lets the parser read one input and holds what comes of it against its promises. */
export function judge(parser: Parser, input: Uint8Array, soundMeanings: ReadonlySet<string>): Judgement {
  const before = Buffer.from(input);
  const first = attempt(parser, input);
  if (first.fault !== undefined) return first;
  if (!before.equals(input)) return { ...first, fault: 'the input was written to' };
  if (first.ms > MAX_MS) return { ...first, fault: `took ${first.ms.toFixed(0)} ms, and may take ${MAX_MS}` };
  return { ...first, ...faultOfMeaning(parser, before, first, soundMeanings) };
}

/** What the samples of a parser mean. Throws when one of them is not accepted: nothing was tested then. */
export function meaningsOfSamples(parser: Parser): Set<string> {
  return new Set(parser.samples.map((sample) => parser.read(sample)));
}

function faultOfMeaning(
  parser: Parser,
  input: Uint8Array,
  { meaning }: Attempt,
  soundMeanings: ReadonlySet<string>,
): { fault?: string } {
  if (meaning === undefined) return {};
  if (attempt(parser, input).meaning !== meaning) return { fault: 'read a second time it means something else' };
  if (parser.tamperProof && !soundMeanings.has(meaning)) return { fault: `was changed and accepted: ${meaning}` };
  return {};
}

function attempt(parser: Parser, input: Uint8Array): Attempt {
  const started = process.threadCpuUsage();
  const elapsed = () => {
    const { user, system } = process.threadCpuUsage(started);
    return (user + system) / 1000;
  };
  try {
    const meaning = parser.read(input);
    return { outcome: 'accepted', meaning, ms: elapsed() };
  } catch (error) {
    const ms = elapsed();
    const code = error instanceof PkiError || error instanceof HubError ? error.code : undefined;
    if (code !== undefined && parser.refusals.test(code)) return { outcome: 'refused', code, ms };
    return { outcome: 'refused', ms, fault: `threw ${code ?? ''} ${error instanceof Error ? error.stack : error}` };
  }
}
