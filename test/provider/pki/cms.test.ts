import assert from 'node:assert/strict';
import { hash, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  der,
  issueSigningCertificate,
  type KeyPair,
  OID,
  withIndefiniteLength,
  withNonMinimalLength,
  withTrailingBytes,
} from '../../../adapters/sandbox/pki/index.ts';
import type { PkiErrorCode } from '../../../provider/pki/index.ts';
import {
  draftSignedDocument,
  looksLikeSignedDocument,
  MAX_SIGNED_DOCUMENT_SIZE,
  verifySignedDocument,
} from '../../../provider/pki/index.ts';
import { ecKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { openssl } from '../../adapters/sandbox/pki/openssl.ts';
import { pkiError, root } from './fixtures.ts';
import {
  attribute,
  CMS,
  type DocumentOverrides,
  referenceTo,
  type Signer,
  signedDocument,
  signingCertificate,
} from './signed_document_factory.ts';

const { context, integer, nullValue, objectIdentifier, octetString, sequence } = der;

const SHA256 = OID.sha256;
const issuer = await root('signing root', { kind: 'signing' });
const attributes = {
  name: '山田　太郎',
  address: '東京都千代田区一丁目１番地',
  birthDate: '1985-03-15',
  gender: '1',
} as const;
async function signerWith(key: KeyPair): Promise<Signer & { serialNumber: bigint; pem: string }> {
  const { der: certificate, serialNumber, pem } = await issueSigningCertificate(issuer, { key, attributes });
  return { certificate, serialNumber, pem, key: key.privateKey };
}
const citizenKey = await rsaKey('citizen');
const citizen = await signerWith(citizenKey);
/** The same key in another certificate: what an exchange of certificates would bring in. */
const twin = await signerWith(citizenKey);
const stranger = await signerWith(await rsaKey('stranger'));
const onP256 = await signerWith(await ecKey('citizen', 'P-256'));
const onP384 = await signerWith(await ecKey('citizen', 'P-384'));
const content = Buffer.from('利用申込書\r\n');
const good = signedDocument(citizen, content);
const made = (overrides: DocumentOverrides, signer = citizen) => signedDocument(signer, content, overrides);

describe('verifySignedDocument', () => {
  it('gives the content, the certificate that signed, and the time that the signer told', () => {
    const document = verifySignedDocument(good);
    assert.deepEqual(Buffer.from(document.content), content);
    assert.deepEqual(Buffer.from(document.unverifiedCertificate), Buffer.from(citizen.certificate));
    assert.equal(document.signingTime, Date.UTC(2026, 9, 1));
  });

  it('tells of each step before it is taken', () => {
    const heard: string[] = [];
    verifySignedDocument(good, (step) => heard.push(step));
    assert.deepEqual(heard, ['document', 'signer', 'signature']);
  });

  it('keeps what it judged, whatever becomes of the octets that it was given', () => {
    const bytes = Uint8Array.from(good);
    const document = verifySignedDocument(bytes);
    bytes.fill(0);
    assert.deepEqual(Buffer.from(document.content), content);
  });

  const accepted: [string, DocumentOverrides][] = [
    [
      'the key’s algorithm named instead of the signature’s (RFC 3370 §3.2)',
      { signatureAlgorithm: rsa(CMS.rsaEncryption) },
    ],
    [
      'NULL parameters of the digest (RFC 5754 §2)',
      { digestAlgorithm: sequence(objectIdentifier(SHA256), nullValue()) },
    ],
    ['no time', { attributes: ({ signingTime: _, ...rest }) => Object.values(rest) }],
    [
      'an attribute that nobody here knows',
      { attributes: (own) => [...Object.values(own), attribute('1.2.3.4', integer(1))] },
    ],
    ['the certificate named by its digest alone', { attributes: naming(referenceTo(citizen.certificate).slice(0, 1)) }],
    ['the authority’s certificate sent along', { certificates: [citizen.certificate, issuer.der] }],
  ];
  for (const [how, overrides] of accepted) {
    it(`accepts ${how}`, () => {
      assert.deepEqual(Buffer.from(verifySignedDocument(made(overrides)).content), content);
    });
  }

  it('accepts no content at all, when that was signed', () => {
    assert.equal(verifySignedDocument(signedDocument(citizen, Buffer.alloc(0))).content.length, 0);
  });

  it('is ready for elliptic curves, each with its own digest', () => {
    const curves = [
      [onP256, 'sha256', CMS.ecdsaWithSHA256],
      [onP384, 'sha384', CMS.ecdsaWithSHA384],
    ] as const;
    for (const [signer, digest, algorithm] of curves) {
      const signatureAlgorithm = sequence(objectIdentifier(algorithm));
      const document = signedDocument(signer, content, {
        ...{ digest, signatureAlgorithm, attributes: naming(referenceTo(signer.certificate, digest)) },
      });
      assert.deepEqual(Buffer.from(verifySignedDocument(document).content), content);
      const other = { digest: digest === 'sha256' ? 'sha384' : 'sha256', signatureAlgorithm } as const;
      assert.throws(() => verifySignedDocument(signedDocument(signer, content, other)), pkiError('cms_algorithm'));
    }
  });
});

function rsa(type: string): Buffer {
  return sequence(objectIdentifier(type), nullValue());
}

/** The agent's attributes, with the certificate named in another way. */
function naming(...references: Buffer[][]): NonNullable<DocumentOverrides['attributes']> {
  return ({ contentType, messageDigest, signingTime }) => [
    ...[contentType, messageDigest, signingTime],
    signingCertificate(...references),
  ];
}

type Own = Parameters<NonNullable<DocumentOverrides['attributes']>>[0];
const without = (name: keyof Own) => ({
  attributes: (own: Own) => Object.entries(own).flatMap(([key, value]) => (key === name ? [] : [value])),
});
const instead = (name: keyof Own, value: Buffer) => ({
  attributes: (own: Own) => Object.values({ ...own, [name]: value }),
});
const beside = (value: Buffer) => ({ attributes: (own: Own) => [...Object.values(own), value] });
const tower = (height: number): Buffer => {
  let inner = sequence();
  for (let level = 0; level < height; level += 1) inner = sequence(inner);
  return inner;
};
const digestOf = (bytes: Uint8Array) => octetString(hash('sha256', bytes, 'buffer'));
const issuerName = context(4, issuer.name);
const namedBy = (...names: Buffer[]) => sequence(sequence(...names), integer(citizen.serialNumber));
const noCertificate = sequence(integer(1));
const nameOf = ({ serialNumber }: { serialNumber: bigint }) => sequence(issuer.name, integer(serialNumber));

/** Every way to be wrong, and the word for it. */
const refused: [why: string, document: () => Uint8Array, code: PkiErrorCode][] = [
  // As a whole
  ['nothing', () => Buffer.alloc(0), 'cms_malformed'],
  ['a certificate alone', () => citizen.certificate, 'cms_malformed'],
  ['octets after the end', () => withTrailingBytes(good), 'cms_malformed'],
  ['an end that is cut off', () => good.subarray(0, -1), 'cms_malformed'],
  ['a megabyte', () => signedDocument(citizen, Buffer.alloc(1024 * 1024)), 'cms_too_large'],
  ['one octet too many', () => Buffer.alloc(MAX_SIGNED_DOCUMENT_SIZE + 1, good), 'cms_too_large'],
  ['a tower of sequences', () => tower(60_000 / 4), 'cms_malformed'],
  ['an envelope', () => made({ outerType: CMS.envelopedData }), 'cms_content'],
  ['another version', () => made({ version: 3 }), 'cms_malformed'],
  // Something after the last field
  ['something after the message', () => made({ surplusIn: 'contentInfo' }), 'cms_malformed'],
  ['something after the signers', () => made({ surplusIn: 'signedData' }), 'cms_malformed'],
  ['something after the signature', () => made({ unsigned: nullValue() }), 'cms_malformed'],
  [
    'something after the content',
    () => made({ encapsulated: [context(0, octetString(content)), nullValue()] }),
    'cms_malformed',
  ],
  [
    'something after a certificate’s name',
    () => made({ attributes: naming([...referenceTo(citizen.certificate), nullValue()]) }),
    'cms_malformed',
  ],
  // BER in place of DER
  ['an indefinite length', () => withIndefiniteLength(good), 'cms_malformed'],
  ['a length that is longer than need be', () => withNonMinimalLength(good), 'cms_malformed'],
  [
    'content in pieces',
    () => made({ encapsulated: [context(0, der.element(0x24, [octetString(content)]))] }),
    'cms_malformed',
  ],
  ['attributes out of order', () => made({ inOrder: false, attributes: (own) => inReverse(own) }), 'cms_malformed'],
  [
    'a default that is written out',
    () =>
      made({
        attributes: naming([sequence(objectIdentifier(SHA256)), ...referenceTo(citizen.certificate)]),
      }),
    'cms_malformed',
  ],
  // The content
  ['content that is somewhere else', () => made({ encapsulated: [] }), 'cms_content'],
  ['content of another kind', () => made({ contentType: CMS.signedData }), 'cms_content'],
  [
    'content after the content',
    () => made({ encapsulated: [context(0, octetString(content), octetString(content))] }),
    'cms_malformed',
  ],
  ['other content', () => made({ encapsulated: [context(0, octetString(Buffer.from('別の申込書')))] }), 'cms_digest'],
  [
    'a digest of something else',
    () => made(instead('messageDigest', attribute(CMS.messageDigest, octetString(Buffer.alloc(32))))),
    'cms_digest',
  ],
  [
    'an empty digest',
    () => made(instead('messageDigest', attribute(CMS.messageDigest, octetString(Buffer.alloc(0))))),
    'cms_digest',
  ],
  // What must be signed
  [
    'no signed attributes, under a signature of the content',
    () => made({ signed: () => content, signerInfo: (fields) => fields.toSpliced(3, 1) }),
    'cms_attributes',
  ],
  ['no kind of content', () => made(without('contentType')), 'cms_attributes'],
  ['no digest', () => made(without('messageDigest')), 'cms_attributes'],
  ['no certificate named', () => made(without('signingCertificate')), 'cms_attributes'],
  [
    'a certificate named by SHA-1 alone (RFC 2634)',
    () =>
      made(
        instead(
          'signingCertificate',
          attribute(CMS.signingCertificate, sequence(sequence(sequence(octetString(Buffer.alloc(20)))))),
        ),
      ),
    'cms_attributes',
  ],
  [
    'another kind of content named',
    () => made(instead('contentType', attribute(CMS.contentType, objectIdentifier(CMS.signedData)))),
    'cms_attributes',
  ],
  [
    'an attribute twice',
    () => made(beside(attribute(CMS.messageDigest, octetString(Buffer.alloc(32))))),
    'cms_attributes',
  ],
  [
    'an unknown attribute twice',
    () =>
      made({
        attributes: (own) => [
          ...Object.values(own),
          attribute('1.2.3.4', integer(1)),
          attribute('1.2.3.4', integer(2)),
        ],
      }),
    'cms_attributes',
  ],
  [
    'a digest with two values',
    () =>
      made(
        instead(
          'messageDigest',
          attribute(CMS.messageDigest, octetString(Buffer.alloc(31)), octetString(Buffer.alloc(32))),
        ),
      ),
    'cms_attributes',
  ],
  ['a digest without value', () => made(instead('messageDigest', attribute(CMS.messageDigest))), 'cms_attributes'],
  [
    'two certificates named',
    () => made({ attributes: naming(referenceTo(citizen.certificate), referenceTo(twin.certificate)) }),
    'cms_attributes',
  ],
  [
    'a time that does not exist',
    () => made(instead('signingTime', attribute(CMS.signingTime, der.element(0x17, [Buffer.from('269901000000Z')])))),
    'cms_malformed',
  ],
  [
    'seventeen attributes',
    () =>
      made({
        attributes: (own) => [
          ...Object.values(own),
          ...Array.from({ length: 13 }, (_, index) => attribute(`1.2.3.${index}`, integer(1))),
        ],
      }),
    'cms_malformed',
  ],
  [
    'a tower in an attribute',
    () => made(instead('signingCertificate', attribute(CMS.signingCertificateV2, tower(40)))),
    'cms_malformed',
  ],
  [
    'attributes that nobody signed',
    () => made({ unsigned: context(1, attribute('1.2.3.4', integer(1))) }),
    'cms_malformed',
  ],
  [
    'a digest that is not a string of octets',
    () =>
      made(
        instead(
          'messageDigest',
          attribute(CMS.messageDigest, der.bitString(hash('sha256', content, 'buffer').subarray(1), 0)),
        ),
      ),
    'cms_malformed',
  ],
  [
    'an issuer under two names',
    () => made({ attributes: naming([digestOf(citizen.certificate), namedBy(issuerName, issuerName)]) }),
    'cms_malformed',
  ],
  [
    'an issuer under a name of another kind',
    () =>
      made({
        attributes: naming([digestOf(citizen.certificate), namedBy(der.contextPrimitive(2, Buffer.from('a.example')))]),
      }),
    'cms_malformed',
  ],
  // Algorithms
  ['SHA-1', () => made({ digest: 'sha1', signatureAlgorithm: rsa(CMS.sha1WithRSA) }), 'cms_algorithm'],
  [
    'a signature by SHA-1 beside a digest by SHA-256',
    () => made({ signatureAlgorithm: rsa(CMS.sha1WithRSA) }),
    'cms_algorithm',
  ],
  [
    'RSA with SHA-384, which no card has',
    () => made({ digest: 'sha384', signatureAlgorithm: rsa('1.2.840.113549.1.1.12') }),
    'cms_algorithm',
  ],
  [
    'a digest that the document does not announce',
    () => made({ digestAlgorithms: [sequence(objectIdentifier(CMS.sha384))] }),
    'cms_algorithm',
  ],
  [
    'two digests announced',
    () =>
      made({
        digestAlgorithms: [sequence(objectIdentifier(SHA256)), sequence(objectIdentifier(CMS.sha384))],
      }),
    'cms_malformed',
  ],
  [
    'parameters of a digest',
    () => made({ digestAlgorithm: sequence(objectIdentifier(SHA256), integer(1)) }),
    'cms_malformed',
  ],
  [
    'an algorithm of curves by an RSA key',
    () => made({ signatureAlgorithm: sequence(objectIdentifier(CMS.ecdsaWithSHA256)) }),
    'cms_signature',
  ],
  [
    'a digest’s NULL that is not empty',
    () => made({ digestAlgorithm: sequence(objectIdentifier(SHA256), der.element(0x05, [content])) }),
    'cms_malformed',
  ],
  [
    'a key’s NULL that is not empty',
    () => made({ signatureAlgorithm: sequence(objectIdentifier(CMS.rsaEncryption), der.element(0x05, [content])) }),
    'cms_malformed',
  ],
  // Who signed
  ['nobody’s signature', () => made({ signerInfos: () => [] }), 'cms_signer'],
  ['two signers', () => made({ signerInfos: (own) => [own, own] }), 'cms_signer'],
  [
    'a signer named by key identifier',
    () => made({ signerVersion: 3, sid: der.contextPrimitive(0, Buffer.alloc(20)) }),
    'cms_malformed',
  ],
  ['a key identifier under version 1', () => made({ sid: der.contextPrimitive(0, Buffer.alloc(20)) }), 'cms_signer'],
  ['a signer with another serial', () => made({ sid: nameOf(twin) }), 'cms_signer'],
  ['no certificate', () => made({ certificates: null }), 'cms_signer'],
  ['an empty set of certificates', () => made({ certificates: [] }), 'cms_malformed'],
  ['the certificate of somebody else', () => made({ certificates: [stranger.certificate] }), 'cms_signer'],
  [
    'the certificate exchanged for another one of the same key',
    () => made({ certificates: [twin.certificate], sid: nameOf(twin) }),
    'cms_signer',
  ],
  ['the certificate twice', () => made({ certificates: [citizen.certificate, citizen.certificate] }), 'cms_signer'],
  [
    'five certificates',
    () => made({ certificates: [citizen, twin, stranger, citizen, citizen].map((each) => each.certificate) }),
    'cms_malformed',
  ],
  [
    'certificates out of order',
    () =>
      made({
        certificates: [
          Buffer.concat(
            [citizen.certificate, issuer.der]
              .map((each) => Buffer.from(each))
              .sort(Buffer.compare)
              .reverse(),
          ),
        ],
      }),
    'cms_malformed',
  ],
  [
    'an attribute certificate',
    () => made({ certificates: [citizen.certificate, context(2, integer(1))] }),
    'cms_malformed',
  ],
  [
    'a certificate that is none',
    () => made({ certificates: [noCertificate], attributes: naming([digestOf(noCertificate)]) }),
    'certificate_malformed',
  ],
  [
    'another issuer and serial beside the digest',
    () => made({ attributes: naming([digestOf(citizen.certificate), ...referenceTo(twin.certificate).slice(1)]) }),
    'cms_signer',
  ],
  ['lists that the signer chose', () => made({ crls: context(1, sequence()) }), 'cms_malformed'],
  // The signature
  ['a signature of other attributes', () => made({ signed: () => Buffer.from('x') }), 'cms_signature'],
  [
    'a signature of the [0] in place of the SET',
    () => made({ signed: (own) => Buffer.concat([Buffer.of(0xa0), own.subarray(1)]) }),
    'cms_signature',
  ],
  ['a signature of the content itself', () => made({ signed: () => content }), 'cms_signature'],
  ['a signature by somebody else', () => signedDocument({ ...citizen, key: stranger.key }, content), 'cms_signature'],
  ['a signature of zeros', () => made({ signature: (own) => Buffer.alloc(own.length) }), 'cms_signature'],
  ['an empty signature', () => made({ signature: () => Buffer.alloc(0) }), 'cms_signature'],
  [
    'a signature with an octet more',
    () => made({ signature: (own) => Buffer.concat([own, Buffer.of(0)]) }),
    'cms_signature',
  ],
];

function inReverse(own: Own): Buffer[] {
  return Object.values(own).sort(Buffer.compare).reverse();
}

describe('verifySignedDocument refuses', () => {
  for (const [why, document, code] of refused) {
    it(`${why} (${code})`, () => assert.throws(() => verifySignedDocument(document()), pkiError(code)));
  }
});

describe('draftSignedDocument', () => {
  const curves = [
    ['RSA', citizen, 'RS256', 'sha256'],
    ['P-256', onP256, 'ES256', 'sha256'],
    ['P-384', onP384, 'ES384', 'sha384'],
  ] as const;
  const time = Date.UTC(2026, 9, 1, 3, 0, 7);

  for (const [kind, signer, algorithm, digest] of curves) {
    const write = (octets: Uint8Array) => {
      const draft = draftSignedDocument(octets, signer.certificate, time);
      assert.equal(draft.algorithm, algorithm);
      return draft.complete(sign(digest, draft.toBeSigned, { key: signer.key, dsaEncoding: 'ieee-p1363' }));
    };

    it(`writes what verifySignedDocument reads, by ${kind}`, () => {
      for (const octets of [content, Buffer.alloc(0), Buffer.alloc(200_000, 7)]) {
        const { content: read, signingTime } = verifySignedDocument(write(octets));
        assert.deepEqual([Buffer.from(read), signingTime], [octets, time]);
      }
    });

    it(`writes what openssl verifies, by ${kind}`, async () => {
      const { code, output, produced } = await openssl(
        [
          ...'cms -verify -cades -inform DER -binary -purpose any -CAfile root.pem -in document.p7s -out content'.split(
            ' ',
          ),
        ],
        { 'document.p7s': write(content), 'root.pem': issuer.pem },
        'content',
      );
      assert.equal(code, 0, output);
      assert.deepEqual(produced, content);
    });
  }
});

describe('what openssl cms -sign makes', () => {
  const byOpenssl = async (signer: Signer & { pem: string }, ...options: string[]) => {
    const key = signer.key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { code, output, produced } = await openssl(
      [
        ...'cms -sign -binary -outform DER -in content -out document.p7s -signer signer.pem -inkey key.pem'.split(' '),
        ...options,
      ],
      { content, 'signer.pem': signer.pem, 'key.pem': key, 'root.pem': issuer.pem },
      'document.p7s',
    );
    assert.equal(code, 0, output);
    return produced;
  };

  it('is accepted with -cades, the content inside and in DER, with and without the authority’s certificate', async () => {
    for (const options of [[], ['-nosmimecap'], ['-certfile', 'root.pem']]) {
      const document = await byOpenssl(citizen, '-nodetach', '-cades', '-md', 'sha256', ...options);
      assert.deepEqual(Buffer.from(verifySignedDocument(document).content), content);
    }
  });

  it('is accepted with the key of the next card', async () => {
    const document = await byOpenssl(onP384, '-nodetach', '-cades', '-md', 'sha384');
    assert.deepEqual(Buffer.from(verifySignedDocument(document).content), content);
  });

  const otherwise: [string, string[], PkiErrorCode][] = [
    ['detached', ['-cades', '-md', 'sha256'], 'cms_content'],
    ['streamed, which is BER', ['-nodetach', '-cades', '-md', 'sha256', '-stream'], 'cms_malformed'],
    ['without -cades', ['-nodetach', '-md', 'sha256'], 'cms_attributes'],
    ['without attributes', ['-nodetach', '-md', 'sha256', '-noattr'], 'cms_attributes'],
    ['without the certificate', ['-nodetach', '-cades', '-md', 'sha256', '-nocerts'], 'cms_signer'],
    ['by SHA-1', ['-nodetach', '-cades', '-md', 'sha1'], 'cms_algorithm'],
    ['by SHA-512', ['-nodetach', '-cades', '-md', 'sha512'], 'cms_algorithm'],
    ['by PSS', ['-nodetach', '-cades', '-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss'], 'cms_algorithm'],
    ['by a key identifier', ['-nodetach', '-cades', '-md', 'sha256', '-keyid'], 'cms_malformed'],
  ];
  for (const [how, options, code] of otherwise) {
    it(`is refused ${how} (${code})`, async () => {
      const document = await byOpenssl(citizen, ...options);
      assert.throws(() => verifySignedDocument(document), pkiError(code));
    });
  }
});

describe('looksLikeSignedDocument', () => {
  it('tells documents from certificates, and takes those for documents that are cut or in BER', () => {
    const alike = [good, good.subarray(0, 40), withIndefiniteLength(good), made({ version: 9 })];
    assert.deepEqual(alike.map(looksLikeSignedDocument), [true, true, true, true]);
    const others = [
      citizen.certificate,
      Buffer.alloc(0),
      Buffer.from('{"format":'),
      made({ outerType: CMS.envelopedData }),
    ];
    assert.deepEqual(others.map(looksLikeSignedDocument), [false, false, false, false]);
  });
});
