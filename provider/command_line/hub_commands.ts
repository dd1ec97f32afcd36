import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { isMarkedAsSandbox } from '../../config/sandbox_marker.ts';
import type { Configuration } from '../../config/schema.ts';
import type { Explanation, Presented } from '../authentication/explain_verification.ts';
import type { ImportedList, ShownList } from '../authentication/list_administration.ts';
import { HubError } from '../errors.ts';
import type { ShownLetter, ShownStream } from '../events/event_administration.ts';
import { type Administration, openAdministration } from '../hub.ts';
import type { ShownLink } from '../identity/link_administration.ts';
import type { ClientMetadata } from '../oidc/clients.ts';
import type { SigningKey } from '../oidc/oidc_stores.ts';
import { SAML_METADATA_VALIDITY, type SigningKeys } from '../oidc/signing_keys.ts';
import { createLogger } from '../operations/logger.ts';
import type { ShownLock } from '../portal/account_locks.ts';
import type { ShownReport } from '../portal/misuse_reports.ts';
import type { DailyQuestions } from '../status/question_store.ts';
import type { StatusReport } from '../status/status_check.ts';
import { BATCH, MAX_IDENTIFIER } from '../status/status_file.ts';
import { type AttributeProviderResults, attributeProviderHandlers } from './attribute_provider_handlers.ts';
import { checked } from './checked.ts';
import type { CommandLineIo, Invocation } from './command.ts';
import { type ControlHandlers, callControlSocket } from './control_socket.ts';
import { controlSocketPath } from './control_socket_path.ts';
import { loadCommandConfiguration } from './load_command_configuration.ts';
import { type SamlResults, samlHandlers } from './saml_handlers.ts';

/** A signing key as commands show it: never its private half. */
export interface ShownKey {
  kid: string;
  /** `oidc` for tokens, `saml` for SAML messages. */
  purpose: string;
  alg: string;
  created: string;
  signsFrom: string;
  publishedUntil: string | undefined;
}

const clientIdSchema = z.object({ clientId: z.string() });
const metadataSchema = z.record(z.string(), z.unknown());
/** Seconds: what caches of the key set need before a new key of tokens signs. */
const TOKEN_OVERLAP = 3600;
/** Seconds. */
const MAX_OVERLAP = 90 * 86_400;
const rotationSchema = z.object({
  purpose: z.enum(['oidc', 'saml']).default('oidc'),
  overlapSeconds: z.int().min(0).max(MAX_OVERLAP).optional(),
  algorithm: z.enum(['ES256', 'RS256', 'PS256']).optional(),
});
const statusSchema = z.object({
  clientId: z.string(),
  subjects: z.array(z.string().max(MAX_IDENTIFIER)).max(BATCH),
});
const retrySchema = z.object({ stream: z.string().optional() });
const usageSchema = z.object({ days: z.int().min(1).max(3660) });
const undoSchema = z.object({ certificate: z.string() });
const lockSchema = z.object({ reference: z.string().max(64) });
const importSchema = z.object({ path: z.string(), anchor: z.string().optional() });
/** A file of certificates or a signed document in base64, or a token with what it answers. */
const verifySchema = z.union([
  z.strictObject({
    file: z.string(),
    profile: z.enum(['user', 'signing']),
    policy: z.string().optional(),
  }),
  z.strictObject({
    document: z.string(),
    profile: z.literal('signing'),
    policy: z.string().optional(),
  }),
  z.strictObject({
    token: z.string(),
    origin: z.string().optional(),
    nonce: z.string(),
    profile: z.literal('user'),
    policy: z.string().optional(),
  }),
]);
export type VerifyArguments = z.infer<typeof verifySchema>;

/**
 * What commands can ask of a hub, by name. The same functions serve a hub that runs (through its control socket) and one
 * that is opened for a single command.
 */
export function administrationHandlers(administration: Administration): ControlHandlers {
  const { clients, keys } = administration;
  return {
    'client.add': (args) => clients.add(checked(metadataSchema, args)),
    'client.list': () => clients.list(),
    'client.show': (args) => clients.show(checked(clientIdSchema, args).clientId),
    'client.remove': (args) => clients.remove(checked(clientIdSchema, args).clientId),
    'keys.list': async () => (await keys.list()).map(shownKey),
    'keys.rotate': async (args) => {
      const rotation = checked(rotationSchema, args);
      const made = await rotate(keys, rotation);
      await administration.refreshKeys();
      return made.map(shownKey);
    },
    'linkage.list': () => administration.links.list(),
    'linkage.undo': (args) => administration.links.undo(checked(undoSchema, args).certificate),
    'person.locks': () => administration.locks.list(),
    'person.unlock': (args) => administration.locks.unlock(checked(lockSchema, args).reference),
    'person.reports': () => administration.reports.list(),
    'crl.status': () => administration.lists.status(),
    'crl.import': (args) => {
      const { path, anchor } = checked(importSchema, args);
      return administration.lists.import(path, anchor);
    },
    'events.list': () => administration.events.streams(),
    'events.dead': () => administration.events.deadLetters(),
    'events.retry': (args) => administration.events.retry(checked(retrySchema, args).stream),
    ...samlHandlers(administration.serviceProviders),
    ...attributeProviderHandlers(administration.attributeProviders),
    'status.usage': (args) => administration.questionUsage(checked(usageSchema, args).days),
    'status.check': (args) => {
      const { clientId, subjects } = checked(statusSchema, args);
      return administration.checkStatus(clientId, subjects);
    },
    verify: (args) => {
      const question = checked(verifySchema, args);
      return administration.explain(presentedBy(question), question.profile, question.policy);
    },
  };
}

function rotate(keys: SigningKeys, { purpose, overlapSeconds, algorithm }: z.output<typeof rotationSchema>) {
  if (purpose === 'saml') {
    return keys.rotateSaml(overlapSeconds === undefined ? SAML_METADATA_VALIDITY : overlapSeconds * 1000);
  }
  return keys.rotate((overlapSeconds ?? TOKEN_OVERLAP) * 1000, algorithm ? [algorithm] : undefined);
}

function presentedBy(question: VerifyArguments): Presented {
  if ('token' in question) return question;
  if ('document' in question) return { document: Buffer.from(question.document, 'base64') };
  return { file: Buffer.from(question.file, 'base64') };
}

/** Results of the handlers, as they arrive through the socket too. */
export interface AdministrationResults extends SamlResults, AttributeProviderResults {
  'client.add': ClientMetadata;
  'client.list': readonly ClientMetadata[];
  'client.show': ClientMetadata;
  'client.remove': undefined;
  'keys.list': readonly ShownKey[];
  'keys.rotate': readonly ShownKey[];
  'linkage.list': readonly ShownLink[];
  'linkage.undo': undefined;
  'person.locks': readonly ShownLock[];
  'person.unlock': undefined;
  'person.reports': readonly ShownReport[];
  'crl.status': readonly ShownList[];
  'crl.import': ImportedList;
  'events.list': readonly ShownStream[];
  'events.dead': readonly ShownLetter[];
  'events.retry': number;
  'status.usage': readonly DailyQuestions[];
  'status.check': StatusReport;
  verify: Explanation;
}

/** One question to the hub. */
export type AskHub = <Name extends keyof AdministrationResults>(
  name: Name,
  args: unknown,
) => Promise<AdministrationResults[Name]>;

/**
 * Asks the hub that runs with this data folder; when none does, opens its database for this one command. The embedded
 * database serves one process, so the running hub must be the one to answer.
 */
export function askHub<Name extends keyof AdministrationResults>(
  io: CommandLineIo,
  invocation: Invocation,
  name: Name,
  args: unknown,
): Promise<AdministrationResults[Name]> {
  return withHub(io, invocation, (ask) => ask(name, args));
}

/** The same for many questions: the database is opened once. A hub that ends in between is missed, not replaced. */
export async function withHub<T>(
  io: CommandLineIo,
  invocation: Invocation,
  work: (ask: AskHub) => Promise<T>,
): Promise<T> {
  const folder = dataFolderOf(io, invocation);
  const path = controlSocketPath(folder);
  let opened: Awaited<ReturnType<typeof openAdministration>> | undefined;
  let hasAnswered = false;

  const ask = async (name: keyof AdministrationResults, args: unknown): Promise<unknown> => {
    const answer = opened === undefined ? await callControlSocket(path, name, args) : undefined;
    if (answer) {
      hasAnswered = true;
      return answer.result;
    }
    if (hasAnswered) throw new HubError('hub_unreachable', 503, 'The running hub has ended.');
    opening ??= open();
    opened = await opening;
    return administrationHandlers(opened)[name]?.(args);
  };
  let opening: ReturnType<typeof open> | undefined;
  const open = () => {
    const config = configurationOf(io, invocation, folder);
    const log = createLogger({ level: 'error', format: 'text' }, { write: (line) => void io.stderr.write(line) });
    return openAdministration(config, { log });
  };
  try {
    // The handlers above and the results type are one table; JSON between them changes nothing in these shapes.
    return await work(ask as AskHub);
  } finally {
    await opened?.close();
  }
}

/** `--data`, else the configuration's, else `./data`, where the sandbox keeps itself. */
function dataFolderOf(io: CommandLineIo, invocation: Invocation): string {
  const { data, config } = invocation.values;
  if (data !== undefined) return resolve(io.workingFolder, data);
  if (config !== undefined || io.environment.MUSUBI_CONFIG !== undefined) {
    return loadCommandConfiguration(io, invocation).dataFolder;
  }
  return resolve(io.workingFolder, io.environment.MUSUBI_DATA_FOLDER ?? 'data');
}

/** A sandbox that does not run has no configuration file: its settings are saved beside its data. */
function configurationOf(io: CommandLineIo, invocation: Invocation, dataFolder: string): Configuration {
  const saved = resolve(dataFolder, 'sandbox', 'hub.json');
  const isStopped = invocation.values.config === undefined && isMarkedAsSandbox(dataFolder) && existsSync(saved);
  if (!isStopped) return loadCommandConfiguration(io, invocation, { dataFolder });
  return loadCommandConfiguration(io, { ...invocation, values: { ...invocation.values, config: saved } });
}

function shownKey({ kid, purpose, alg, createdAt, activeFrom, retiredFrom }: SigningKey): ShownKey {
  const time = (at: number) => new Date(at).toISOString();
  return {
    kid,
    purpose,
    alg,
    created: time(createdAt),
    signsFrom: time(activeFrom),
    publishedUntil: retiredFrom === undefined ? undefined : time(retiredFrom),
  };
}
