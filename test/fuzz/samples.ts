import { hash, sign } from 'node:crypto';
import { webEidToken } from '../../adapters/card/web_eid_token.ts';
import {
  addExtensions,
  answerOcsp,
  asOcspResponder,
  CHIYODA,
  cRLDistributionPoints,
  createCrl,
  createOcspResponder,
  createRoot,
  der,
  directoryName,
  distributionPointOf,
  dnsName,
  type Extension,
  encodeName,
  invalidityDate,
  issueSigningCertificate,
  issueUserCertificate,
  REVOCATION_REASON,
  type RevocationReason,
  subjectAltName,
} from '../../adapters/sandbox/pki/index.ts';
import {
  buildOcspRequest,
  draftSignedDocument,
  jpkiUserTest,
  loadTrustAnchor,
  parseCertificate,
  plainUser,
} from '../../provider/pki/index.ts';
import { attribute, signedDocument } from '../provider/pki/signed_document_factory.ts';
import { type CommunityOptions, communityAuthority, organizationName, staffCard } from '../support/community.ts';
import { fixedEcKey, fixedRsaKey } from './fixed_keys.ts';

/*
 * Sound input for every parser, the same octets in every run: fixed keys, serials, names and times, and RSA signatures,
 * which have no chance in them.
 */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When everything is read. */
export const NOW = Date.UTC(2026, 9, 1, 3, 0, 0);

const rootKey = fixedRsaKey('musubi fuzz root');
const cardKey = fixedRsaKey('musubi fuzz card');
const responderKey = fixedRsaKey('musubi fuzz responder');

export const root = await createRoot({ kind: 'user', key: rootKey, serialNumber: 1n, notBefore: NOW - 365 * DAY });
export const anchor = loadTrustAnchor(root.der, { profile: jpkiUserTest });

const common = { commonName: '0123456789ABCD13101001A', notBefore: NOW - 30 * DAY };
export const user = await issueUserCertificate(root, { ...common, key: cardKey, serialNumber: 0x1001n });
const userOnCurve = await issueUserCertificate(root, {
  ...common,
  key: fixedEcKey('musubi fuzz card'),
  serialNumber: 0x1002n,
  overrides: { extensions: addExtensions(subjectAltName([dnsName('a.example.jp'), directoryName(root.name)])) },
});
const signing = await issueSigningCertificate(root, {
  ...common,
  key: cardKey,
  serialNumber: 0x1003n,
  attributes: { name: '山田　太郎', address: '東京都千代田区一丁目１番地', birthDate: '1985-03-15', gender: '1' },
});
export const certificates: readonly Uint8Array[] = [user.der, userOnCurve.der, signing.der];

export const certificate = parseCertificate(user.der);

const reasons = Object.keys(REVOCATION_REASON) as RevocationReason[];
const entries = reasons.map((reason, index) => ({
  serialNumber: BigInt(0x2001 + index),
  revokedAt: NOW - DAY,
  reason: index === 0 ? null : reason,
  extensions: index === 1 ? [invalidityDate(NOW - 2 * DAY)] : [],
}));
/** A serial that the lists have. */
export const REVOKED_SERIAL = Uint8Array.of(0x20, 0x02);
const list = { thisUpdate: NOW - HOUR, nextUpdate: NOW + DAY, entries };
const partition = { distributionPoint: distributionPointOf(root, CHIYODA), onlyContainsUserCerts: true };
export const revocationLists: readonly Uint8Array[] = [
  await createCrl(root, list),
  await createCrl(root, { ...list, number: 2n ** 64n, scope: partition }),
  await createCrl(root, { ...list, entries: [], scope: { onlyContainsUserCerts: true } }),
];
/** Of any scope, such as only lists about a path may have. */
export const pathLists: readonly Uint8Array[] = [
  ...revocationLists,
  await createCrl(root, { ...list, scope: { onlySomeReasons: [1, 2], onlyContainsCACerts: true } }),
  await createCrl(root, { ...list, deltaBase: 1 }),
];

export const nonce = new Uint8Array(32).fill(7);
const request = buildOcspRequest(certificate, anchor, { digest: 'sha1', nonce });
const responder = await createOcspResponder(root, { key: responderKey, serialNumber: 2n, notBefore: NOW - DAY });
const revoked = { status: 'revoked', revokedAt: NOW - DAY, reason: 'superseded' } as const;
export const ocspAnswers: readonly Uint8Array[] = [
  await answerOcsp(responder, request, { status: () => ({ status: 'good' }), producedAt: NOW }),
  await answerOcsp(responder, request, { status: () => revoked, producedAt: NOW }),
  await answerOcsp(asOcspResponder(root), request, {
    status: () => ({ status: 'unknown' }),
    producedAt: NOW,
    overrides: { responderId: 'byName', certificates: [] },
  }),
];

/** As an agent writes it, and with everything in it that may be left out or added. */
const form = Buffer.from('{"application":"利用申込"}');
const draft = draftSignedDocument(form, signing.der, NOW - HOUR);
export const signedDocuments: readonly Uint8Array[] = [
  draft.complete(sign('sha256', draft.toBeSigned, cardKey.privateKey)),
  signedDocument({ certificate: signing.der, key: cardKey.privateKey }, form, {
    attributes: (own) => [
      ...Object.values(own),
      attribute('1.2.3.4', der.sequence(der.utf8String('x'), der.integer(1))),
    ],
    certificates: [signing.der, root.der],
  }),
];
export const documentSigningKey = cardKey.privateKey;

/* A community with two authorities below its root, which lay down everything that authorities can. */

const POLICY = '1.3.6.1.4.1.99999.1.2';
const LOCAL_POLICY = '1.3.6.1.4.1.99999.7';
const subtree = (name: Uint8Array) => der.sequence(name);
const rules: readonly Extension[] = [
  {
    oid: '2.5.29.30',
    critical: true,
    value: der.sequence(
      der.context(0, subtree(directoryName(organizationName)), subtree(dnsName('example.jp'))),
      der.context(1, subtree(dnsName('evil.example.jp')), subtree(der.contextPrimitive(7, Buffer.alloc(8)))),
    ),
  },
  { oid: '2.5.29.36', critical: true, value: der.sequence(der.contextPrimitive(0, Buffer.of(0))) },
  {
    oid: '2.5.29.33',
    critical: true,
    value: der.sequence(der.sequence(der.objectIdentifier(POLICY), der.objectIdentifier(LOCAL_POLICY))),
  },
  { oid: '2.5.29.54', critical: true, value: der.integer(1) },
];

const member = (serialNumber: bigint, key = rootKey, more: CommunityOptions = {}): CommunityOptions => ({
  now: NOW,
  key,
  ...more,
  overrides: { serialNumber },
});
const communityRoot = await communityAuthority('Root', undefined, member(1n));
const middle = await communityAuthority(
  'Middle',
  communityRoot,
  member(2n, cardKey, { policies: [POLICY], extensions: rules }),
);
const bottom = await communityAuthority('Bottom', middle, member(3n, responderKey, { policies: [LOCAL_POLICY] }));
const staff = await staffCard(
  'Nurse',
  bottom,
  member(4n, fixedEcKey('musubi fuzz staff'), {
    policies: [LOCAL_POLICY],
    extensions: [
      subjectAltName([dnsName('ward.example.jp'), directoryName(organizationName)]),
      cRLDistributionPoints(directoryName(encodeName([['CN', 'List']]))),
    ],
  }),
);

export const communityAnchors = [loadTrustAnchor(communityRoot.der, { profile: plainUser })];
/** From a card upwards; the key beside each is its issuer's. */
export const chain = [
  { der: staff.der, issuerKey: responderKey.privateKey },
  { der: bottom.der, issuerKey: cardKey.privateKey },
  { der: middle.der, issuerKey: rootKey.privateKey },
] as const;
export const roots: readonly Uint8Array[] = [root.der, communityRoot.der];
/** What signed the certificates, lists and roots above. */
export const signingKey = rootKey.privateKey;
export const responderSigningKey = responderKey.privateKey;

export const ORIGIN = 'https://hub.example';
export const NONCE = Buffer.alloc(33, 9).toString('base64');
const challenge = Buffer.concat([hash('sha256', ORIGIN, 'buffer'), hash('sha256', NONCE, 'buffer')]);
export const cardToken: string = JSON.stringify(
  webEidToken({ certificate: user.der, algorithm: 'RS256', signature: sign('sha256', challenge, cardKey.privateKey) }),
);
