import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HubError } from '../../../provider/errors.ts';
import { type Authority, AuthorityInUseError, type AuthorityOptions, openAuthority, runtimeFile } from './authority.ts';
import { type CitizenCommand, runCitizenCommand } from './citizen_command_schemas.ts';
import type { CitizenSummary, IssueInput, MoveInput, RevokeInput } from './citizen_operations.ts';
import type { RuntimeFile } from './start_authority.ts';

/** Milliseconds between two attempts to reach an authority that is just starting or another command that is at work. */
const RETRY_EVERY = 50;
/** Milliseconds; a first start takes a few seconds. */
const GIVE_UP_AFTER = 15_000;
const ANSWER_WITHIN = 30_000;

/** Carries commands to the authority, whether it runs or not. */
export interface AuthorityClient {
  /** @throws HubError what the authority refuses, with its code and status; `authority_busy` (503) */
  run(command: CitizenCommand, input: object): Promise<unknown>;
}

/**
 * A client for the authority in a data folder: it opens the state itself when none runs, and asks the running one over
 * the loopback otherwise. The lock on the folder decides which, at each command: a `runtime.json` that a killed
 * authority left behind misleads nobody.
 */
export function authorityClient(options: AuthorityOptions): AuthorityClient {
  return {
    async run(command, input) {
      for (let waited = 0; waited < GIVE_UP_AFTER; waited += RETRY_EVERY) {
        const authority = await openUnlessInUse(options);
        if (authority) {
          try {
            return await runCitizenCommand(authority.citizens, command, input);
          } finally {
            await authority.close();
          }
        }
        const runtime = await readRuntime(options.dataFolder);
        const answer = runtime && (await askRunning(runtime, command, input));
        if (answer) return resultOf(answer);
        await delay(RETRY_EVERY);
      }
      throw new HubError('authority_busy', 503, 'The sandbox authority is held by another process.', { retryAfter: 5 });
    },
  };
}

/** Every citizen with the condition of the latest certificates. No serial number and no attribute. */
export const list = async (client: AuthorityClient): Promise<CitizenSummary[]> =>
  (await client.run('list', {})) as CitizenSummary[]; // the authority's own answer, on either way

/**
 * Registers a citizen and issues a card, `<data>/cards/NAME.card.json`.
 * @throws HubError `citizen_exists` (409), `invalid_request` (400)
 */
export const issue = async (client: AuthorityClient, input: IssueInput): Promise<CitizenSummary> =>
  (await client.run('issue', input)) as CitizenSummary;

/** @throws HubError `citizen_unknown` (404), `certificate_revoked` (409), `certificate_none` (409) */
export const revoke = async (client: AuthorityClient, input: RevokeInput): Promise<CitizenSummary> =>
  (await client.run('revoke', input)) as CitizenSummary;

/** A new card in place of the old one. @throws HubError `citizen_unknown` (404), `citizen_ended` (409) */
export const renew = async (client: AuthorityClient, input: { name: string }): Promise<CitizenSummary> =>
  (await client.run('renew', input)) as CitizenSummary;

/**
 * Certificates on a phone, `<data>/cards/NAME-phone.card.json`.
 * @throws HubError `citizen_unknown` (404), `certificate_none` (409), `card_not_good` (409), `citizen_exists` (409)
 */
export const addPhone = async (client: AuthorityClient, input: { name: string }): Promise<CitizenSummary> =>
  (await client.run('add-phone', input)) as CitizenSummary;

/** A change of address. @throws HubError `citizen_unknown` (404), `citizen_ended` (409) */
export const move = async (client: AuthorityClient, input: MoveInput): Promise<CitizenSummary> =>
  (await client.run('move', input)) as CitizenSummary;

async function openUnlessInUse(options: AuthorityOptions): Promise<Authority | undefined> {
  try {
    return await openAuthority(options);
  } catch (error) {
    if (error instanceof AuthorityInUseError) return undefined;
    throw error;
  }
}

async function readRuntime(dataFolder: string): Promise<RuntimeFile | undefined> {
  try {
    const runtime: RuntimeFile = JSON.parse(await readFile(runtimeFile(dataFolder), 'utf8'));
    return isAlive(runtime.pid) ? runtime : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Undefined when nobody answers there: the file is stale, or the authority is about to stop. */
async function askRunning(
  { address, adminToken }: RuntimeFile,
  command: CitizenCommand,
  input: object,
): Promise<Response | undefined> {
  try {
    return await fetch(`${address}/admin/${command}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return undefined;
    throw new HubError('authority_unreachable', 503, 'The sandbox authority did not answer.', { cause: error });
  }
}

async function resultOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json();
  if (response.ok) return body;
  const { error, message } = Object(body);
  throw new HubError(String(error), response.status, String(message));
}
