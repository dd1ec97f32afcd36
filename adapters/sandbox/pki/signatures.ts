import { constants, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { context, integer, nullValue, objectIdentifier, sequence } from './der.ts';
import { OID } from './object_identifiers.ts';

const signAsync = promisify(sign) as (
  digest: string,
  data: Uint8Array,
  key: { key: KeyObject; padding?: number; saltLength?: number },
) => Promise<Buffer>;

interface Algorithm {
  oid: string;
  digest: string;
  /** `null` parameters are written as NULL for RSA (RFC 4055 §5), left out for ECDSA (RFC 5758 §3.2). */
  parameters: () => Buffer | null;
  padding?: number;
  saltLength?: number;
}

const pssParameters = (): Buffer => {
  const sha256 = sequence(objectIdentifier(OID.sha256), nullValue());
  return sequence(
    context(0, sha256),
    context(1, sequence(objectIdentifier('1.2.840.113549.1.1.8'), sha256)),
    context(2, integer(32)),
  );
};

const ALGORITHMS = {
  sha256WithRSAEncryption: { oid: '1.2.840.113549.1.1.11', digest: 'sha256', parameters: nullValue },
  sha384WithRSAEncryption: { oid: '1.2.840.113549.1.1.12', digest: 'sha384', parameters: nullValue },
  sha512WithRSAEncryption: { oid: '1.2.840.113549.1.1.13', digest: 'sha512', parameters: nullValue },
  sha1WithRSAEncryption: { oid: '1.2.840.113549.1.1.5', digest: 'sha1', parameters: nullValue },
  md5WithRSAEncryption: { oid: '1.2.840.113549.1.1.4', digest: 'md5', parameters: nullValue },
  rsassaPss: {
    oid: '1.2.840.113549.1.1.10',
    digest: 'sha256',
    parameters: pssParameters,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  },
  ecdsaWithSHA256: { oid: '1.2.840.10045.4.3.2', digest: 'sha256', parameters: () => null },
  ecdsaWithSHA384: { oid: '1.2.840.10045.4.3.3', digest: 'sha384', parameters: () => null },
} as const satisfies Record<string, Algorithm>;

export type SignatureAlgorithm = keyof typeof ALGORITHMS;

export function algorithmIdentifier(name: SignatureAlgorithm): Buffer {
  const algorithm: Algorithm = ALGORITHMS[name];
  const parameters = algorithm.parameters();
  return sequence(objectIdentifier(algorithm.oid), ...(parameters ? [parameters] : []));
}

/** Signs on the thread pool. */
export function signBytes(name: SignatureAlgorithm, data: Uint8Array, key: KeyObject): Promise<Buffer> {
  const { digest, padding, saltLength }: Algorithm = ALGORITHMS[name];
  return signAsync(digest, data, {
    key,
    ...(padding === undefined ? {} : { padding }),
    ...(saltLength === undefined ? {} : { saltLength }),
  });
}

/** What the authority signs with: sha256WithRSAEncryption; ECDSA for keys of that kind. */
export const defaultAlgorithm = (key: KeyObject): SignatureAlgorithm =>
  key.asymmetricKeyType === 'ec' ? 'ecdsaWithSHA256' : 'sha256WithRSAEncryption';
