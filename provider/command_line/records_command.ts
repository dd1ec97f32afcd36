import { resolve } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { type VerifiedHistory, type VerifiedReceipt, verifyHistory, verifyReceipt } from '../consent/verify_records.ts';
import { HubError } from '../errors.ts';
import type { CommandHandler, CommandLineIo } from './command.ts';
import { printData, readFileStart } from './input_output.ts';

/** Octets: a history of some hundred thousand disclosures. */
const MOST_OCTETS = 64 * 1024 * 1024;

const keysSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(10_000) });
const headsSchema = z.object({ heads: z.array(z.string()).max(10_000) });

/** `musubi receipt verify` and `musubi history verify`: with files alone, on any machine. */
export const run: CommandHandler = async (io, invocation) => {
  const [file = ''] = invocation.positionals;
  const keys = readAs(keysSchema, await readText(io, invocation.values.keys ?? '')) as unknown as JSONWebKeySet;
  const text = await readText(io, file);
  if (invocation.command[0] === 'receipt') {
    printData(io, invocation, await verifyReceipt(text, keys), receiptText);
    return 0;
  }
  const { heads } = invocation.values;
  const statements = heads === undefined ? undefined : readAs(headsSchema, await readText(io, heads)).heads;
  printData(io, invocation, await verifyHistory(readAs(z.unknown(), text), keys, statements), historyText);
  return 0;
};

async function readText(io: CommandLineIo, file: string): Promise<string> {
  const start = await readFileStart(resolve(io.workingFolder, file), MOST_OCTETS + 1);
  if (start.length > MOST_OCTETS) throw new HubError('input_too_large', 413, 'The file is larger than 64 MB.');
  return start.toString('utf8');
}

function readAs<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HubError('input_invalid', 400, 'The file is not JSON of the form that it should have.', { cause });
  }
}

function receiptText({ issuer, kid, issuedAt, receipt }: VerifiedReceipt): string {
  return `Signed by ${issuer} at ${issuedAt} with the key ${kid}.\n${JSON.stringify(receipt, null, 2)}\n`;
}

function historyText({ disclosures, unconfirmed, published }: VerifiedHistory): string {
  const covered = published
    ? `Publication ${published.number} of ${published.at} covers the first ${published.disclosures}.`
    : 'No publication covers any of them yet.';
  return `Complete and unchanged: ${disclosures} disclosures, ${unconfirmed} without confirmed delivery.\n${covered}\n`;
}
