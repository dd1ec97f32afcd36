import { isUtf8 } from 'node:buffer';
import { MIN_TOKEN, type SecretKind, type Secrets } from './secrets.ts';

/** A secret in a text, or in octets: where it begins and ends. */
export interface Found {
  readonly kind: SecretKind;
  readonly start: number;
  readonly end: number;
}

/** Of octets that may be in any of the texts below: fewer are too short to hold a secret. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{15,}/g;
const HEX_RUN = /[0-9A-Fa-f]{16,}/g;
const DECIMAL_RUN = /\d{16,60}/g;
/** As openssl and X509Certificate write them. */
const SPACED_HEX = /(?:[0-9A-Fa-f]{2}[: ]){8,}[0-9A-Fa-f]{2}/g;
/** What JSON.stringify makes of a Buffer and of a Uint8Array. */
const NUMBER_LIST = /(?:"\d{1,5}":)?\d{1,3}(?:,\s?(?:"\d{1,5}":)?\d{1,3}){8,}/g;
const DATE = /(?<!\d)(\d{4})(?:(\d\d)(\d\d)|[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})日)(?!\d)/g;
const PIN = /pin["'\\\s]{0,4}[:=]["'\\\s]{0,4}(\d{4})(?!\d)/gi;
/** As long as a serial of four octets, or the signing password. */
const WORD = /[A-Za-z0-9]{6,}/g;
const TOKEN = new RegExp(`[A-Za-z0-9_-]{${MIN_TOKEN},}`, 'g');
const ESCAPED = /(?:%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})+/g;

/**
 * The secrets that a text holds: as they are, in hexadecimal or decimal digits, in base64 at any place of a run, as lists
 * of numbers, percent-encoded and as JSON escapes; in what a JWT says too.
 */
export function findInText(text: string, secrets: Secrets): Found[] {
  return search(text, secrets, 2);
}

/** The same for octets: plain, or a text in any of its forms. */
export function findInOctets(octets: Buffer, secrets: Secrets): Found[] {
  const plain = [...secrets.inOctets(octets)];
  const kind = octets.length < 12 ? secrets.wordKind(octets.toString('hex')) : undefined;
  if (kind) plain.push({ kind, start: 0, end: octets.length });
  // Latin-1 keeps the places, and what is looked for in other forms is ASCII.
  return [...plain, ...findInText(octets.toString('latin1'), secrets)];
}

/** @param depth how many encodings may be inside each other */
function search(text: string, secrets: Secrets, depth: number): Found[] {
  const found: Found[] = [];
  const utf8 = Buffer.from(text);
  for (const { kind, start, end } of secrets.inOctets(utf8)) {
    found.push({ kind, start: utf8.toString('utf8', 0, start).length, end: utf8.toString('utf8', 0, end).length });
  }
  each(text, WORD, (match, word) => add(match, secrets.wordKind(word)));
  each(text, TOKEN, (match, token) => add(match, secrets.wordKind(token)));
  each(text, PIN, (match, _, digits = '') => add(match, secrets.isPin(digits) ? 'PIN' : undefined));
  each(text, DATE, (match) => {
    const [year, month = '', day = ''] = match.filter((part) => part !== undefined).slice(1);
    const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
    add(match, secrets.isBirthDate(date) ? 'birth date' : undefined);
  });
  each(text, SPACED_HEX, (match, run) => addOctets(match, Buffer.from(run.replaceAll(/[: ]/g, ''), 'hex')));
  each(text, NUMBER_LIST, (match, list) => {
    const numbers = list.split(',').map((item) => Number(item.replace(/^.*:/, '')));
    if (numbers.every((number) => number < 256)) addOctets(match, Buffer.from(numbers));
  });
  each(text, HEX_RUN, (match, run) => {
    for (const skipped of [0, 1]) addOctets(match, Buffer.from(run.slice(skipped), 'hex'));
  });
  each(text, DECIMAL_RUN, (match, digits) => {
    const hex = BigInt(digits).toString(16);
    addOctets(match, Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
  });
  each(text, BASE64_RUN, (match, run) => {
    // What stands in front of it may be glued to it, and a secret may begin anywhere in what was encoded.
    for (const skipped of [0, 1, 2, 3]) {
      const decoded = Buffer.from(run.slice(skipped), 'base64');
      addOctets(match, decoded);
      if (skipped > 0 || depth === 0 || !isUtf8(decoded)) continue;
      for (const { kind } of search(decoded.toString(), secrets, depth - 1)) add(match, kind);
    }
  });
  if (depth > 0) {
    each(text, ESCAPED, (match, escaped) => {
      for (const { kind } of search(decodeEscapes(escaped), secrets, 0)) add(match, kind);
    });
  }
  return found;

  function add(match: RegExpExecArray, kind: SecretKind | undefined): void {
    if (kind) found.push({ kind, start: match.index, end: match.index + match[0].length });
  }

  function addOctets(match: RegExpExecArray, octets: Buffer): void {
    for (const { kind } of secrets.inOctets(octets)) add(match, kind);
  }
}

function each(text: string, pattern: RegExp, visit: (match: RegExpExecArray, ...groups: string[]) => void): void {
  for (const match of text.matchAll(pattern)) visit(match, ...match);
}

function decodeEscapes(text: string): string {
  const octets = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const characters = octets.replaceAll(/\\u([0-9A-Fa-f]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return characters === octets ? Buffer.from(octets, 'latin1').toString() : characters;
}
