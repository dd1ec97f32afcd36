import { createHash, type KeyObject } from 'node:crypto';
import { systemClock } from '../../../provider/world.ts';
import {
  type CertificateOverrides,
  defaultSerialNumber,
  type IssuedCertificate,
  signCertificate,
  signStructure,
} from './certificates.ts';
import { REVOCATION_REASON, type RevocationReason } from './crls.ts';
import {
  context,
  contextPrimitive,
  enumerated,
  generalizedTime,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  sequenceOf,
} from './der.ts';
import {
  authorityKeyIdentifier,
  type Extension,
  encodeExtensions,
  extendedKeyUsage,
  keyUsage,
  ocspNoCheck,
  subjectKeyIdentifier,
} from './extensions.ts';
import { generateRsaKey, type KeyPair, keyIdentifier, subjectPublicKeyBits, subjectPublicKeyInfo } from './keys.ts';
import { encodeName } from './names.ts';
import { OID } from './object_identifiers.ts';
import { type CertId, type OcspRequest, readOcspRequest } from './ocsp_request.ts';
import type { Root } from './roots.ts';
import { defaultAlgorithm, type SignatureAlgorithm } from './signatures.ts';

/** RFC 6960 §4.2.1 OCSPResponseStatus. */
export const OCSP_RESPONSE_STATUS = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;
export type OcspResponseStatus = keyof typeof OCSP_RESPONSE_STATUS;

export type OcspCertificateStatus =
  | { status: 'good' }
  | { status: 'unknown' }
  | { status: 'revoked'; revokedAt: number; reason: RevocationReason | null };

/** A delegated responder (RFC 6960 §4.2.2.2): its own key, certified by the authority that it answers for. */
export interface OcspResponder extends IssuedCertificate {
  /** The responder certificate's subject, DER. */
  name: Buffer;
  keyHash: Buffer;
}

export interface OcspResponderOptions {
  key?: KeyPair;
  serialNumber?: bigint;
  /** Milliseconds since 1970; default now. */
  notBefore?: number;
  /** Milliseconds since 1970; default 30 days after notBefore. */
  notAfter?: number;
  /** For fixtures: null leaves the extension out. Default id-kp-OCSPSigning. */
  extendedKeyUsage?: readonly string[] | null;
  overrides?: CertificateOverrides;
}

const DAY = 86_400_000;
const QUARTER_OF_AN_HOUR = 900_000;

export async function createOcspResponder(root: Root, options: OcspResponderOptions = {}): Promise<OcspResponder> {
  const key = options.key ?? (await generateRsaKey());
  const notBefore = options.notBefore ?? systemClock();
  const info = subjectPublicKeyInfo(key.publicKey);
  const name = encodeName([
    ['C', 'JP'],
    ['O', root.organization],
    ['CN', `OCSP Responder (${root.kind})`],
  ]);
  const purposes = options.extendedKeyUsage === undefined ? [OID.ocspSigning] : options.extendedKeyUsage;
  const certificate = await signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: root.name,
      subject: name,
      notBefore,
      notAfter: options.notAfter ?? notBefore + 30 * DAY,
      key,
      extensions: [
        keyUsage(['digitalSignature']),
        ...(purposes === null ? [] : [extendedKeyUsage(purposes)]),
        ocspNoCheck(),
        authorityKeyIdentifier(root.subjectKeyIdentifier),
        subjectKeyIdentifier(keyIdentifier(info)),
      ],
    },
    root.key.privateKey,
    options.overrides,
  );
  return { ...certificate, name, keyHash: keyIdentifier(info) };
}

/** The root answering for itself, which RFC 6960 §4.2.2.2 allows too. */
export const asOcspResponder = (root: Root): OcspResponder => ({ ...root, keyHash: root.subjectKeyIdentifier });

/** A CertID as a client would compute it (RFC 6960 §4.1.1). */
export function encodeCertId(
  root: Pick<Root, 'name' | 'key'>,
  serialNumber: bigint,
  hash: 'sha1' | 'sha256' = 'sha1',
): Buffer {
  const digest = (bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();
  return sequence(
    sequence(objectIdentifier(hash === 'sha1' ? OID.sha1 : OID.sha256), nullValue()),
    octetString(digest(root.name)),
    octetString(digest(subjectPublicKeyBits(subjectPublicKeyInfo(root.key.publicKey)))),
    integer(serialNumber),
  );
}

/** A request for one certificate's status. */
export function createOcspRequest(
  root: Pick<Root, 'name' | 'key'>,
  serialNumber: bigint,
  options: { hash?: 'sha1' | 'sha256'; nonce?: Uint8Array } = {},
): Buffer {
  return sequence(
    sequence(
      sequence(sequence(encodeCertId(root, serialNumber, options.hash))),
      ...(options.nonce ? [context(2, encodeExtensions([nonceExtension(octetString(options.nonce))]))] : []),
    ),
  );
}

const nonceExtension = (value: Uint8Array): Extension => ({ oid: OID.ocspNonce, critical: false, value });

/** Every way to answer other than the profile says. */
export interface OcspOverrides {
  /** Answers with this error and nothing else. */
  responseStatus?: OcspResponseStatus | number;
  /** Null leaves the nonce out; bytes are wrapped and sent whether asked for or not. */
  nonce?: Uint8Array | null;
  /** Another CertID (DER) than the request's. */
  certId?: (asked: CertId) => Uint8Array;
  /** Name or key hash of the responder, or the whole ResponderID as DER. Default the key hash. */
  responderId?: 'byName' | 'byKey' | Uint8Array;
  /** Certificates that come along; default the responder's own. */
  certificates?: readonly Uint8Array[];
  algorithm?: SignatureAlgorithm;
  outerAlgorithm?: SignatureAlgorithm;
  signingKey?: KeyObject;
  singleExtensions?: readonly Extension[];
  responseExtensions?: (extensions: Extension[]) => Extension[];
  /** OID of responseType; default id-pkix-ocsp-basic. */
  responseType?: string;
  toBeSigned?: (der: Buffer) => Buffer;
  response?: (der: Buffer) => Buffer;
}

export interface OcspAnswerOptions {
  status: (serialNumber: bigint) => OcspCertificateStatus;
  /** Milliseconds since 1970; default now. */
  producedAt?: number;
  thisUpdate?: number;
  /** Null leaves it out. Default 15 minutes after thisUpdate. */
  nextUpdate?: number | null;
  overrides?: OcspOverrides;
}

/** An answer without responseBytes: malformedRequest, tryLater, unauthorized… */
export const ocspError = (status: OcspResponseStatus | number): Buffer =>
  sequence(enumerated(typeof status === 'number' ? status : OCSP_RESPONSE_STATUS[status]));

function encodeStatus(status: OcspCertificateStatus): Buffer {
  if (status.status === 'good') return contextPrimitive(0, Buffer.alloc(0));
  if (status.status === 'unknown') return contextPrimitive(2, Buffer.alloc(0));
  return context(
    1,
    generalizedTime(status.revokedAt),
    ...(status.reason === null ? [] : [context(0, enumerated(REVOCATION_REASON[status.reason]))]),
  );
}

/**
 * Answers a request (bytes, or one that readOcspRequest took apart) for everything it asks about.
 * @throws RangeError when the bytes are not an OCSP request; `ocspError('malformedRequest')` is then the answer
 */
export async function answerOcsp(
  responder: OcspResponder,
  request: Uint8Array | OcspRequest,
  options: OcspAnswerOptions,
): Promise<Buffer> {
  const { overrides = {} } = options;
  if (overrides.responseStatus !== undefined) return ocspError(overrides.responseStatus);
  const { certIds, nonce } = request instanceof Uint8Array ? readOcspRequest(request) : request;
  const producedAt = options.producedAt ?? systemClock();
  const thisUpdate = options.thisUpdate ?? producedAt;
  const nextUpdate = options.nextUpdate === undefined ? thisUpdate + QUARTER_OF_AN_HOUR : options.nextUpdate;
  const signingKey = overrides.signingKey ?? responder.key.privateKey;

  const echoed = overrides.nonce === undefined ? nonce : overrides.nonce && octetString(overrides.nonce);
  const profile = echoed ? [nonceExtension(echoed)] : [];
  const extensions = overrides.responseExtensions ? overrides.responseExtensions(profile) : profile;
  const toBeSigned = sequence(
    encodeResponderId(responder, overrides.responderId ?? 'byKey'),
    generalizedTime(producedAt),
    sequenceOf(
      certIds.map((asked) =>
        sequence(
          overrides.certId ? overrides.certId(asked) : asked.encoded,
          encodeStatus(options.status(asked.serialNumber)),
          generalizedTime(thisUpdate),
          ...(nextUpdate === null ? [] : [context(0, generalizedTime(nextUpdate))]),
          ...(overrides.singleExtensions ? [context(1, encodeExtensions(overrides.singleExtensions))] : []),
        ),
      ),
    ),
    ...(extensions.length === 0 ? [] : [context(1, encodeExtensions(extensions))]),
  );
  const certificates = overrides.certificates ?? [responder.der];
  const basicResponse = await signStructure(
    overrides.toBeSigned ? overrides.toBeSigned(toBeSigned) : toBeSigned,
    overrides.algorithm ?? defaultAlgorithm(signingKey),
    signingKey,
    overrides.outerAlgorithm,
    ...(certificates.length === 0 ? [] : [context(0, sequenceOf(certificates))]),
  );
  const response = sequence(
    enumerated(OCSP_RESPONSE_STATUS.successful),
    context(0, sequence(objectIdentifier(overrides.responseType ?? OID.ocspBasic), octetString(basicResponse))),
  );
  return overrides.response ? overrides.response(response) : response;
}

function encodeResponderId(responder: OcspResponder, form: 'byName' | 'byKey' | Uint8Array): Uint8Array {
  if (form === 'byName') return context(1, responder.name);
  if (form === 'byKey') return context(2, octetString(responder.keyHash));
  return form;
}
