import type { ShownLetter, ShownStream } from '../events/event_administration.ts';
import type { CommandHandler } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi events list|dead|retry`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  switch (invocation.command[1]) {
    case 'list':
      printData(io, invocation, await askHub(io, invocation, 'events.list', {}), streamTable);
      break;
    case 'dead': {
      const letters = await askHub(io, invocation, 'events.dead', {});
      printData(io, invocation, letters, letterTable);
      return letters.length === 0 ? 0 : 1;
    }
    default: {
      const [stream] = invocation.positionals;
      const count = await askHub(io, invocation, 'events.retry', stream === undefined ? {} : { stream });
      printData(io, invocation, { count }, () => `${count} events wait to be sent once more.\n`);
    }
  }
  return 0;
};

function streamTable(streams: readonly ShownStream[]): string {
  if (streams.length === 0) return 'No relying party has a stream of events.\n';
  return textTable(
    streams.map(({ stream, client, method, status, reason, waiting, dead, oldest }) => ({
      ...{ stream, client, method },
      status: reason === undefined ? status : `${status} (${reason})`,
      waiting: String(waiting),
      dead: String(dead),
      oldest: oldest ?? '-',
    })),
    ['stream', 'client', 'method', 'waiting', 'dead', 'oldest', 'status'],
  );
}

function letterTable(letters: readonly ShownLetter[]): string {
  if (letters.length === 0) return 'No event was given up.\n';
  return textTable(
    letters.map(({ attempts, givenUp, ...rest }) => ({ ...rest, 'given up': givenUp, attempts: String(attempts) })),
    ['stream', 'client', 'happened', 'given up', 'attempts', 'reason'],
  );
}
