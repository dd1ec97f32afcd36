import type { ShownLink } from '../identity/link_administration.ts';
import type { CommandHandler } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi linkage list|undo`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'list') {
    printData(io, invocation, await askHub(io, invocation, 'linkage.list', {}), table);
    return 0;
  }
  const [certificate = ''] = invocation.positionals;
  await askHub(io, invocation, 'linkage.undo', { certificate });
  printData(io, invocation, { certificate, undone: true }, () => `The link of ${certificate} is undone.\n`);
  return 0;
};

function table(links: readonly ShownLink[]): string {
  if (links.length === 0) return 'No certificate has been linked to a person who was known.\n';
  return textTable(
    links.map((link) => ({ ...link })),
    ['certificate', 'method', 'by', 'linked', 'status'],
  );
}
