import { PkiError } from '../../provider/pki/index.ts';
import { doListWork, type ListWork, type ListWorkAnswer } from './list_compiler.ts';

/** One piece of work in a process of its own, which ends with it, and with the hub that asked for it. */
function answer(work: ListWork): ListWorkAnswer {
  try {
    return { compiled: doListWork(work) };
  } catch (error) {
    if (error instanceof PkiError) return { failure: { code: error.code, message: error.message } };
    throw error;
  }
}

// Sent by list_compiler.ts.
process.once('message', (work: ListWork) => {
  process.send?.(answer(work), () => process.disconnect());
});
process.once('disconnect', () => process.exit());
