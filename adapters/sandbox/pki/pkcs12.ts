import { createHmac, hash, type KeyObject, randomBytes } from 'node:crypto';
import { context, element, integer, nullValue, objectIdentifier, octetString, sequence, set } from './der.ts';
import { OID } from './object_identifiers.ts';

const DATA = '1.2.840.113549.1.7.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const FRIENDLY_NAME = '1.2.840.113549.1.9.20';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';

const BMP_STRING = 0x1e;
const SALT_BYTES = 16;
const MAC_ITERATIONS = 100_000;
/** Block of SHA-256, and the purpose of the key that is derived (RFC 7292 appendix B.3). */
const BLOCK = 64;
const MAC_KEY = 3;

/**
 * One certificate with its key as browsers and operating systems import them (PKCS #12, RFC 7292): the key under AES-256
 * (PBES2), all of it under an HMAC-SHA-256, the certificate in the clear.
 *
 * @param name what a browser calls it
 * @param passphrase ASCII: what is outside it programs encode in two ways
 */
export function encodePkcs12(options: {
  certificate: Uint8Array;
  privateKey: KeyObject;
  name: string;
  passphrase: string;
}): Buffer {
  const { certificate, privateKey, name, passphrase } = options;
  const key = privateKey.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase });
  const attributes = set(
    attribute(FRIENDLY_NAME, element(BMP_STRING, [bmp(name)])),
    attribute(LOCAL_KEY_ID, octetString(hash('sha256', certificate, 'buffer'))),
  );
  const x509 = sequence(objectIdentifier(X509_CERTIFICATE), context(0, octetString(certificate)));
  const safe = sequence(
    data(sequence(sequence(objectIdentifier(CERTIFICATE_BAG), context(0, x509), attributes))),
    data(sequence(sequence(objectIdentifier(SHROUDED_KEY_BAG), context(0, key), attributes))),
  );
  return sequence(integer(3), data(safe), macOf(safe, passphrase));
}

const attribute = (type: string, value: Uint8Array): Buffer => sequence(objectIdentifier(type), set(value));
const data = (content: Uint8Array): Buffer => sequence(objectIdentifier(DATA), context(0, octetString(content)));

/** UTF-16, high octet first. */
const bmp = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

function macOf(content: Uint8Array, passphrase: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const mac = createHmac('sha256', macKey(passphrase, salt)).update(content).digest();
  const algorithm = sequence(objectIdentifier(OID.sha256), nullValue());
  return sequence(sequence(algorithm, octetString(mac)), octetString(salt), integer(MAC_ITERATIONS));
}

/** RFC 7292 appendix B.2, for a key of no more than one digest. */
function macKey(passphrase: string, salt: Uint8Array): Uint8Array {
  const password = Buffer.concat([bmp(passphrase), Buffer.alloc(2)]);
  const input = [Buffer.alloc(BLOCK, MAC_KEY), filled(salt), filled(password)];
  let key = hash('sha256', Buffer.concat(input), 'buffer');
  for (let round = 1; round < MAC_ITERATIONS; round += 1) key = hash('sha256', key, 'buffer');
  return key;
}

/** Repeated until it fills whole blocks. */
const filled = (bytes: Uint8Array): Buffer => Buffer.alloc(Math.ceil(bytes.length / BLOCK) * BLOCK, bytes);
