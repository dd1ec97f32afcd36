import { type CommandHandler, UsageError } from './command.ts';
import { askHub, type ShownKey } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** Seconds: what relying parties' caches of the key set need before a new key signs. */
const DEFAULT_OVERLAP = 3600;

/** `musubi keys list|rotate`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'list') {
    printData(io, invocation, await askHub(io, invocation, 'keys.list', {}), table);
    return 0;
  }
  const { overlap, algorithm } = invocation.values;
  if (overlap !== undefined && !/^\d{1,6}$/.test(overlap)) throw new UsageError('--overlap is a number of seconds');
  const overlapSeconds = overlap === undefined ? DEFAULT_OVERLAP : Number(overlap);
  const made = await askHub(io, invocation, 'keys.rotate', { overlapSeconds, algorithm });
  printData(io, invocation, made, table);
  return 0;
};

function table(keys: readonly ShownKey[]): string {
  return textTable(
    keys.map(({ kid, alg, created, signsFrom, publishedUntil }) => ({
      kid,
      alg,
      created,
      'signs from': signsFrom,
      'published until': publishedUntil ?? '-',
    })),
    ['kid', 'alg', 'created', 'signs from', 'published until'],
  );
}
