import { resolve } from 'node:path';
import type { ImportedList, ShownList } from '../authentication/list_administration.ts';
import type { CommandHandler } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi crl status|import`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'status') {
    const lists = await askHub(io, invocation, 'crl.status', {});
    printData(io, invocation, lists, table);
    return lists.length > 0 && lists.every(({ state }) => state === 'fresh') ? 0 : 1;
  }
  const [file = ''] = invocation.positionals;
  const path = resolve(io.workingFolder, file);
  printData(
    io,
    invocation,
    await askHub(io, invocation, 'crl.import', { path, anchor: invocation.values.anchor }),
    said,
  );
  return 0;
};

function table(lists: readonly ShownList[]): string {
  if (lists.length === 0) return 'There is no revocation list, and none is configured.\n';
  return textTable(
    lists.map(({ anchor, scope, number, entries, issued, ends, state, from, failure }) => ({
      root: anchor,
      scope: scope?.slice(0, 12) ?? '-',
      number: number ?? '-',
      entries: entries === undefined ? '-' : String(entries),
      issued: issued ?? '-',
      ends: ends ?? '-',
      state,
      from,
      'last failure': failure ?? '-',
    })),
    ['root', 'scope', 'number', 'entries', 'issued', 'ends', 'state', 'from', 'last failure'],
  );
}

function said({ anchor, number, entries, isNew, added, changed, removed }: ImportedList): string {
  if (!isNew) return `List ${number} of ${anchor} was in service already.\n`;
  const taken = `List ${number} of ${anchor} is in service: ${entries} entries`;
  if (added === undefined) return `${taken}, the first of its series.\n`;
  return `${taken}, ${added} new, ${changed} with another reason, ${removed} gone.\n`;
}
