import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Vault } from '../../provider/vault.ts';
import { type Random, systemRandom } from '../../provider/world.ts';

const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
const SALT_BYTES = 16;
/** NIST SP 800-38D §8.2.2: random nonces of 96 bits. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = KEY_ID_BYTES + SALT_BYTES + NONCE_BYTES;
/**
 * NIST SP 800-38D §8.3 allows 2^32 random nonces a key. A busy hub would get there in weeks, so keys are derived with
 * a salt that every process makes for itself and changes long before.
 */
const SEALS_A_SALT = 2 ** 28;
/** Derived keys kept: each (purpose, salt) costs 10 µs to derive again. */
const CACHED_KEYS = 4096;

/**
 * The vault over the operator's master keys, oldest first.
 *
 * - `seal`: AES-256-GCM under a key derived (HKDF-SHA-256) from the NEWEST master key, the purpose and a salt. Every
 *   listed key still opens what it sealed. Result: key id (8) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16).
 * - `index`: HMAC-SHA-256 under a key derived from the OLDEST master key and the purpose. It must not follow rotation,
 *   or no row would be found again: keep the first line of the key file for as long as the database lives.
 *
 * @throws Error when a key is not 32 bytes, or there is none
 */
export function createVault(masterKeys: readonly Uint8Array[], random: Random = systemRandom): Vault {
  const [oldest] = masterKeys;
  const newest = masterKeys.at(-1);
  if (!oldest || !newest) throw new Error('a vault needs a master key');
  if (masterKeys.some((key) => key.length !== KEY_BYTES)) throw new Error('a master key has 32 bytes');

  const byId = new Map(masterKeys.map((key) => [idOf(key).toString('hex'), key]));
  const newestId = idOf(newest);
  const indexKeys = new Map<string, KeyObject>();
  const derived = new Map<string, KeyObject>();
  let salt = Buffer.from(random(SALT_BYTES));
  let seals = 0;

  function sealingKey(master: Uint8Array, id: string, purpose: string, keySalt: Buffer): KeyObject {
    const name = `${id} ${keySalt.toString('hex')} ${purpose}`;
    const cached = derived.get(name);
    if (cached) return cached;
    const key = deriveKey(master, keySalt, `seal ${purpose}`);
    if (derived.size >= CACHED_KEYS) derived.delete(derived.keys().next().value as string); // size > 0: has a first
    derived.set(name, key);
    return key;
  }

  return {
    seal(purpose, plaintext) {
      if (++seals > SEALS_A_SALT) {
        salt = Buffer.from(random(SALT_BYTES));
        seals = 1;
      }
      const nonce = random(NONCE_BYTES);
      const key = sealingKey(newest, newestId.toString('hex'), purpose, salt);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(purpose));
      const body = cipher.update(plaintext);
      cipher.final();
      return Buffer.concat([newestId, salt, nonce, body, cipher.getAuthTag()]);
    },

    open(purpose, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const id = bytes.subarray(0, KEY_ID_BYTES).toString('hex');
      const master = byId.get(id);
      if (!master || bytes.length < HEADER_BYTES + TAG_BYTES) throw new UnopenableError();
      const keySalt = bytes.subarray(KEY_ID_BYTES, KEY_ID_BYTES + SALT_BYTES);
      const nonce = bytes.subarray(KEY_ID_BYTES + SALT_BYTES, HEADER_BYTES);
      const key = sealingKey(master, id, purpose, keySalt);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
      const plaintext = decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES));
      try {
        decipher.final();
      } catch (cause) {
        throw new UnopenableError({ cause });
      }
      return plaintext;
    },

    index(purpose, value) {
      let key = indexKeys.get(purpose);
      if (!key) {
        key = deriveKey(oldest, Buffer.alloc(0), `index ${purpose}`);
        indexKeys.set(purpose, key);
      }
      return createHmac('sha256', key).update(value).digest();
    },
  };
}

/** A sealed value was changed, was sealed for another purpose, or its master key is not among ours. */
export class UnopenableError extends Error {
  constructor(options?: ErrorOptions) {
    super('a sealed value cannot be opened', options);
    this.name = 'UnopenableError';
  }
}

function derive(master: Uint8Array, salt: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, salt, `musubi ${info}`, KEY_BYTES));
}

/** As a KeyObject: given bytes, Node makes one for each use, which costs more than sealing a session. */
function deriveKey(master: Uint8Array, salt: Uint8Array, info: string): KeyObject {
  return createSecretKey(derive(master, salt, info));
}

/** Names a master key without telling anything about it. */
function idOf(master: Uint8Array): Buffer {
  return derive(master, Buffer.alloc(0), 'key id').subarray(0, KEY_ID_BYTES);
}
