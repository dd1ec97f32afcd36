import { PkiError } from './errors.ts';

/** Identifier octets (X.690 §8.1.2) of the types that X.509, CRLs and OCSP use. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of the context-specific tag [number], primitive: an implicitly tagged simple value. */
export function contextPrimitive(number: number): number {
  return 0x80 | number;
}

/** Identifier octet of the context-specific tag [number], constructed: explicit, or an implicitly tagged sequence. */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}

/** Deeper nesting than any structure read here needs; stops a tower of empty sequences early. */
const MAX_DEPTH = 16;

export function malformed(message: string): PkiError {
  return new PkiError('der_malformed', message);
}

/** The octet at `index`; past the end it throws instead of answering `undefined`. */
export function octet(bytes: Uint8Array, index: number): number {
  const value = bytes[index];
  if (value === undefined) throw malformed('the structure ends early');
  return value;
}

/**
 * Walks the elements of one level of a DER structure without copying anything.
 *
 * Only DER is accepted (X.690 §10): definite lengths in their shortest form, low tag numbers, primitive strings. BER
 * gives one certificate many encodings, and two readers that disagree about one of them is how a signature comes to
 * cover something other than what was read.
 *
 * `next` hands out an element; `step` only moves, for lists of millions of entries, and leaves `tag`, `start`,
 * `contentStart` and `contentEnd` to be read. All throw `PkiError('der_malformed')`.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  readonly depth: number;
  #position: number;
  #end: number;
  tag = 0;
  start = 0;
  contentStart = 0;
  contentEnd = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0) {
    if (depth > MAX_DEPTH) throw malformed('the structure is nested too deeply');
    this.bytes = bytes;
    this.depth = depth;
    this.#position = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Starts again on another stretch of the same bytes. */
  reset(start: number, end: number): void {
    this.#position = start;
    this.#end = end;
  }

  /** True when another element follows and it has this tag. */
  nextIs(tag: number): boolean {
    return this.#position < this.#end && this.bytes[this.#position] === tag;
  }

  /** Moves over one element. */
  step(expectedTag?: number): void {
    const { bytes } = this;
    const end = this.#end;
    let position = this.#position;
    if (position + 2 > end) throw malformed('an element is missing or cut short');
    const tag = octet(bytes, position);
    if (expectedTag !== undefined && tag !== expectedTag) throw malformed('an element has an unexpected tag');
    if ((tag & 0x1f) === 0x1f) throw malformed('tag numbers above 30 are not used here');
    // Of the universal types only SEQUENCE and SET are constructed in DER (X.690 §10.2); 0 is BER's end-of-contents.
    if (tag < 0x40 && tag !== Tag.sequence && tag !== Tag.set && (tag === 0 || (tag & 0x20) !== 0)) {
      throw malformed('a simple value is in constructed form');
    }
    let length = octet(bytes, position + 1);
    this.start = position;
    position += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0) throw malformed('indefinite lengths are not DER');
      if (count > 4) throw malformed('an element claims to be longer than 4 GiB');
      if (position + count > end) throw malformed('an element is missing or cut short');
      length = 0;
      for (let index = 0; index < count; index++) length = length * 256 + octet(bytes, position + index);
      if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw malformed('a length is not in its shortest form');
      position += count;
    }
    if (length > end - position) throw malformed('an element is missing or cut short');
    this.tag = tag;
    this.contentStart = position;
    this.contentEnd = position + length;
    this.#position = position + length;
  }

  /** The next element, which must have this tag if one is named. */
  next(expectedTag?: number): DerElement {
    this.step(expectedTag);
    return new DerElement(this.bytes, this.tag, this.start, this.contentStart, this.contentEnd, this.depth);
  }

  /** The next element if it has this tag; otherwise nothing moves. */
  optional(tag: number): DerElement | undefined {
    return this.nextIs(tag) ? this.next(tag) : undefined;
  }

  /** Throws unless everything was read: trailing bytes are data that somebody else may read differently. */
  finish(): void {
    if (!this.atEnd) throw malformed('there are bytes after the last element');
  }
}

/**
 * One tag-length-value. The byte views share memory with what was parsed; whoever only looks at a few octets reads
 * `bytes` from `contentStart` to `contentEnd` instead, since a view costs more than all the octets in it.
 */
export class DerElement {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly contentStart: number;
  readonly contentEnd: number;
  readonly depth: number;

  constructor(bytes: Uint8Array, tag: number, start: number, contentStart: number, contentEnd: number, depth: number) {
    this.bytes = bytes;
    this.tag = tag;
    this.start = start;
    this.contentStart = contentStart;
    this.contentEnd = contentEnd;
    this.depth = depth;
  }

  /** Tag, length and value. */
  get der(): Uint8Array {
    return this.bytes.subarray(this.start, this.contentEnd);
  }

  /** The value alone. */
  get content(): Uint8Array {
    return this.bytes.subarray(this.contentStart, this.contentEnd);
  }

  /** Octets in the value. */
  get length(): number {
    return this.contentEnd - this.contentStart;
  }

  /** Reads what is inside: of a constructed element, or of an octet string that wraps DER as extensions do. */
  open(): DerReader {
    if ((this.tag & 0x20) === 0 && this.tag !== Tag.octetString) throw malformed('a simple value has nothing inside');
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.depth + 1);
  }
}

/** Opens the one SEQUENCE that `bytes` must consist of, with nothing after it. */
export function openSequence(bytes: Uint8Array): DerReader {
  const outer = new DerReader(bytes);
  const element = outer.next(Tag.sequence);
  outer.finish();
  return element.open();
}
