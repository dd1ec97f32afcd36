import { hash, type KeyObject, sign } from 'node:crypto';
import { der, OID } from '../../../adapters/sandbox/pki/index.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';

const { context, element, integer, nullValue, objectIdentifier, octetString, sequence, set } = der;

/** Object identifiers of signed documents, from RFC 5652, RFC 5035 and RFC 5754 and not from the hub's own table. */
export const CMS = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  rsaEncryption: '1.2.840.113549.1.1.1',
  sha256WithRSA: '1.2.840.113549.1.1.11',
  sha1WithRSA: '1.2.840.113549.1.1.5',
  ecdsaWithSHA256: '1.2.840.10045.4.3.2',
  ecdsaWithSHA384: '1.2.840.10045.4.3.3',
  sha384: '2.16.840.1.101.3.4.2.2',
} as const;

export interface Signer {
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
}

/** Every way to make a document other than a card agent does. What is not named stays as an agent has it. */
export interface DocumentOverrides {
  digest?: 'sha1' | 'sha256' | 'sha384';
  /** AlgorithmIdentifier of the digest, in both places. */
  digestAlgorithm?: Buffer;
  /** Contents of digestAlgorithms only. */
  digestAlgorithms?: Buffer[];
  version?: number;
  signerVersion?: number;
  contentType?: string;
  /** What stands in EncapsulatedContentInfo after the type. */
  encapsulated?: Buffer[];
  /** A new list of attributes, by name, from the agent's own. The set is put in order unless `inOrder` is false. */
  attributes?: (own: Record<keyof typeof ownAttributes, Buffer>) => Buffer[];
  inOrder?: false;
  /** What the signature covers, of the DER of the set. */
  signed?: (attributes: Buffer) => Uint8Array;
  signature?: (own: Buffer) => Buffer;
  signatureAlgorithm?: Buffer;
  sid?: Buffer;
  certificates?: readonly Uint8Array[] | null;
  /** What stands after the certificates, where lists would. */
  crls?: Buffer;
  /** What stands after the signature. */
  unsigned?: Buffer;
  signerInfos?: (own: Buffer) => Buffer[];
  signerInfo?: (fields: Buffer[]) => Buffer[];
  /** The structure that has something after its last field. */
  surplusIn?: 'contentInfo' | 'signedData';
  /** Type of the outermost structure. */
  outerType?: string;
}

export const attribute = (type: string, ...values: Uint8Array[]): Buffer =>
  sequence(objectIdentifier(type), set(...values.map((value) => Buffer.from(value))));

const inDerOrder = (elements: readonly Uint8Array[]): Buffer[] =>
  elements.map((each) => Buffer.from(each)).sort(Buffer.compare);

/** Parts of ESSCertIDv2 (RFC 5035 §4), to be put in a sequence. */
export function referenceTo(certificate: Uint8Array, digest: 'sha256' | 'sha384' = 'sha256'): Buffer[] {
  const { issuer, serial } = parseCertificate(certificate);
  const issuerSerial = sequence(sequence(context(4, Buffer.from(issuer))), der.rawInteger(serial));
  const algorithm = digest === 'sha384' ? [sequence(objectIdentifier(CMS.sha384))] : [];
  return [...algorithm, octetString(hash(digest, certificate, 'buffer')), issuerSerial];
}

export const signingCertificate = (...references: Buffer[][]): Buffer =>
  attribute(CMS.signingCertificateV2, sequence(sequence(...references.map((parts) => sequence(...parts)))));

const ownAttributes = {
  contentType: () => attribute(CMS.contentType, objectIdentifier(CMS.data)),
  signingTime: () => attribute(CMS.signingTime, der.utcTime(Date.UTC(2026, 9, 1))),
  messageDigest: (content: Uint8Array, digest: string) =>
    attribute(CMS.messageDigest, octetString(hash(digest, content, 'buffer'))),
  signingCertificate: (certificate: Uint8Array) => signingCertificate(referenceTo(certificate)),
};

const digestIdentifier = { sha1: OID.sha1, sha256: OID.sha256, sha384: CMS.sha384 } as const;

/** A signed document as a card agent makes it, or as it must not be: a writer of its own, to be judged by the reader. */
export function signedDocument(signer: Signer, content: Uint8Array, overrides: DocumentOverrides = {}): Buffer {
  const digest = overrides.digest ?? 'sha256';
  const { issuer, serial } = parseCertificate(signer.certificate);
  const own = {
    contentType: ownAttributes.contentType(),
    signingTime: ownAttributes.signingTime(),
    messageDigest: ownAttributes.messageDigest(content, digest),
    signingCertificate: ownAttributes.signingCertificate(signer.certificate),
  };
  const list = overrides.attributes ? overrides.attributes(own) : Object.values(own);
  const attributes = set(...(overrides.inOrder === false ? list : inDerOrder(list)));
  const signature = sign(digest, overrides.signed?.(attributes) ?? attributes, signer.key);
  const digestAlgorithm = overrides.digestAlgorithm ?? sequence(objectIdentifier(digestIdentifier[digest]));
  const fields = [
    integer(overrides.signerVersion ?? 1),
    overrides.sid ?? sequence(Buffer.from(issuer), der.rawInteger(serial)),
    digestAlgorithm,
    Buffer.concat([Buffer.of(0xa0), attributes.subarray(1)]),
    overrides.signatureAlgorithm ?? sequence(objectIdentifier(CMS.sha256WithRSA), nullValue()),
    octetString(overrides.signature?.(signature) ?? signature),
    ...(overrides.unsigned ? [overrides.unsigned] : []),
  ];
  const signerInfo = sequence(...(overrides.signerInfo?.(fields) ?? fields));
  const certificates = overrides.certificates === undefined ? [signer.certificate] : overrides.certificates;
  const signedData = sequence(
    integer(overrides.version ?? 1),
    set(...(overrides.digestAlgorithms ?? [digestAlgorithm])),
    sequence(
      objectIdentifier(overrides.contentType ?? CMS.data),
      ...(overrides.encapsulated ?? [context(0, octetString(content))]),
    ),
    ...(certificates ? [element(0xa0, inDerOrder(certificates))] : []),
    ...(overrides.crls ? [overrides.crls] : []),
    set(...(overrides.signerInfos?.(signerInfo) ?? [signerInfo])),
    ...surplus('signedData', overrides),
  );
  return sequence(
    objectIdentifier(overrides.outerType ?? CMS.signedData),
    context(0, signedData),
    ...surplus('contentInfo', overrides),
  );
}

function surplus(structure: DocumentOverrides['surplusIn'], { surplusIn }: DocumentOverrides): Buffer[] {
  return structure === surplusIn ? [nullValue()] : [];
}
