import { resolve } from 'node:path';
import { checkFile, type StatusFileOutcome, type StatusFileProgress } from '../status/status_file.ts';
import type { CommandHandler, CommandLineIo } from './command.ts';
import { withHub } from './hub_commands.ts';
import { printData } from './input_output.ts';

/** `musubi status-check`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const [input = '', output = ''] = invocation.positionals;
  const { client: clientId = '' } = invocation.values;
  const progress = progressLine(io);
  try {
    const outcome = await withHub(io, invocation, (ask) =>
      checkFile({
        input: resolve(io.workingFolder, input),
        output: resolve(io.workingFolder, output),
        clientId,
        ask: (subjects) => ask('status.check', { clientId, subjects }),
        onProgress: progress.show,
      }),
    );
    progress.clear();
    warnOfFormulas(io, outcome);
    printData(io, invocation, outcome, said);
    return 0;
  } finally {
    progress.clear();
  }
};

function said({ rows, resumed, counts }: StatusFileOutcome): string {
  const lines = Object.entries(counts).map(([status, count]) => `  ${status.padEnd(18)} ${count}\n`);
  const before = resumed > 0 ? `, ${resumed} of them by the run before` : '';
  return `${rows} rows answered${before}.\n${lines.join('')}`;
}

/** They are the operator's own data, and stay as they are: whoever opens the file should know. */
function warnOfFormulas(io: CommandLineIo, { formulas: { count, lines } }: StatusFileOutcome): void {
  if (count === 0) return;
  const which = `line ${lines.join(', ')}${count > lines.length ? ' and others' : ''}`;
  io.stderr.write(
    `musubi: a spreadsheet may take cells of the input for formulas, in ${count} rows (${which}): ` +
      'they begin with =, +, -, @ or a tab, and were copied as they are\n',
  );
}

/** One line that is written over and over, on a terminal only. */
function progressLine({ stderr }: CommandLineIo): { show(progress: StatusFileProgress): void; clear(): void } {
  let isShown = false;
  const write = (text: string) => {
    if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
  };
  return {
    show({ rows, done, total }) {
      isShown = true;
      write(`${rows} rows, ${total === 0 ? 100 : Math.floor((done / total) * 100)} %`);
    },
    clear() {
      if (isShown) write('');
      isShown = false;
    },
  };
}
