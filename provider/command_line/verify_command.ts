import { resolve } from 'node:path';
import type { Explanation } from '../authentication/explain_verification.ts';
import { looksLikeSignedDocument, MAX_CERTIFICATE_FILE_SIZE, MAX_SIGNED_DOCUMENT_SIZE } from '../pki/index.ts';
import { type CommandHandler, type CommandLineIo, type Invocation, UsageError } from './command.ts';
import { askHub, type VerifyArguments } from './hub_commands.ts';
import { printData, readFileStart, textTable } from './input_output.ts';

/** One octet more than may be: enough for whoever reads it to see that it is too much. */
const MOST_OCTETS = Math.max(MAX_CERTIFICATE_FILE_SIZE, MAX_SIGNED_DOCUMENT_SIZE) + 1;

/**
 * `musubi verify`: what the hub would make of a certificate, a token or a signed document, step by step, whether it runs or
 * not.
 */
export const run: CommandHandler = async (io, invocation) => {
  const question = await read(io, invocation);
  const explanation = await askHub(io, invocation, 'verify', question);
  printData(io, invocation, explanation, toText);
  return explanation.accepted ? 0 : 1;
};

async function read(io: CommandLineIo, invocation: Invocation): Promise<VerifyArguments> {
  const { policy, origin, nonce } = invocation.values;
  const [name = ''] = invocation.positionals;
  const bytes = await readFileStart(resolve(io.workingFolder, name), MOST_OCTETS);
  const isDocument = /\.p7[ms]$/i.test(name) || looksLikeSignedDocument(bytes);
  const { profile = isDocument ? 'signing' : 'user' } = invocation.values;
  if (profile !== 'user' && profile !== 'signing') throw new UsageError('--profile is user or signing');
  if (isDocument) {
    if (profile !== 'signing') throw new UsageError('a document is signed by a signing certificate');
    return { document: bytes.toString('base64'), profile, policy };
  }
  const text = bytes.toString('utf8');
  const isToken = (origin ?? nonce) !== undefined || text.trimStart().startsWith('{');
  if (!isToken) {
    return { file: bytes.toString('base64'), profile, policy };
  }
  if (profile !== 'user') throw new UsageError('a token is signed by a user certificate');
  if (nonce === undefined) throw new UsageError('--nonce is missing, which a token needs');
  return { token: text, origin, nonce, profile, policy };
}

function toText({ presented, accepted, steps }: Explanation): string {
  const rows = steps.map(({ step, result, code, detail }) => ({
    step,
    result: result.replace('-', ' '),
    reason: [code, detail].filter((part) => part !== undefined).join(': '),
  }));
  const verdict = accepted ? ACCEPTED[presented] : 'It would be refused.';
  return `${textTable(rows, ['step', 'result', 'reason'])}${verdict}\n`;
}

const ACCEPTED: Readonly<Record<Explanation['presented'], string>> = {
  certificate: 'It would be accepted from whoever proves to hold its key.',
  token: 'It would be accepted, once, in answer to a challenge that the same browser was given.',
  document: 'It would be accepted as signed by the person of its certificate.',
};
