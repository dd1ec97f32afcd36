import { createHash } from 'node:crypto';
import type { Clock } from '../../../provider/world.ts';
import { type AuthorityKind, createCrl, distributionPointOf, type Municipality } from '../pki/index.ts';
import { findRoot, restoreStoredRoot } from './roots_of_state.ts';
import type { AuthorityState } from './state.ts';
import type { StateStore } from './state_store.ts';

const HOUR = 3_600_000;
/** The authority's lists are good for a day (nextUpdate); the sandbox signs a new one each hour that one is asked for. */
const VALID_FOR = 24 * HOUR;
const SIGN_AGAIN_AFTER = HOUR;

export interface SignedList {
  der: Buffer;
  etag: string;
  /** Milliseconds since 1970. */
  thisUpdate: number;
  /** The key's revision that it tells of. */
  revision: number;
}

/** Which list: one key's full one, or the part of it that one municipality's certificates point to. */
export interface ListName {
  kind: AuthorityKind;
  generation: number;
  municipality: Municipality | null;
}

/** The revocation lists, signed when they are asked for and something has changed or time has passed. */
export class RevocationLists {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #signed = new Map<string, SignedList>();

  constructor(store: StateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The current list, or undefined when there is no such generation. */
  async current(name: ListName): Promise<SignedList | undefined> {
    if (!findRoot(this.#store.state, name.kind, name.generation)) return undefined;
    return this.#upToDate(name, this.#store.state) ?? this.#sign(name);
  }

  #upToDate(name: ListName, state: AuthorityState): SignedList | undefined {
    const list = this.#signed.get(keyOf(name));
    const root = findRoot(state, name.kind, name.generation);
    if (!list || list.revision !== root?.revision) return undefined;
    const age = this.#clock() - list.thisUpdate;
    // A clock that was set back must not leave a list from the future standing.
    return age >= 0 && age < SIGN_AGAIN_AFTER ? list : undefined;
  }

  /** In the store's queue: numbers and contents then rise together, and a number is on the disk before it is seen. */
  async #sign(name: ListName): Promise<SignedList> {
    const made = await this.#store.update(async (draft) => {
      const meanwhile = this.#upToDate(name, draft);
      if (meanwhile) return meanwhile;
      const stored = findRoot(draft, name.kind, name.generation);
      if (!stored) throw new TypeError('a root that is gone');
      stored.crlNumber += 1;
      const root = restoreStoredRoot(draft, name.kind, name.generation);
      const thisUpdate = Math.floor(this.#clock() / 1000) * 1000;
      const der = await createCrl(root, {
        number: stored.crlNumber,
        thisUpdate,
        nextUpdate: thisUpdate + VALID_FOR,
        entries: entriesOf(draft, name, thisUpdate),
        ...(name.municipality ? { scope: { distributionPoint: distributionPointOf(root, name.municipality) } } : {}),
      });
      const etag = `"${createHash('sha256').update(der).digest('base64url')}"`;
      return { der, etag, thisUpdate, revision: stored.revision };
    });
    this.#signed.set(keyOf(name), made);
    return made;
  }
}

const keyOf = ({ kind, generation, municipality }: ListName): string =>
  `${kind}/${generation}/${municipality?.code ?? 'full'}`;

/** Expiry is not revocation: an entry leaves the list when its certificate has ended by itself. */
const entriesOf = (state: AuthorityState, { kind, generation, municipality }: ListName, now: number) =>
  state.certificates
    .filter((certificate) => certificate.kind === kind && certificate.generation === generation)
    .filter((certificate) => municipality === null || certificate.municipality === municipality.code)
    .filter((certificate) => certificate.notAfter >= now)
    .flatMap(({ serial, revocation }) =>
      revocation ? [{ serialNumber: BigInt(`0x${serial}`), revokedAt: revocation.at, reason: revocation.reason }] : [],
    );
