/** A signed statement of all heads, as it was published. */
export interface Publication {
  /** 1, 2, 3 … without gaps. */
  readonly number: number;
  /** JWS, compact. */
  readonly statement: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Chains of disclosures, and their heads as they are published. */
export interface HistoryStore {
  /** What this person's chain begins with, and its place in the tree; undefined while nothing has left. */
  chain(subjectId: string): Promise<{ readonly origin: Uint8Array; readonly leaf: number | undefined } | undefined>;
  /** Newest first. */
  publications(limit: number): Promise<readonly Publication[]>;
  /** The heads that the last publication stated, leaf by leaf, and its number; undefined before the first. */
  publishedHeads(): Promise<{ readonly number: number; readonly heads: Uint8Array } | undefined>;
  /** Keeps others from publishing until `until`; false when somebody else is at it at `now`. */
  beginPublishing(owner: string, now: number, until: number): Promise<boolean>;
  /** Fixes the heads of this moment, gives new chains their leaf, and returns all heads leaf by leaf. */
  stageHeads(): Promise<Uint8Array>;
  /** The staged heads become the published ones with this statement, and others may publish. False when it took too long. */
  publish(owner: string, publication: Publication): Promise<boolean>;
}
