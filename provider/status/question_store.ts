/** Questions to the authority on one relying party's behalf, on one day. */
export interface DailyQuestions {
  /** Empty: on nobody's behalf. */
  readonly clientId: string;
  /** `2026-11-24`, in Japan. */
  readonly day: string;
  readonly ocspAsked: number;
  /** Answered from memory, or by a question that somebody else was asking at the moment. */
  readonly ocspRemembered: number;
  readonly linkageAsked: number;
  /** For somebody's latest attributes. */
  readonly attributesAsked: number;
}

export interface QuestionStore {
  /** Adds to what is there; one statement. */
  add(counts: readonly DailyQuestions[]): Promise<void>;
  /** Takes up to `wanted` of what is left of `budget`, and returns how many. Of many callers none gets too many. */
  reserve(clientId: string, day: string, wanted: number, budget: number): Promise<number>;
  /** Gives back what was not needed. */
  giveBack(clientId: string, day: string, count: number): Promise<void>;
  /** Newest day first, from `day` on. */
  since(day: string): Promise<readonly DailyQuestions[]>;
}
