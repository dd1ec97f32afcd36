import type { Database, Queries } from '../../adapters/database/database.ts';
import { translateError } from '../../adapters/database/database_errors.ts';
import { ProviderSilent } from '../../provider/attributes/providers/provider_questions.ts';
import type { Interposition } from '../../provider/hub/store.ts';

/** Something that a hub does outside itself: a statement, begin or commit of a transaction, a question to a provider. */
export interface Step {
  readonly name: string;
  /** From 1: which one of this name, in the order of its flow. */
  readonly nth: number;
  /** Of a transaction that has yet to be committed: whether it was done or not, it is undone when it fails. */
  readonly isUndone: boolean;
}

export interface Fault {
  readonly step: Step;
  /** `before`: it does not happen. `after`: it happens, and the hub does not hear of it. */
  readonly moment: 'before' | 'after';
  /** Nothing works any more from here on, as when the hub dies; or everything but this one step does. */
  readonly lasts: boolean;
}

export interface Faults {
  /** For `startTestHub`. */
  readonly interpose: Interposition;
  /** Does `work` without a fault; the steps that it took. */
  record<T>(work: () => Promise<T>): Promise<{ result: T; steps: readonly Step[] }>;
  /** Does `work` with a fault; `struck` says whether its step was reached. */
  strike<T>(fault: Fault, work: () => Promise<T>): Promise<{ result: T; struck: boolean }>;
}

export const QUESTION = 'question to a provider';

/**
 * Makes a hub fail at any step outside itself.
 *
 * @param isOfFlow by a step's name: what the hub does by itself, whenever it likes, is no step of anybody's flow
 */
export function createFaults(isOfFlow: (name: string) => boolean): Faults {
  let underway: { readonly fault: Fault | undefined; readonly steps: Step[]; struck: boolean } | undefined;

  /** At what moment of this step the hub has to fail. */
  function reach(name: string, isUndone: boolean): Fault['moment'] | undefined {
    if (!underway || !isOfFlow(name)) return undefined;
    const { fault, steps, struck } = underway;
    const nth = steps.filter((step) => step.name === name).length + 1;
    steps.push({ name, nth, isUndone });
    if (!fault) return undefined;
    if (struck) return fault.lasts ? 'before' : undefined;
    if (fault.step.name !== name || fault.step.nth !== nth) return undefined;
    underway.struck = true;
    return fault.moment;
  }

  async function take<T>(name: string, isUndone: boolean, work: () => Promise<T>, error = connectionLost): Promise<T> {
    const moment = reach(name, isUndone);
    if (moment === 'before') throw error();
    const result = await work();
    if (moment === 'after') throw error();
    return result;
  }

  const watched = (queries: Queries, isUndone: boolean): Queries => ({
    query: (statement, values) => take(statement.name, isUndone, () => queries.query(statement, values)),
  });

  async function during<T>(fault: Fault | undefined, work: () => Promise<T>) {
    const run = { fault, steps: [] as Step[], struck: false };
    underway = run;
    try {
      return { ...run, result: await work(), struck: run.struck };
    } finally {
      underway = undefined;
    }
  }

  return {
    interpose: {
      database: (database): Database => ({
        ...database,
        ...watched(database, false),
        async transaction(work) {
          if (reach('begin', true)) throw connectionLost();
          let moment: Fault['moment'] | undefined;
          const result = await database.transaction(async (queries) => {
            const made = await work(watched(queries, true));
            moment = reach('commit', false);
            if (moment === 'before') throw connectionLost();
            return made;
          });
          if (moment === 'after') throw connectionLost();
          return result;
        },
      }),
      providerTransport: (transport) => ({
        exchange(provider, url, message, read) {
          const ask = () => transport.exchange(provider, url, message, read);
          // A hub that dies does not go on without the answer.
          return take(QUESTION, false, ask, underway?.fault?.lasts ? connectionLost : unanswered);
        },
      }),
    },
    record: (work) => during(undefined, work),
    strike: (fault, work) => during(fault, work),
  };
}

function connectionLost(): unknown {
  return translateError(new Error('Connection terminated unexpectedly'));
}

function unanswered(): unknown {
  return new ProviderSilent('exchange_failed');
}
