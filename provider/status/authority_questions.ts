import type { Logger } from '../operations/logger.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { DailyQuestions } from './question_store.ts';

/**
 * A question that somebody had for the authority. `remembered`: it was not put, since the answer was known or another
 * question for it was on its way.
 */
export interface AuthorityQuestion {
  readonly channel: 'ocsp' | 'linkage' | 'latest attributes';
  readonly outcome: 'asked' | 'remembered';
  /** The relying party on whose behalf; undefined for nobody's. */
  readonly clientId: string | undefined;
}

/** Who has had the authority asked how much: it charges by the question. */
export interface AuthorityQuestions {
  /** Counts one. Written down within seconds. */
  count(question: AuthorityQuestion): void;
  /**
   * How many of `wanted` questions status checks may put for a relying party today, and takes them off its budget.
   * All of them where the operator has set none.
   */
  reserve(clientId: string, wanted: number): Promise<number>;
  /** Gives back of it what was not needed. */
  giveBack(clientId: string, count: number): Promise<void>;
  /** Of so many days, today included; newest first. */
  usage(days: number): Promise<readonly DailyQuestions[]>;
  start(): void;
  /** Writes down what is not yet. */
  stop(): Promise<void>;
}

/** How often counts are written down (ms): a process that is killed forgets as many seconds. */
const WRITE_EVERY = 5_000;
const DAY = 86_400_000;
/** Japan's, all year. */
const ZONE = 9 * 3_600_000;

export function createAuthorityQuestions(world: {
  storage: Pick<Storage, 'questions'>;
  /** Questions a day and relying party; undefined for as many as it takes. */
  budget: number | undefined;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
  observe(question: AuthorityQuestion): void;
}): AuthorityQuestions {
  const { storage, budget, clock, log } = world;
  let counts = new Map<string, DailyQuestions>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const dayOf = (at: number) => new Date(at + ZONE).toISOString().slice(0, 10);

  async function write(): Promise<void> {
    const news = counts;
    if (news.size === 0) return;
    counts = new Map();
    try {
      await storage.questions.add([...news.values()]);
    } catch (err) {
      for (const one of news.values()) add(one);
      log.warn({ err }, 'questions to the authority could not be counted yet');
    }
  }

  /** One after the other, so that whoever waits for one has all that was counted before. */
  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  function add(news: DailyQuestions): void {
    const key = `${news.day} ${news.clientId}`;
    const before = counts.get(key);
    counts.set(key, {
      clientId: news.clientId,
      day: news.day,
      ocspAsked: (before?.ocspAsked ?? 0) + news.ocspAsked,
      ocspRemembered: (before?.ocspRemembered ?? 0) + news.ocspRemembered,
      linkageAsked: (before?.linkageAsked ?? 0) + news.linkageAsked,
      attributesAsked: (before?.attributesAsked ?? 0) + news.attributesAsked,
    });
  }

  return {
    count(question) {
      const { channel, outcome, clientId = '' } = question;
      world.observe(question);
      add({
        clientId,
        day: dayOf(clock()),
        ocspAsked: channel === 'ocsp' && outcome === 'asked' ? 1 : 0,
        ocspRemembered: channel === 'ocsp' && outcome === 'remembered' ? 1 : 0,
        linkageAsked: channel === 'linkage' ? 1 : 0,
        attributesAsked: channel === 'latest attributes' ? 1 : 0,
      });
    },
    async reserve(clientId, wanted) {
      if (budget === undefined || wanted === 0) return wanted;
      return storage.questions.reserve(clientId, dayOf(clock()), wanted, budget);
    },
    async giveBack(clientId, count) {
      if (budget !== undefined && count > 0) await storage.questions.giveBack(clientId, dayOf(clock()), count);
    },
    async usage(days) {
      await flush();
      return storage.questions.since(dayOf(clock() - (days - 1) * DAY));
    },
    start() {
      timer = setInterval(() => void flush(), WRITE_EVERY);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
