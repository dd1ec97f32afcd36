import { readFile } from 'node:fs/promises';
import type { AuthorityState } from './state.ts';
import { writeFileAtomically } from './write_file.ts';

/**
 * The authority's state in one file. Changes run one after the other on a copy, and take effect when the copy is on the
 * disk: a change that throws, or a process that dies, leaves the state before it.
 */
export class StateStore {
  readonly #path: string;
  #state: AuthorityState;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, state: AuthorityState) {
    this.#path = path;
    this.#state = state;
  }

  /** Reads the state at `path`, or makes and writes a first one. The caller holds the folder's lock. */
  static async open(path: string, create: () => Promise<AuthorityState>): Promise<StateStore> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text !== undefined) return new StateStore(path, readState(text, path));
    const state = await create();
    await writeFileAtomically(path, JSON.stringify(state));
    return new StateStore(path, state);
  }

  /** What is on the disk. Not to be changed. */
  get state(): Readonly<AuthorityState> {
    return this.#state;
  }

  /** Runs `change` on a copy when its turn comes, and resolves when the copy has become the state. */
  update<T>(change: (draft: AuthorityState) => T | Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      const draft = structuredClone(this.#state);
      const result = await change(draft);
      await writeFileAtomically(this.#path, JSON.stringify(draft));
      this.#state = draft;
      return result;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when all changes that were asked for are done. */
  async idle(): Promise<void> {
    await this.#queue;
  }
}

function readState(text: string, path: string): AuthorityState {
  const state: AuthorityState = JSON.parse(text);
  if (state.format !== 'musubi-sandbox-authority:1') throw new Error(`not a sandbox authority's state: ${path}`);
  return state;
}
