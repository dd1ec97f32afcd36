import { X509Certificate } from 'node:crypto';
import { HubError } from '../errors.ts';
import { PkiError, readCertificateFile } from '../pki/index.ts';
import { keyProblem } from './metadata/keys.ts';

const MOST_PINS = 10;

/**
 * The certificates of a file that an operator pins: whose keys must have signed the metadata. Only the keys count.
 *
 * @returns base64 of DER
 * @throws HubError `saml_pin_invalid`
 */
export function readPins(file: Uint8Array): string[] {
  let certificates: Uint8Array[];
  try {
    certificates = readCertificateFile(file);
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw invalid('cannot be read', cause);
  }
  if (certificates.length > MOST_PINS) throw invalid(`holds more than ${MOST_PINS} certificates`);
  return certificates.map((der) => {
    const problem = problemOf(der);
    if (problem !== undefined) throw invalid(`has a certificate whose key is ${problem}`);
    return Buffer.from(der).toString('base64');
  });
}

function problemOf(der: Uint8Array): string | undefined {
  try {
    return keyProblem(new X509Certificate(der).publicKey);
  } catch (cause) {
    throw invalid('has a certificate that cannot be read', cause);
  }
}

function invalid(why: string, cause?: unknown): HubError {
  return new HubError('saml_pin_invalid', 400, `The file of the pinned certificate ${why}.`, { cause });
}
