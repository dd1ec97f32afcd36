import { createHash, X509Certificate } from 'node:crypto';

/** What may stand in nothing that a hub writes or sends, save where leak_guard.ts says otherwise. */
export type SecretKind =
  | 'serial number'
  | 'hash of a serial number'
  | 'certificate'
  | 'PIN'
  | 'signing password'
  | 'name'
  | 'address'
  | 'birth date'
  | 'signature'
  | 'token';

/** A run of octets that is a secret, and how many of them in a row are one already. */
export interface OctetSecret {
  readonly kind: SecretKind;
  readonly octets: Buffer;
  readonly enough: number;
}

export interface Person {
  readonly name: string;
  readonly address: string;
  /** `YYYY-MM-DD` */
  readonly birthDate: string;
}

/** Octets of a secret that a search looks up at once. What is shorter than twice as many could slip through: see `tokens`. */
export const WINDOW = 6;
/** Of random octets: chance does not write so many, and a search with that window finds any so many in a row. */
const ENOUGH = 2 * WINDOW - 1;
/** Of a certificate or a hash: the hub's fingerprints, which may be seen, are the first eight. */
const ENOUGH_OF_A_HASH = 16;
/** At the end of a certificate: signature alone, whatever its algorithm. */
const SIGNATURE_END = 64;
/** At the end of a public key: numbers alone, of the shortest keys that tests make too. */
const KEY_END = 64;
const FILTER_BITS = 20;

/** Everything that must not be seen again, in a shape that makes looking for all of it cost about as much as for one. */
export class Secrets {
  /** Found as a whole word only. In lower case where case says nothing. */
  readonly #words = new Map<string, SecretKind>();
  /** `YYYY-MM-DD` */
  readonly #dates = new Set<string>();
  readonly #pins = new Set<string>();
  readonly #windows = new Map<string, { secret: OctetSecret; offset: number }[]>();
  /** Says at once that no secret has such a window: most have none. */
  readonly #filter = new Uint8Array(1 << FILTER_BITS);
  readonly #known = new Set<string>();

  /** Whether nobody has a secret yet. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** A certificate that was issued: its serial, its key, its signature, and what a look-up of it could be made with. */
  certificate(der: Uint8Array): void {
    if (this.#isKnown(`certificate ${sha256(der).toString('base64')}`)) return;
    const octets = Buffer.from(der);
    this.#octets('certificate', octets.subarray(-SIGNATURE_END), ENOUGH_OF_A_HASH);
    this.#octets('certificate', sha256(octets), ENOUGH_OF_A_HASH);
    this.#octets('certificate', createHash('sha1').update(octets).digest(), ENOUGH_OF_A_HASH);
    const read = parse(octets);
    // Tests make certificates that no reader takes, on purpose; the end of their signature is looked for all the same.
    if (!read) return;
    this.serial(Buffer.from(read.serialNumber, 'hex'));
    const key = read.publicKey.export({ type: 'spki', format: 'der' });
    // Without the head, which all keys of a kind share, and the exponent. A key of 1024 bits, as a test has it, has 140 octets.
    this.#octets('certificate', key.subarray(-KEY_END, -5), ENOUGH_OF_A_HASH);
  }

  /** @param octets of the number, as a certificate has them */
  serial(octets: Uint8Array): void {
    const serial = Buffer.from(octets);
    const hex = serial.toString('hex');
    if (serial.length === 0 || this.#isKnown(`serial ${hex}`)) return;
    const decimal = BigInt(`0x${hex}`).toString();
    // Anything else may be short enough to stand somewhere by chance.
    if (serial.length >= 4)
      for (const word of [hex, hex.replace(/^0+/, ''), decimal]) this.#word('serial number', word);
    if (serial.length >= ENOUGH) this.#octets('serial number', serial, ENOUGH);
    for (const text of [serial, hex, hex.toUpperCase(), decimal]) {
      this.#octets('hash of a serial number', sha256(text), ENOUGH_OF_A_HASH);
    }
  }

  /** The attributes of somebody, which stand in their places and nowhere else. Sex is too short to be looked for. */
  person({ name, address, birthDate }: Person): void {
    if (this.#isKnown(`person ${name} ${address} ${birthDate}`)) return;
    this.name(name);
    const narrow = address.normalize('NFKC');
    // Up to the first number of the block: what is cut off behind that still names a quarter of a town.
    const quarter = (text: string) => /^\D{6,}\d/u.exec(text)?.[0] ?? text;
    const wideQuarter = address.slice(0, quarter(narrow).length);
    for (const form of [address, narrow, wideQuarter, quarter(narrow)]) this.#text('address', form);
    this.#dates.add(birthDate);
  }

  name(name: string): void {
    const narrow = name.normalize('NFKC');
    for (const form of [name, narrow, narrow.replaceAll(' ', '')]) this.#text('name', form);
  }

  pin(pin: string): void {
    this.#pins.add(pin);
  }

  password(password: string): void {
    this.#word('signing password', password);
  }

  /** By a card, over a challenge. */
  signature(signature: Uint8Array): void {
    this.#octets('signature', Buffer.from(signature), ENOUGH_OF_A_HASH);
  }

  /** A random text that opens something: a code, a cookie, a client's secret. Of a JWT, its signature. */
  token(token: string): void {
    const [last = ''] = token.split('.').slice(-1);
    if (last.length >= MIN_TOKEN) this.#words.set(last, 'token');
  }

  /** Whether a whole word is a secret. */
  wordKind(word: string): SecretKind | undefined {
    return this.#words.get(word) ?? this.#words.get(word.toLowerCase());
  }

  isBirthDate(date: string): boolean {
    return this.#dates.has(date);
  }

  isPin(digits: string): boolean {
    return this.#pins.has(digits);
  }

  /** The secrets in these octets, with where each begins and ends. */
  *inOctets(octets: Buffer): Generator<{ kind: SecretKind; start: number; end: number }> {
    for (let at = 0; at + WINDOW <= octets.length; at += WINDOW) {
      if (this.#filter[filterIndex(octets, at)] === 0) continue;
      for (const { secret, offset } of this.#windows.get(octets.toString('latin1', at, at + WINDOW)) ?? []) {
        const { start, end } = extend(octets, at, secret.octets, offset);
        if (end - start < secret.enough) continue;
        yield { kind: secret.kind, start, end };
        break;
      }
    }
  }

  #isKnown(description: string): boolean {
    if (this.#known.has(description)) return true;
    this.#known.add(description);
    return false;
  }

  #word(kind: SecretKind, word: string): void {
    this.#words.set(word, kind);
    this.#words.set(word.toLowerCase(), kind);
  }

  #text(kind: SecretKind, text: string): void {
    const octets = Buffer.from(text);
    if (octets.length >= ENOUGH) this.#octets(kind, octets, octets.length);
  }

  #octets(kind: SecretKind, octets: Buffer, enough: number): void {
    const secret = { kind, octets, enough };
    for (let offset = 0; offset + WINDOW <= octets.length; offset += 1) {
      const window = octets.subarray(offset, offset + WINDOW);
      // Zeros and the like stand everywhere, and a test's strange certificate may end in them.
      if (new Set(window).size < 3) continue;
      const key = window.toString('latin1');
      const same = this.#windows.get(key);
      // Serials of one authority share all but their end: one of them finds them all.
      if (same?.some((other) => other.secret.kind === kind && other.secret.enough === enough && enough === ENOUGH)) {
        continue;
      }
      if (same) same.push({ secret, offset });
      else this.#windows.set(key, [{ secret, offset }]);
      this.#filter[filterIndex(octets, offset)] = 1;
    }
  }
}

/** Characters of the shortest that is looked for. */
export const MIN_TOKEN = 20;

function filterIndex(octets: Buffer, at: number): number {
  const word = (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8) | ((octets[at + 2] ?? 0) << 16);
  const more = (octets[at + 3] ?? 0) | ((octets[at + 4] ?? 0) << 8) | ((octets[at + 5] ?? 0) << 16);
  return (Math.imul(word ^ Math.imul(more, 0x9e3779b1), 0x85ebca6b) >>> (32 - FILTER_BITS)) >>> 0;
}

/** As far as both agree, in both directions. */
function extend(octets: Buffer, at: number, secret: Buffer, offset: number): { start: number; end: number } {
  let before = 0;
  while (before < at && before < offset && octets[at - before - 1] === secret[offset - before - 1]) before += 1;
  let length = 0;
  while (offset + length < secret.length && octets[at + length] === secret[offset + length]) length += 1;
  return { start: at - before, end: at + length };
}

function parse(der: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    return certificate.publicKey ? certificate : undefined;
  } catch {
    return undefined;
  }
}

const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();
