import type { Random } from './random.ts';

/** One reader of bytes from outside, and what is promised of it. */
export interface Parser {
  readonly name: string;
  /** Octets of the largest input that is looked at. */
  readonly limit: number;
  /** Sound input. */
  readonly samples: readonly Uint8Array[];
  /** Input that is likely to be unsound, at the whim of `random` and of nothing else. */
  generate(random: Random): Uint8Array;
  /**
   * Reads as the hub does, and says in a text what was understood. Throws what the readers throw, and anything else when
   * something that must be so is not.
   */
  read(input: Uint8Array): string;
  /** The codes of its documented errors. */
  readonly refusals: RegExp;
  /** Samples are signed, and what was changed is not signed anew: whatever is accepted means what a sample means. */
  readonly tamperProof: boolean;
}
