import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { checkRevocationIndex, PkiError, type PkiErrorCode } from '../../provider/pki/index.ts';
import { type CompiledList, type CompileJob, compileList } from './compile_list.ts';
import { openIndexFile } from './index_file.ts';

/** Octets up to which the work is done at once: it takes a millisecond or two, and a thread takes fifty to start. */
const SMALL = 256 * 1024;

export type ListWork =
  | { readonly kind: 'compile'; readonly job: CompileJob }
  | { readonly kind: 'check'; readonly path: string };

/** What the thread answers. An error crosses as its code, since classes do not. */
export type ListWorkAnswer =
  | { readonly compiled: CompiledList | undefined }
  | { readonly failure: { readonly code: PkiErrorCode; readonly message: string } };

/** Work on lists that keeps the event loop free: large ones have a thread, one at a time so that memory stays bounded. */
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
  let worker: Worker | undefined;
  let stopped = false;

  function inThread(work: ListWork): Promise<CompiledList | undefined> {
    const turn = last.then(async () => {
      if (stopped) throw new Error('the hub stops');
      worker = new Worker(new URL('./list_worker.ts', import.meta.url), { workerData: work });
      try {
        return await answerOf(worker);
      } finally {
        worker = undefined;
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    async compile(job) {
      if ((await stat(job.source)).size <= SMALL) return compileList(job);
      const compiled = await inThread({ kind: 'compile', job });
      if (compiled === undefined) throw new Error('the thread compiled nothing');
      return compiled;
    },
    async check(path) {
      if ((await stat(path)).size <= SMALL) checkIndexFile(path);
      else await inThread({ kind: 'check', path });
    },
    stop() {
      stopped = true;
      void worker?.terminate();
    },
  };
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

function answerOf(worker: Worker): Promise<CompiledList | undefined> {
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: ListWorkAnswer) => {
      if ('compiled' in answer) resolve(answer.compiled);
      else reject(new PkiError(answer.failure.code, answer.failure.message));
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread ended without an answer')));
  });
}
