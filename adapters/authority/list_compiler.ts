import { type ChildProcess, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { checkRevocationIndex, PkiError, type PkiErrorCode } from '../../provider/pki/index.ts';
import { type CompiledList, type CompileJob, compileList } from './compile_list.ts';
import { openIndexFile } from './index_file.ts';

/** Octets up to which the work is done at once: it takes a millisecond or two, and a process takes sixty to start. */
const SMALL = 256 * 1024;

export type ListWork =
  | { readonly kind: 'compile'; readonly job: CompileJob }
  | { readonly kind: 'check'; readonly path: string };

/** What the process answers. An error crosses as its code, since classes do not. */
export type ListWorkAnswer =
  | { readonly compiled: CompiledList | undefined }
  | { readonly failure: { readonly code: PkiErrorCode; readonly message: string } };

/**
 * Work on lists that keeps the event loop free. Large ones have a process of their own, one at a time so that memory
 * stays bounded. Not a thread: the kernel lets one thread of a process wait while another gets or gives back memory, a
 * thread has the priority of the hub that lets people in, and what it leaves in the heap stays there.
 */
export interface ListCompiler {
  /** @throws PkiError, or the file system's own error, as `compileList` does. */
  compile(job: CompileJob): Promise<CompiledList>;
  /** @throws PkiError `index_damaged`, or the file system's own error. */
  check(path: string): Promise<void>;
  /** Ends what is under way, which rejects. */
  stop(): void;
}

export function createListCompiler(): ListCompiler {
  let last: Promise<unknown> = Promise.resolve();
  let child: ChildProcess | undefined;
  let stopped = false;

  function inProcess(work: ListWork): Promise<CompiledList | undefined> {
    const turn = last.then(async () => {
      if (stopped) throw new Error('the hub stops');
      child = fork(new URL('./list_process.ts', import.meta.url), { serialization: 'advanced', execArgv: [] });
      try {
        lowerPriority(child);
        return await answerOf(child, work);
      } finally {
        child = undefined;
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    async compile(job) {
      if ((await stat(job.source)).size <= SMALL) return compileList(job);
      const compiled = await inProcess({ kind: 'compile', job });
      if (compiled === undefined) throw new Error('the process compiled nothing');
      return compiled;
    },
    async check(path) {
      if ((await stat(path)).size <= SMALL) checkIndexFile(path);
      else await inProcess({ kind: 'check', path });
    },
    stop() {
      stopped = true;
      child?.kill('SIGKILL');
    },
  };
}

/** People who sign in come first. */
function lowerPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, which its answer tells, or the system does not allow it, which does no harm.
  }
}

/** Does the work here and now. Throws what it throws. */
export function doListWork(work: ListWork): CompiledList | undefined {
  if (work.kind === 'compile') return compileList(work.job);
  checkIndexFile(work.path);
  return undefined;
}

function checkIndexFile(path: string): void {
  const file = openIndexFile(path);
  try {
    checkRevocationIndex(file);
  } finally {
    file.close();
  }
}

function answerOf(child: ChildProcess, work: ListWork): Promise<CompiledList | undefined> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: ListWorkAnswer) => {
      if ('compiled' in answer) resolve(answer.compiled);
      else reject(new PkiError(answer.failure.code, answer.failure.message));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the process ended without an answer (${signal ?? code})`)));
    child.send(work);
  });
}
