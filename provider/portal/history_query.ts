import type { HistoryFilter } from './portal_store.ts';

export interface HistoryQuery {
  readonly filter: HistoryFilter;
  /** As it was written, to be shown again. */
  readonly chosen: { clientId?: string; claim?: string; from?: string; until?: string };
  readonly isDateWrong: boolean;
  readonly before: number | undefined;
  /** The address of the same history, older than this. */
  pathBefore(before: number): string;
}

/** Characters of a client id or claim; longer ones are nobody's. */
const LONGEST = 1024;
const DAY = 86_400_000;

/** What the address of the history page asks for. Anything that is not well-formed asks for nothing. */
export function readHistoryQuery(query: URLSearchParams): HistoryQuery {
  const text = (name: string) => {
    const value = query.get(name);
    return value && value.length <= LONGEST ? value : undefined;
  };
  const dates = { from: text('from'), until: text('until') };
  const from = midnight(dates.from);
  const lastDay = midnight(dates.until);
  const chosen = withoutUndefined({ clientId: text('party'), claim: text('claim'), ...dates });
  const { clientId, claim } = chosen;
  const before = /^\d{1,15}$/.exec(query.get('before') ?? '')?.[0];
  return {
    filter: { clientId, claim, from, until: lastDay === undefined ? undefined : lastDay + DAY },
    chosen,
    isDateWrong:
      (dates.from !== undefined && from === undefined) || (dates.until !== undefined && lastDay === undefined),
    before: before === undefined ? undefined : Number(before),
    pathBefore(place) {
      const { clientId: party, ...others } = chosen;
      const parameters = withoutUndefined({ party, ...others, before: place.toString() });
      return `/portal/history?${new URLSearchParams(parameters as Record<string, string>)}`;
    },
  };
}

/** The beginning of a day in Japan (ms); undefined for what is no day. */
function midnight(day: string | undefined): number | undefined {
  if (day === undefined || !/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const at = Date.parse(`${day}T00:00:00+09:00`);
  // Some write the 31st of every month.
  return !Number.isNaN(at) && new Date(at + 9 * 3_600_000).toISOString().startsWith(day) ? at : undefined;
}

function withoutUndefined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
