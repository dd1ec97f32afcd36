import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  type CommandHandler,
  type CommandLineIo,
  type Invocation,
  UsageError,
} from '../../provider/command_line/command.ts';
import { sandboxDataFolder } from '../../provider/command_line/data_folder.ts';
import { printData, readFileStart, readInput, textTable } from '../../provider/command_line/input_output.ts';
import { systemClock } from '../../provider/world.ts';
import { listCards, signDocumentWithCard, signWithCard } from './card_commands.ts';
import { MAX_DOCUMENT_CONTENT } from './cms_document.ts';

/** `musubi card list`, `musubi card sign` and `musubi card sign-document`. */
export const run: CommandHandler = (io, invocation) => {
  const action = invocation.command[1];
  if (action === 'list') return list(io, invocation);
  return action === 'sign' ? sign(io, invocation) : signDocument(io, invocation);
};

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

/** The document goes to a file, since it is not text. */
async function signDocument(io: CommandLineIo, invocation: Invocation): Promise<number> {
  const { card = '', out } = invocation.values; // required by the table of commands
  const [file = ''] = invocation.positionals;
  const content = await readFileStart(resolve(io.workingFolder, file), MAX_DOCUMENT_CONTENT + 1);
  const password = await readSecret(io, invocation.values.password ?? io.environment.MUSUBI_CARD_PASSWORD);
  if (password === undefined) {
    throw new UsageError(
      'the signing password is missing: --password PASSWORD, --password - for standard input, or MUSUBI_CARD_PASSWORD',
    );
  }
  const document = await signDocumentWithCard({
    ...{ cardsFolder: cardsFolder(io, invocation), name: card, password, content, now: systemClock() },
  });
  const target = resolve(io.workingFolder, out ?? `${basename(file)}.p7s`);
  await writeFile(target, document);
  printData(io, invocation, { file: target }, () => `${target}\n`);
  return 0;
}

async function readPin(io: CommandLineIo, invocation: Invocation): Promise<string> {
  const pin = await readSecret(io, invocation.values.pin ?? io.environment.MUSUBI_CARD_PIN);
  if (pin !== undefined) return pin;
  throw new UsageError('the PIN is missing: --pin PIN, --pin - for standard input, or MUSUBI_CARD_PIN');
}

/** What was typed, or the first line of standard input in place of `-`. */
async function readSecret(io: CommandLineIo, typed: string | undefined): Promise<string | undefined> {
  return typed === '-' ? ((await readInput(io)).split(/\r?\n/)[0] ?? '') : typed;
}

function cardsFolder(io: CommandLineIo, invocation: Invocation): string {
  const { cards } = invocation.values;
  return cards === undefined ? join(sandboxDataFolder(io, invocation), 'cards') : resolve(io.workingFolder, cards);
}
