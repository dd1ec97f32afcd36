export interface Verdict {
  readonly verdict: 'valid' | 'invalid';
  /** The code that it was refused with. */
  readonly reason?: string;
}

/** One row of somebody's test suite after it was judged. */
export interface Judged extends Verdict {
  readonly id: string;
  readonly group: string;
  readonly expected: 'valid' | 'invalid';
  /** How long the judgement took (ms). */
  readonly ms: number;
}

export interface Outcome {
  readonly falseAccepts: readonly Judged[];
  readonly falseRefusals: readonly Judged[];
}

/** What was accepted and must not be, and what was refused and is good. */
export function compare(judged: readonly Judged[]): Outcome {
  return {
    falseAccepts: judged.filter(({ expected, verdict }) => expected === 'invalid' && verdict === 'valid'),
    falseRefusals: judged.filter(({ expected, verdict }) => expected === 'valid' && verdict === 'invalid'),
  };
}

/** Prints a line for each group, what went wrong by name, and the totals. */
export function printTable(judged: readonly Judged[]): Outcome {
  const width = Math.max(...judged.map(({ group }) => group.length), 5);
  const line = (...cells: (string | number)[]) =>
    process.stdout.write(
      `${cells.map((cell, index) => (index === 0 ? String(cell).padEnd(width) : String(cell).padStart(15))).join(' ')}\n`,
    );
  line('group', 'rows', 'false accepts', 'false refusals', 'slowest ms');
  for (const group of new Set(judged.map((each) => each.group))) {
    const rows = judged.filter((each) => each.group === group);
    const { falseAccepts, falseRefusals } = compare(rows);
    const slowest = Math.max(...rows.map(({ ms }) => ms));
    line(group, rows.length, falseAccepts.length, falseRefusals.length, slowest.toFixed(1));
  }
  const outcome = compare(judged);
  for (const { id } of outcome.falseAccepts) process.stdout.write(`false accept   ${id}\n`);
  for (const { id, reason } of outcome.falseRefusals) process.stdout.write(`false refusal  ${id}  ${reason}\n`);
  const { falseAccepts, falseRefusals } = outcome;
  process.stdout.write(
    `rows ${judged.length}, false accepts ${falseAccepts.length}, false refusals ${falseRefusals.length}\n`,
  );
  return outcome;
}
