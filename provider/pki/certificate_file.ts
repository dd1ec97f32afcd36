import { PkiError } from './errors.ts';

/** Bytes of a file of certificates: a leaf with all the authorities above it has some ten. */
export const MAX_CERTIFICATE_FILE_SIZE = 256 * 1024;
const MAX_CERTIFICATES = 64;

const SEQUENCE = 0x30;
const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The certificates of a file as operators have them: one in DER as the authority publishes it, or any number in PEM
 * (RFC 7468 §5), with whatever text stands around them. What is inside is not read yet.
 *
 * @throws PkiError `certificate_too_large` for the file as a whole; `certificate_malformed` where it holds no
 *   certificate, more than anybody needs, or one that is cut or not base64.
 */
export function readCertificateFile(file: Uint8Array): Uint8Array[] {
  if (file.length > MAX_CERTIFICATE_FILE_SIZE) {
    throw new PkiError('certificate_too_large', 'the file is larger than one of certificates');
  }
  if (file[0] === SEQUENCE) return [file];
  // One character for each octet, so that nothing can be lost or joined on the way.
  const text = Buffer.from(file.buffer, file.byteOffset, file.length).toString('latin1');
  const certificates: Uint8Array[] = [];
  for (let begin = text.indexOf(BEGIN); begin !== -1; begin = text.indexOf(BEGIN, begin + BEGIN.length)) {
    if (certificates.length === MAX_CERTIFICATES) {
      throw new PkiError('certificate_malformed', 'the file holds too many certificates');
    }
    const end = text.indexOf(END, begin);
    if (end === -1) throw new PkiError('certificate_malformed', 'a certificate in PEM has no end');
    const base64 = text.slice(begin + BEGIN.length, end).replace(/[ \t\r\n]+/g, '');
    if (base64 === '' || !BASE64.test(base64)) {
      throw new PkiError('certificate_malformed', 'a certificate in PEM is not base64');
    }
    certificates.push(Buffer.from(base64, 'base64'));
  }
  if (certificates.length === 0) throw new PkiError('certificate_malformed', 'the file holds no certificate');
  return certificates;
}
