import { type CommandHandler, UsageError } from './command.ts';
import { askHub, type ShownKey } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi keys list|rotate`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'list') {
    printData(io, invocation, await askHub(io, invocation, 'keys.list', {}), table);
    return 0;
  }
  const { overlap, algorithm, purpose } = invocation.values;
  if (overlap !== undefined && !/^\d{1,7}$/.test(overlap)) throw new UsageError('--overlap is a number of seconds');
  if (purpose === 'saml' && algorithm !== undefined) throw new UsageError('a SAML key has no choice of --algorithm');
  const overlapSeconds = overlap === undefined ? undefined : Number(overlap);
  const made = await askHub(io, invocation, 'keys.rotate', { purpose, overlapSeconds, algorithm });
  printData(io, invocation, made, table);
  return 0;
};

function table(keys: readonly ShownKey[]): string {
  return textTable(
    keys.map(({ kid, purpose, alg, created, signsFrom, publishedUntil }) => ({
      kid,
      purpose,
      alg,
      created,
      'signs from': signsFrom,
      'published until': publishedUntil ?? '-',
    })),
    ['kid', 'purpose', 'alg', 'created', 'signs from', 'published until'],
  );
}
