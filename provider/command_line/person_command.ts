import type { ShownLock } from '../portal/account_locks.ts';
import type { ShownReport } from '../portal/misuse_reports.ts';
import type { CommandHandler } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi person locks|unlock|reports`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const [, action] = invocation.command;
  if (action === 'locks') {
    printData(io, invocation, await askHub(io, invocation, 'person.locks', {}), locksTable);
    return 0;
  }
  if (action === 'reports') {
    printData(io, invocation, await askHub(io, invocation, 'person.reports', {}), reportsText);
    return 0;
  }
  const [reference = ''] = invocation.positionals;
  await askHub(io, invocation, 'person.unlock', { reference });
  printData(io, invocation, { reference, unlocked: true }, () => `The account of ${reference} is unlocked.\n`);
  return 0;
};

function locksTable(locks: readonly ShownLock[]): string {
  if (locks.length === 0) return 'No account is locked.\n';
  return textTable(
    locks.map((lock) => ({ ...lock })),
    ['reference', 'locked'],
  );
}

/** What people write is theirs: no control character of it reaches the terminal. */
function reportsText(reports: readonly ShownReport[]): string {
  if (reports.length === 0) return 'Nobody has reported anything.\n';
  return reports
    .map(({ reference, reported, kind, client, text }) => {
      const head = [reference, reported, kind, client].filter((part) => part !== undefined).join('  ');
      return `${head}\n  ${text.replaceAll(/\s*\n\s*/g, '\n  ').replaceAll(/(?!\n)\p{Cc}/gu, '')}\n`;
    })
    .join('\n');
}
