/**
 * PostgreSQL's messages for one run of a prepared statement, in one buffer (PostgreSQL documentation, "Message
 * Formats"): the driver writes each message by itself, which costs more than all else it does.
 */

type Encoded = string | Uint8Array | null;

/** Octets of: type, length. */
const HEAD = 5;

/**
 * Bind, Execute, Sync; for a statement that the connection does not know yet, with Close, Parse and Describe before.
 * Close, since a run that failed may have left the name behind.
 *
 * @param name of the prepared statement.
 * @param text of a statement to be prepared; undefined for one that is.
 * @param values null, texts, numbers, truth values, octets, and lists of texts.
 * @throws TypeError for any other value.
 */
export function statementMessage(name: string, text: string | undefined, values: readonly unknown[]): Buffer {
  const encoded = values.map(encode);
  const nameSize = Buffer.byteLength(name) + 1;
  const sizes = encoded.map((value) => (value === null ? 0 : sizeOf(value)));
  // Format codes and lengths of the parameters; the empty portal; no format codes for results: text.
  const bindSize = 4 + 1 + nameSize + 2 + 2 * values.length + 2 + 4 * values.length + sum(sizes) + 2;
  const textSize = text === undefined ? 0 : Buffer.byteLength(text) + 1;
  const prepareSize = text === undefined ? 0 : 3 * HEAD + 2 + 3 * nameSize + textSize + 2;
  const message = new Message(prepareSize + 1 + bindSize + HEAD + 1 + 4 + HEAD);

  if (text !== undefined) {
    message
      .head('C', 4 + 1 + nameSize)
      .octet('S')
      .string(name);
    message
      .head('P', 4 + nameSize + textSize + 2)
      .string(name)
      .string(text)
      .int16(0);
    message
      .head('D', 4 + 1 + nameSize)
      .octet('S')
      .string(name);
  }
  message.head('B', bindSize).string('').string(name).int16(values.length);
  for (const value of encoded) message.int16(value === null || typeof value === 'string' ? 0 : 1);
  message.int16(values.length);
  encoded.forEach((value, index) => {
    message.int32(value === null ? -1 : (sizes[index] as number)); // one size a value
    if (value !== null) message.octets(value);
  });
  message.int16(0);
  message
    .head('E', 4 + 1 + 4)
    .string('')
    .int32(0);
  message.head('S', 4);
  return message.finish();
}

class Message {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  head(type: string, length: number): this {
    return this.octet(type).int32(length);
  }

  octet(character: string): this {
    this.#bytes[this.#at++] = character.charCodeAt(0);
    return this;
  }

  int16(value: number): this {
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  octets(value: string | Uint8Array): this {
    if (typeof value === 'string') this.#at += this.#bytes.write(value, this.#at);
    else {
      this.#bytes.set(value, this.#at);
      this.#at += value.length;
    }
    return this;
  }

  string(value: string): this {
    this.octets(value);
    this.#bytes[this.#at++] = 0;
    return this;
  }

  finish(): Buffer {
    if (this.#at !== this.#bytes.length) throw new Error('a message has another length than was counted');
    return this.#bytes;
  }
}

function encode(value: unknown): Encoded {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `{${value.map(encodeItem).join(',')}}`;
  throw new TypeError('a statement was given a value of a kind that it does not take');
}

/** An item of an array literal (PostgreSQL documentation, "Array Input and Output Syntax"). */
function encodeItem(item: unknown): string {
  if (typeof item !== 'string') throw new TypeError('a statement was given a list of something else than texts');
  return `"${item.replaceAll(/["\\]/g, '\\$&')}"`;
}

function sizeOf(value: string | Uint8Array): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
