import { join, resolve } from 'node:path';
import {
  type CommandHandler,
  type CommandLineIo,
  type Invocation,
  UsageError,
} from '../../provider/command_line/command.ts';
import { sandboxDataFolder } from '../../provider/command_line/data_folder.ts';
import { printData, readInput, textTable } from '../../provider/command_line/input_output.ts';
import { listCards, signWithCard } from './card_commands.ts';

/** `musubi card list` and `musubi card sign`. */
export const run: CommandHandler = (io, invocation) =>
  invocation.command[1] === 'list' ? list(io, invocation) : sign(io, invocation);

async function list(io: CommandLineIo, invocation: Invocation): Promise<number> {
  const tries = (pin: { triesLeft: number; maxTries: number } | null) =>
    pin ? `${pin.triesLeft}/${pin.maxTries}` : '-';
  printData(io, invocation, await listCards(cardsFolder(io, invocation)), (cards) =>
    textTable(
      cards.map(({ name, label, status }) => ({
        name,
        'user pin': tries(status.user),
        'signing pin': tries(status.signing),
        label: `${label.ja} / ${label.en}`,
      })),
      ['name', 'user pin', 'signing pin', 'label'],
    ),
  );
  return 0;
}

/** The token is JSON with or without `--json`: it is for programs either way. */
async function sign(io: CommandLineIo, invocation: Invocation): Promise<number> {
  const { card = '', origin = '', nonce = '' } = invocation.values; // required by the table of commands
  const pin = await readPin(io, invocation);
  const token = await signWithCard({ cardsFolder: cardsFolder(io, invocation), name: card, pin, origin, nonce });
  io.stdout.write(`${JSON.stringify(token)}\n`);
  return 0;
}

async function readPin(io: CommandLineIo, invocation: Invocation): Promise<string> {
  const typed = invocation.values.pin ?? io.environment.MUSUBI_CARD_PIN;
  if (typed === undefined) {
    throw new UsageError('the PIN is missing: --pin PIN, --pin - for standard input, or MUSUBI_CARD_PIN');
  }
  return typed === '-' ? ((await readInput(io)).split(/\r?\n/)[0] ?? '') : typed;
}

function cardsFolder(io: CommandLineIo, invocation: Invocation): string {
  const { cards } = invocation.values;
  return cards === undefined ? join(sandboxDataFolder(io, invocation), 'cards') : resolve(io.workingFolder, cards);
}
