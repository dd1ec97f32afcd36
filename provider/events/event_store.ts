/** How the events room keeps streams and what is to be sent on them. Times are milliseconds since 1970. */

export type StreamStatus = 'enabled' | 'paused' | 'disabled';

export interface StreamRecord {
  readonly streamId: string;
  readonly clientId: string;
  /** Whose pairwise identifiers it tells of. */
  readonly sector: string;
  readonly method: 'push' | 'poll';
  /** Of a push. */
  readonly endpointUrl: string | undefined;
  /** Under Vault.seal: what the receiver wants to see in Authorization. */
  readonly sealedAuthorization: Uint8Array | undefined;
  readonly eventsRequested: readonly string[];
  readonly description: string | undefined;
  readonly status: StreamStatus;
  readonly statusReason: string | undefined;
  /** More is waiting than is kept. */
  readonly isFull: boolean;
  /** Of a push: failures in a row. */
  readonly failures: number;
}

/** An event for one stream. */
export interface OutgoingEvent {
  readonly streamId: string;
  readonly jti: string;
  readonly sealedEvent: Uint8Array;
  readonly at: number;
}

export interface WaitingEvent extends OutgoingEvent {
  readonly attempts: number;
}

/** Whom a subject's events go to, and by which name each knows the subject. */
export interface EventTarget {
  readonly streamId: string;
  readonly clientId: string;
  readonly identifier: string;
  readonly eventsRequested: readonly string[];
}

/** A stream as operators see it. */
export interface StreamOverview extends Pick<StreamRecord, 'streamId' | 'clientId' | 'method' | 'status'> {
  readonly statusReason: string | undefined;
  readonly waiting: number;
  readonly dead: number;
  readonly oldest: number | undefined;
}

export interface DeadLetter {
  readonly jti: string;
  readonly streamId: string;
  readonly clientId: string;
  readonly at: number;
  readonly attempts: number;
  readonly deadAt: number;
  readonly reason: string;
}

export interface EventStore {
  /** Streams of relying parties that know the subject, that are allowed to hear, and that take something. */
  targets(subjectId: string, now: number): Promise<readonly EventTarget[]>;
  enqueue(events: readonly OutgoingEvent[]): Promise<void>;

  /** False, and nothing is stored, when the client has `most` streams already. */
  insertStream(stream: StreamRecord, now: number, most: number): Promise<boolean>;
  streamsOf(clientId: string): Promise<readonly StreamRecord[]>;
  findStream(clientId: string, streamId: string): Promise<StreamRecord | undefined>;
  /** What a receiver may change. A push begins anew: with no failures, at once. */
  updateStream(stream: StreamRecord, now: number): Promise<void>;
  /** False when it is not `from` (any more). Disabling forgets what waits. */
  setStatus(streamId: string, status: StreamStatus, reason: string | undefined, now: number): Promise<boolean>;
  removeStream(clientId: string, streamId: string): Promise<boolean>;
  /** True for one caller in each `interval` (ms). */
  mayVerify(streamId: string, now: number, interval: number): Promise<boolean>;
  /** Notes that the receiver has been heard of. */
  touch(streamId: string, now: number): Promise<void>;

  /** In their order. */
  waiting(streamId: string, limit: number): Promise<readonly WaitingEvent[]>;
  /** Forgets what has arrived; the number of those that waited. */
  acknowledge(streamId: string, jtis: readonly string[]): Promise<number>;
  /** Gives one up. */
  bury(streamId: string, jti: string, reason: string, now: number): Promise<boolean>;

  /** A stream to push on, for this process alone until `until`; undefined when there is nothing to do. */
  claim(owner: string, now: number, until: number): Promise<StreamRecord | undefined>;
  /** False when it is another's by now. */
  extend(streamId: string, owner: string, until: number): Promise<boolean>;
  release(streamId: string, owner: string): Promise<void>;
  /** Notes a failed attempt at the first event, gives the stream free, and leaves it alone until `nextAttemptAt`. */
  failed(streamId: string, owner: string, jti: string, nextAttemptAt: number): Promise<void>;

  /** Gives up what has waited since before `before`; how many. */
  buryOlder(before: number, now: number): Promise<number>;
  /** Streams where more than `most` events wait, or (polls) that nobody has been heard of on since `inactiveSince`. */
  overdue(most: number, inactiveSince: number): Promise<readonly { streamId: string; cause: 'full' | 'inactive' }[]>;
  markFull(streamId: string): Promise<void>;
  /** Deletes dead letters of before `before`. */
  sweepDead(before: number): Promise<number>;

  overview(): Promise<readonly StreamOverview[]>;
  /** Newest first. */
  deadLetters(limit: number): Promise<readonly DeadLetter[]>;
  /** Has them wait again, at the end; how many. All when no stream is named. */
  revive(streamId: string | undefined, now: number): Promise<number>;
}
