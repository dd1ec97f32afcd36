import { createPublicKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { writeSelfSignedCertificate } from '../../../provider/pki/index.ts';
import { type Answers, createAnswers, type SignInResponse } from '../../../provider/saml/answers/answers.ts';
import type { SamlKeySet, SamlSigningKey } from '../../../provider/saml/key_set.ts';
import { samlEntityId } from '../../../provider/saml/metadata/own_metadata.ts';
import { ATTRIBUTE_NAME_FORMATS, NAME_ID_FORMATS } from '../../../provider/saml/names.ts';
import type { Clock } from '../../../provider/world.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';

export const HUB_URL = 'https://hub.example';
export const SP = 'https://sp.example/metadata?tenant=1&lang="ja"';
export const ACS = 'https://sp.example/acs?tenant=1&x="2"';
export const PERSON = 'k3v9s0q1zzpd7m2w@hub.example';

/** The hub as far as it sends SAML messages, with a key of its own. */
export interface AnsweringHub {
  readonly answers: Answers;
  readonly keys: SamlKeySet;
  readonly publicKey: KeyObject;
  readonly certificatePem: string;
}

export async function answeringHub(clock: Clock = Date.now): Promise<AnsweringHub> {
  const signing = await samlKey('hub');
  const keys = { signing, publishedCertificates: [signing.certificate] };
  return {
    answers: createAnswers({ entityId: samlEntityId(HUB_URL), keys: () => keys, clock, random: randomBytes }),
    keys,
    publicKey: createPublicKey(signing.privateKey),
    certificatePem: pemOf(signing),
  };
}

/** The process's key of that name in a certificate of the hub. */
export async function samlKey(name: string): Promise<SamlSigningKey> {
  const { privateKey } = await rsaKey(name);
  const notBefore = Date.now() - 1000;
  const certificate = writeSelfSignedCertificate({
    ...{ privateKey, notBefore, notAfter: notBefore + 86_400_000 },
    ...{ commonName: new URL(HUB_URL).hostname, serial: randomBytes(16) },
  });
  return { privateKey, certificate: Buffer.from(certificate).toString('base64') };
}

export const pemOf = ({ certificate }: SamlSigningKey): string =>
  new X509Certificate(Buffer.from(certificate, 'base64')).toString();

/** A sign-in of one person at one service provider. */
export function signInResponse(over: Partial<SignInResponse> = {}): SignInResponse {
  return {
    inResponseTo: '_request1',
    destination: ACS,
    audience: SP,
    nameId: { value: PERSON, format: NAME_ID_FORMATS.persistent, spNameQualifier: SP },
    sessionIndex: 'session-1',
    authnInstant: Date.now() - 60_000,
    authnContextClass: 'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI',
    attributes: [attributeOfPerson('family_name', '見本'), attributeOfPerson('role', 'doctor', 'nurse')],
    encryptFor: undefined,
    ...over,
  };
}

export function attributeOfPerson(friendlyName: string, ...values: string[]): SignInResponse['attributes'][number] {
  return { name: `urn:example:${friendlyName}`, nameFormat: ATTRIBUTE_NAME_FORMATS.uri, friendlyName, values };
}
