import { createHash, createPrivateKey, sign, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type {
  Card,
  CardCertificates,
  CardChallenge,
  CardDoor,
  CardKeyKind,
  CardStatus,
  DocumentSignature,
  SignatureAlgorithm,
  WebEidToken,
} from './card.ts';
import { CardError } from './card_errors.ts';
import { withCardLock } from './card_lock.ts';
import { foldPin, pinRefused } from './card_pin.ts';
import {
  parseSoftCardFile,
  type SoftCardFile,
  type SoftCardKey,
  softCardFileName,
  softCardNameOf,
} from './soft_card_file.ts';
import { algorithmOf, challengeBytes, checkChallenge, HASH_OF, webEidToken } from './web_eid_token.ts';

const signAsync = promisify(sign);

/** The soft cards in `folder`, read anew at each call. A folder that does not exist yet holds no card. */
export function softCardDoor(folder: string): CardDoor {
  return {
    async list() {
      return softCardNames(folder)
        .map((name) => readableCard(folder, name))
        .filter((card) => card !== null);
    },
    async open(name) {
      return new SoftCard(folder, readSoftCard(folder, name));
    },
  };
}

/**
 * Writes `card` into `folder` for its owner only, all of it or nothing, waiting for a PIN that is being checked at this
 * moment. Whoever issues or renews a card goes through here: a plain write could be undone by a counter that is written
 * back at the same time.
 */
export async function writeSoftCard(folder: string, card: SoftCardFile): Promise<void> {
  const path = join(folder, softCardFileName(card.name));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await withCardLock(lockPath(folder, card.name), () => replaceFile(folder, path, card));
}

class SoftCard implements Card {
  readonly name: string;
  readonly label: { ja: string; en: string };
  readonly #folder: string;

  constructor(folder: string, card: SoftCardFile) {
    this.name = card.name;
    this.label = card.label;
    this.#folder = folder;
  }

  async status(): Promise<CardStatus> {
    const card = readSoftCard(this.#folder, this.name);
    const pinStatus = ({ triesLeft, maxTries }: SoftCardKey) => ({ triesLeft, maxTries });
    return { user: pinStatus(card.user), signing: card.signing && pinStatus(card.signing) };
  }

  async certificates(signingPin?: string): Promise<CardCertificates> {
    const signing = signingPin === undefined ? null : await this.#unlock('signing', signingPin);
    const card = readSoftCard(this.#folder, this.name);
    return {
      user: fromBase64(card.user.certificate),
      signing: signing && fromBase64(signing.certificate),
      authority: {
        user: fromBase64(card.authority.user),
        signing: card.authority.signing === null ? null : fromBase64(card.authority.signing),
      },
    };
  }

  async signChallenge({ pin, ...challenge }: CardChallenge & { pin: string }): Promise<WebEidToken> {
    checkChallenge(challenge);
    const key = await this.#unlock('user', pin);
    return webEidToken(await signWith(key, (algorithm) => challengeBytes(challenge, algorithm)));
  }

  async signDocument({ bytes, pin }: { bytes: Uint8Array; pin: string }): Promise<DocumentSignature> {
    const key = await this.#unlock('signing', pin);
    return signWith(key, () => bytes);
  }

  /**
   * Spends a try, then compares, then gives the tries back: a process that is killed in between has lost a try and never
   * won one. The lock makes two wrong PINs at the same moment cost two.
   */
  async #unlock(kind: CardKeyKind, pin: string): Promise<SoftCardKey> {
    const folded = foldPin(kind, pin);
    return withCardLock(lockPath(this.#folder, this.name), () => {
      const card = readSoftCard(this.#folder, this.name);
      const key = card[kind];
      if (key === null) throw new CardError('card_signing_missing');
      if (key.triesLeft === 0) throw pinRefused(kind, 0);

      const triesLeft = key.triesLeft - 1;
      this.#writeTries(card, kind, triesLeft);
      if (!samePin(folded, key.pin)) throw pinRefused(kind, triesLeft);
      this.#writeTries(card, kind, key.maxTries);
      return key;
    });
  }

  #writeTries(card: SoftCardFile, kind: CardKeyKind, triesLeft: number): void {
    const path = join(this.#folder, softCardFileName(this.name));
    replaceFile(this.#folder, path, { ...card, [kind]: { ...card[kind], triesLeft } });
  }
}

/** Compares digests, which have one length whatever was typed, in constant time. */
function samePin(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function signWith(key: SoftCardKey, message: (algorithm: SignatureAlgorithm) => Uint8Array) {
  const privateKey = createPrivateKey(key.privateKey);
  const algorithm = algorithmOf(privateKey);
  const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
  const signature = await signAsync(HASH_OF[algorithm], message(algorithm), options);
  return { certificate: fromBase64(key.certificate), algorithm, signature: new Uint8Array(signature) };
}

function softCardNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map(softCardNameOf)
      .filter((name) => name !== null)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** A damaged file must not hide the good cards beside it; opening it by name tells what is wrong. */
function readableCard(folder: string, name: string): Card | null {
  try {
    return new SoftCard(folder, readSoftCard(folder, name));
  } catch (error) {
    if (error instanceof CardError) return null;
    throw error;
  }
}

function readSoftCard(folder: string, name: string): SoftCardFile {
  const path = join(folder, softCardFileName(name));
  try {
    return parseSoftCardFile(readFileSync(path, 'utf8'), name);
  } catch (error) {
    if (isMissing(error)) throw new CardError('card_not_found');
    throw error;
  }
}

/** A rename is atomic; the two fsyncs make it outlive a power cut, so that a spent try stays spent. */
function replaceFile(folder: string, path: string, card: SoftCardFile): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify(card, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, path);
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function lockPath(folder: string, name: string): string {
  return join(folder, `.${name}.lock`);
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
