import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Explanation } from '../authentication/explain_verification.ts';
import { MAX_CERTIFICATE_FILE_SIZE } from '../pki/index.ts';
import { type CommandHandler, type CommandLineIo, type Invocation, UsageError } from './command.ts';
import { askHub, type VerifyArguments } from './hub_commands.ts';
import { printData, textTable } from './input_output.ts';

/** `musubi verify`: what a sign-in would make of a certificate or token, step by step, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const question = await read(io, invocation);
  const explanation = await askHub(io, invocation, 'verify', question);
  printData(io, invocation, explanation, toText);
  return explanation.accepted ? 0 : 1;
};

async function read(io: CommandLineIo, invocation: Invocation): Promise<VerifyArguments> {
  const { profile = 'user', policy, origin, nonce } = invocation.values;
  if (profile !== 'user' && profile !== 'signing') throw new UsageError('--profile is user or signing');
  const bytes = await readStart(resolve(io.workingFolder, invocation.positionals[0] ?? ''));
  const text = bytes.toString('utf8');
  const isToken = (origin ?? nonce) !== undefined || text.trimStart().startsWith('{');
  if (!isToken) {
    return { file: bytes.toString('base64'), profile, policy };
  }
  if (profile !== 'user') throw new UsageError('a token is signed by a user certificate');
  if (nonce === undefined) throw new UsageError('--nonce is missing, which a token needs');
  return { token: text, origin, nonce, profile, policy };
}

/** One octet more than may be: enough for whoever reads it to see that it is too much. */
async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(MAX_CERTIFICATE_FILE_SIZE + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

function toText({ presented, accepted, steps }: Explanation): string {
  const rows = steps.map(({ step, result, code, detail }) => ({
    step,
    result: result.replace('-', ' '),
    reason: [code, detail].filter((part) => part !== undefined).join(': '),
  }));
  const verdict = !accepted
    ? 'It would be refused.'
    : presented === 'token'
      ? 'It would be accepted, once, in answer to a challenge that the same browser was given.'
      : 'It would be accepted from whoever proves to hold its key.';
  return `${textTable(rows, ['step', 'result', 'reason'])}${verdict}\n`;
}
