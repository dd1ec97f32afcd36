import { objectIdentifier } from './der.ts';
import { type DerElement, readChildren, readElement } from './der_reader.ts';
import { OID } from './object_identifiers.ts';

/** More than this is not a verifier's question. */
const MAX_REQUESTS = 32;
/** RFC 9654 §2.1 lets a nonce have up to 128 octets. */
const MAX_NONCE = 128;

/** What a client asks about (RFC 6960 §4.1.1). */
export interface CertId {
  /** The whole CertID, DER, to be repeated in the answer. */
  encoded: Uint8Array;
  /** Null: a hash that this responder does not know. */
  hash: 'sha1' | 'sha256' | null;
  issuerNameHash: Uint8Array;
  issuerKeyHash: Uint8Array;
  serialNumber: bigint;
}

export interface OcspRequest {
  certIds: CertId[];
  /** The nonce extension's value as sent, its OCTET STRING included; undefined without one. */
  nonce: Uint8Array | undefined;
}

const HASHES = [
  ['sha1', objectIdentifier(OID.sha1)],
  ['sha256', objectIdentifier(OID.sha256)],
] as const;
const NONCE = objectIdentifier(OID.ocspNonce);

function expectTag(element: DerElement | undefined, tag: number, what: string): DerElement {
  if (element?.tag !== tag) throw new RangeError(`OCSP request: ${what} expected`);
  return element;
}

function readCertId(element: DerElement): CertId {
  const [algorithm, nameHash, keyHash, serial] = readChildren(element.content, 4);
  const identifier = readChildren(expectTag(algorithm, 0x30, 'hash algorithm').content, 2)[0];
  const serialContent = expectTag(serial, 0x02, 'serial number').content;
  if (serialContent.length === 0 || serialContent.length > 21) throw new RangeError('OCSP request: serial number size');
  return {
    encoded: element.encoded,
    hash: HASHES.find(([, der]) => identifier !== undefined && der.equals(identifier.encoded))?.[0] ?? null,
    issuerNameHash: expectTag(nameHash, 0x04, 'issuer name hash').content,
    issuerKeyHash: expectTag(keyHash, 0x04, 'issuer key hash').content,
    serialNumber: BigInt.asIntN(serialContent.length * 8, BigInt(`0x${Buffer.from(serialContent).toString('hex')}`)),
  };
}

function readNonce(extensions: DerElement): Uint8Array | undefined {
  const list = expectTag(readElement(extensions.content), 0x30, 'extensions');
  const nonces = readChildren(list.content, 16)
    .map((extension) => readChildren(extension.content, 3))
    .filter(([identifier]) => identifier !== undefined && NONCE.equals(identifier.encoded));
  if (nonces.length > 1) throw new RangeError('OCSP request: two nonces');
  const value = nonces[0]?.at(-1);
  if (value === undefined) return undefined;
  const content = expectTag(value, 0x04, 'nonce').content;
  // Some clients leave the inner OCTET STRING out; what was sent is what comes back.
  if (content.length > MAX_NONCE + 3) throw new RangeError('OCSP request: nonce size');
  return content;
}

/**
 * Takes an OCSPRequest apart; a signature on it is not looked at (RFC 6960 §4.1.2 leaves that to the responder).
 * @throws RangeError on anything that is not one well-formed request
 */
export function readOcspRequest(der: Uint8Array): OcspRequest {
  const outer = expectTag(readElement(der), 0x30, 'SEQUENCE');
  if (outer.encoded.length !== der.length) throw new RangeError('OCSP request: trailing bytes');
  const parts = readChildren(expectTag(readChildren(outer.content, 2)[0], 0x30, 'tbsRequest').content, 5);
  const list = parts.find((part) => part.tag === 0x30);
  const requests = readChildren(expectTag(list, 0x30, 'request list').content, MAX_REQUESTS);
  if (requests.length === 0) throw new RangeError('OCSP request: nothing asked');
  const extensions = parts.find((part) => part.tag === 0xa2);
  return {
    certIds: requests.map((request) =>
      readCertId(expectTag(readChildren(expectTag(request, 0x30, 'request').content, 2)[0], 0x30, 'CertID')),
    ),
    nonce: extensions && readNonce(extensions),
  };
}
