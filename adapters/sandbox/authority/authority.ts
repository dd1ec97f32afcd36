import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../provider/world.ts';
import { generateRsaKey, type KeyPair } from '../pki/index.ts';
import { writeAnchors } from './anchors.ts';
import { CitizenOperations } from './citizen_operations.ts';
import { createState, shortSerial } from './first_start.ts';
import { tryLock } from './folder_lock.ts';
import { LatestAttributesService } from './latest_attributes.ts';
import { OcspService } from './ocsp_service.ts';
import { RevocationLists } from './revocation_lists.ts';
import { type CitizenSpec, SANDBOX_CITIZENS } from './sandbox_citizens.ts';
import { AnswerSigner } from './signed_answers.ts';
import { StateStore } from './state_store.ts';
import { writeFileAtomically } from './write_file.ts';

export interface AuthorityOptions {
  /** The sandbox's data folder; the authority keeps to `sandbox/authority/` and `cards/` in it. */
  dataFolder: string;
  clock?: Clock;
  /** Citizens of the first start. */
  citizens?: readonly CitizenSpec[];
  /** RSA keys, for tests that have some ready. */
  generateKey?: () => Promise<KeyPair>;
  /** Where the serial numbers of each kind begin at the first start; default four octets, as JPKI has them. */
  firstSerial?: () => bigint;
}

/** The authority without its door: state, lists, answers. */
export interface Authority {
  store: StateStore;
  citizens: CitizenOperations;
  lists: RevocationLists;
  ocsp: OcspService;
  latestAttributes: LatestAttributesService;
  signer: AnswerSigner;
  /** Bearer secret of the hub, shared through the file `service-token`. */
  serviceToken: string;
  clock: Clock;
  /** Finishes what was begun and gives the folder free. */
  close(): Promise<void>;
}

/** Where everything lies. */
export const authorityFolder = (dataFolder: string): string => join(dataFolder, 'sandbox', 'authority');
export const cardsFolder = (dataFolder: string): string => join(dataFolder, 'cards');
export const runtimeFile = (dataFolder: string): string => join(authorityFolder(dataFolder), 'runtime.json');

/** Somebody else has the authority open: a running one, or a command. */
export class AuthorityInUseError extends Error {
  override readonly name = 'AuthorityInUseError';
}

/**
 * Opens the authority's folder, making keys, certificates and cards at the first start. One holder at a time.
 * @param address where it will be reached, as `http://host:port`; unknown for a command that only changes something
 * @throws AuthorityInUseError
 */
export async function openAuthority(options: AuthorityOptions, address?: string): Promise<Authority> {
  const { dataFolder, clock = systemClock, citizens = SANDBOX_CITIZENS, generateKey = generateRsaKey } = options;
  const { firstSerial = shortSerial } = options;
  const folder = authorityFolder(dataFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(folder, 'lock'));
  if (!lock) throw new AuthorityInUseError(`the sandbox authority in ${folder} is in use by another process`);
  try {
    const store = await StateStore.open(join(folder, 'state.json'), () =>
      createState({
        now: clock(),
        address: address ?? 'http://127.0.0.1',
        citizens,
        generateKey: () => generateKey(),
        firstSerial,
      }),
    );
    if (address !== undefined && store.state.address !== address) {
      await store.update((draft) => {
        draft.address = address;
      });
    }
    const operations = new CitizenOperations(store, {
      clock,
      generateKey: () => generateKey(),
      cardsFolder: cardsFolder(dataFolder),
    });
    await operations.deliverCards();
    await writeAnchors(folder, store.state);
    const signer = await AnswerSigner.create(store.state.answerKey);
    await writeFileAtomically(join(folder, 'answer-keys.json'), `${JSON.stringify({ keys: [signer.publicJwk] })}\n`);
    return {
      store,
      citizens: operations,
      lists: new RevocationLists(store, clock),
      ocsp: new OcspService(store, clock),
      latestAttributes: new LatestAttributesService(store, clock),
      signer,
      serviceToken: await readOrMakeToken(join(folder, 'service-token')),
      clock,
      async close() {
        await store.idle();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

export const newToken = (): string => randomBytes(32).toString('base64url');

async function readOrMakeToken(path: string): Promise<string> {
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (kept !== undefined) return kept.trim();
  const token = newToken();
  await writeFileAtomically(path, `${token}\n`);
  return token;
}
