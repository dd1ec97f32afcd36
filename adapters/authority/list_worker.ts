import { parentPort, workerData } from 'node:worker_threads';
import { PkiError } from '../../provider/pki/index.ts';
import { doListWork, type ListWork, type ListWorkAnswer } from './list_compiler.ts';

/** One piece of work in a thread of its own, which ends with it and gives its memory back. */
function answer(work: ListWork): ListWorkAnswer {
  try {
    return { compiled: doListWork(work) };
  } catch (error) {
    if (error instanceof PkiError) return { failure: { code: error.code, message: error.message } };
    throw error;
  }
}

// Written by list_compiler.ts.
parentPort?.postMessage(answer(workerData as ListWork));
