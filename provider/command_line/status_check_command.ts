import { resolve } from 'node:path';
import type { DailyQuestions } from '../status/question_store.ts';
import { checkFile, type StatusFileOutcome, type StatusFileProgress } from '../status/status_file.ts';
import { type CommandHandler, type CommandLineIo, UsageError } from './command.ts';
import { askHub, withHub } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi status-check` and `musubi status-check usage`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'usage') {
    const days = readDays(invocation.values.days);
    printData(io, invocation, await askHub(io, invocation, 'status.usage', { days }), usageTable);
    return 0;
  }
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

function readDays(text = '31'): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1) throw new UsageError('--days takes a whole number from 1 on');
  return days;
}

function usageTable(usage: readonly DailyQuestions[]): string {
  if (usage.length === 0) return 'The authority was asked nothing.\n';
  return textTable(
    usage.map(({ day, clientId, ocspAsked, ocspRemembered, linkageAsked, attributesAsked }) => ({
      day,
      client: clientId === '' ? '(nobody’s)' : clientId,
      'ocsp asked': String(ocspAsked),
      'ocsp remembered': String(ocspRemembered),
      'linkage asked': String(linkageAsked),
      'attributes asked': String(attributesAsked),
    })),
    ['day', 'client', 'ocsp asked', 'ocsp remembered', 'linkage asked', 'attributes asked'],
  );
}

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
