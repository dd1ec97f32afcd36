import { inspect } from 'node:util';

/** One finished test, or one suite or file that failed as a whole, as a line of JSON for test/run.ts. */
export interface TestOutcome {
  /** Titles from the outermost suite to the test itself. */
  readonly title: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The error as a person reads it; present when it failed. */
  readonly error?: string;
}

/**
 * The last line of a file that came to its end. Without it, tests that never ran would go unnoticed, for example
 * because something called `process.exit(0)`.
 */
export interface FileEnd {
  /** What the test runner noticed outside any test, such as an error thrown after the last one ended. */
  readonly diagnostics: readonly string[];
}

interface ReportedEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly message?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly error?: { readonly failureType?: string; readonly cause?: unknown };
    };
  };
}

/** The runner's own totals, which arrive as diagnostics too. */
const COUNT = /^[a-z_]+ [\d.]+$/;

/** The reporter that test/run.ts hands to every `node` it starts: one JSON line an outcome, then the end. */
export default async function* reportEvents(events: AsyncIterable<ReportedEvent>): AsyncGenerator<string> {
  const titles: string[] = [];
  const diagnostics: string[] = [];
  process.once('SIGTERM', () => tellWhatIsAwaited(titles));
  for await (const { type, data } of events) {
    const nesting = data.nesting ?? 0;
    if (type === 'test:start') titles.splice(nesting, titles.length, data.name ?? '');
    if (type === 'test:diagnostic' && data.message && !COUNT.test(data.message)) diagnostics.push(data.message);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const outcome = judge(type, data);
    if (!outcome) continue;
    const title = [...titles.slice(0, nesting), data.name ?? ''];
    const cause = data.details?.error?.cause ?? data.details?.error;
    const error = outcome === 'failed' ? { error: describeError(cause) } : {};
    yield `${JSON.stringify({ title, outcome, ...error } satisfies TestOutcome)}\n`;
  }
  yield `${JSON.stringify({ diagnostics } satisfies FileEnd)}\n`;
}

/** test/run.ts ends whoever takes too long; the reason is to be found out from what it has printed. */
function tellWhatIsAwaited(titles: readonly string[]): void {
  const open = process.getActiveResourcesInfo();
  const counts = [...new Set(open)].map((kind) => `${kind} × ${open.filter((each) => each === kind).length}`);
  const place = titles.length > 0 ? `in or after “${titles.join(' › ')}”` : 'before its first test';
  process.stderr.write(`ended ${place}; open: ${counts.join(', ')}\n`);
  process.exit(1);
}

function judge(type: string, data: ReportedEvent['data']): TestOutcome['outcome'] | undefined {
  const unfinished = Boolean(data.skip) || Boolean(data.todo) || data.skip === '' || data.todo === '';
  if (unfinished) return 'skipped';
  if (type === 'test:fail') {
    // A suite that failed only because a test inside it failed has been counted by that test.
    return data.details?.error?.failureType === 'subtestsFailed' ? undefined : 'failed';
  }
  return data.details?.type === 'suite' ? undefined : 'passed';
}

function describeError(error: unknown): string {
  if (typeof error === 'string') return error;
  return inspect(error, { depth: 4, breakLength: 120 });
}
