import assert from 'node:assert/strict';
import { constants, createHash, privateEncrypt, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { restoreStoredRoot } from '../../adapters/sandbox/authority/roots_of_state.ts';
import {
  addExtensions,
  answerOcsp,
  asOcspResponder,
  CHIYODA,
  type CitizenCertificateOptions,
  createCrl,
  createRoot,
  der,
  extendedKeyUsage,
  type IssuedCertificate,
  issueSigningCertificate,
  keyUsage,
  OID,
  opaqueCommonName,
  type Root,
  rsaPublicKeyInfo,
  unknownExtension,
  withIndefiniteLength,
  withNonMinimalLength,
  withoutExtension,
  withTrailingBytes,
} from '../../adapters/sandbox/pki/index.ts';
import { ecKey, oddRsaKey, rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { type AttackHub, startAttackHub, type TokenChange } from './attack_hub.ts';
import { octets, type StubAuthority, startStubAuthority } from './stub_authority.ts';

/** Such a sign-in would make the hub ask the responder, if it came so far. */
const ASKING = { acr_values: 'aal3 ocsp' };

describe('at the sign-in form', () => {
  let authority: TestAuthority;
  let stub: StubAuthority;
  let hub: AttackHub;
  let now: number | undefined;

  before(async () => {
    authority = await startTestAuthority();
    stub = await startStubAuthority();
    const root = restoreStoredRoot(authority.authority.store.state, 'user', 3);
    stub.answerList = octets(await createCrl(root, { thisUpdate: Date.now() - 60_000 }));
    stub.answerOcsp = async ({ body, response }) =>
      response.end(await answerOcsp(asOcspResponder(root), body, { status: () => ({ status: 'good' }) }));
    hub = await startAttackHub({
      authority,
      clock: () => now ?? Date.now(),
      settings: { revocation: stub.settings },
    });
    // While it has no list, an ordinary sign-in asks the responder as well.
    await hub.target.hub.refreshLists();
  });
  after(async () => {
    await hub.stop();
    await authority.stop();
    await stub.stop();
  });

  /** The sign-in is refused with that code, before anybody asks the authority anything. */
  async function assertRefusedUnasked(
    card: IssuedCertificate,
    code: string,
    { status = 403, change = {} }: { status?: number; change?: TokenChange } = {},
  ): Promise<void> {
    const { responder } = stub.asked;
    await hub.assertRefused((browser) => hub.present(card, { browser, change, parameters: ASKING }), { code, status });
    assert.equal(stub.asked.responder, responder, 'the authority was asked about it');
  }

  it('a good card makes the hub ask the authority, so that the silence below means something', async () => {
    const { responder } = stub.asked;
    await hub.goodSignIn({ card: await hub.issue(), parameters: ASKING });
    assert.equal(stub.asked.responder, responder + 1);
  });

  const certificates: [string, CitizenCertificateOptions, string][] = [
    ['the policy of the other authority', { policies: [OID.policySigningTest] }, 'certificate_is_signing'],
    ['both policies of the card', { policies: [OID.policyUserTest, OID.policySigningTest] }, 'certificate_is_signing'],
    ['a real policy under the sandbox', { policies: [OID.policyUser] }, 'certificate_policy'],
    ['a policy of nobody', { policies: ['1.3.6.1.4.1.99999.7'] }, 'certificate_policy'],
    ['anyPolicy', { policies: ['2.5.29.32.0'] }, 'certificate_policy'],
    ['no policies', { overrides: { extensions: withoutExtension(OID.certificatePolicies) } }, 'certificate_policy'],
    ['no key usage', { overrides: { extensions: withoutExtension(OID.keyUsage) } }, 'certificate_key_usage'],
    ['a key usage without signatures', { keyUsage: ['keyEncipherment'] }, 'certificate_key_usage'],
    [
      'the signing certificate’s key usage',
      { keyUsage: ['digitalSignature', 'nonRepudiation'] },
      'certificate_key_usage',
    ],
    ['the right to sign certificates', { keyUsage: ['digitalSignature', 'keyCertSign'] }, 'certificate_key_usage'],
    ['a server’s purpose', { extendedKeyUsage: [OID.serverAuth] }, 'certificate_key_usage'],
    ['a server’s purpose too', { extendedKeyUsage: [OID.clientAuth, OID.serverAuth] }, 'certificate_key_usage'],
    ['every purpose', { extendedKeyUsage: ['2.5.29.37.0'] }, 'certificate_key_usage'],
    ['a responder’s purpose', { extendedKeyUsage: [OID.ocspSigning] }, 'certificate_key_usage'],
    ['CA:TRUE', { authority: true }, 'certificate_is_authority'],
    [
      'an unknown critical extension',
      { overrides: { extensions: addExtensions(unknownExtension()) } },
      'certificate_critical_extension',
    ],
    [
      'a second key usage',
      { overrides: { extensions: addExtensions(keyUsage(['digitalSignature'])) } },
      'certificate_malformed',
    ],
    [
      'a second extended key usage',
      { overrides: { extensions: addExtensions(extendedKeyUsage([OID.clientAuth])) } },
      'certificate_malformed',
    ],
    [
      'an unknown extension twice',
      { overrides: { extensions: addExtensions(unknownExtension(false), unknownExtension(false)) } },
      'certificate_malformed',
    ],
    ['version 1', { overrides: { version: 'v1' } }, 'certificate_malformed'],
    ['version 1 and extensions', { overrides: { version: 0 } }, 'certificate_malformed'],
    ['version 4', { overrides: { version: 3 } }, 'certificate_malformed'],
    [
      'another algorithm outside than inside',
      { overrides: { outerAlgorithm: 'sha384WithRSAEncryption' } },
      'certificate_malformed',
    ],
    ['a signature with SHA-1', { overrides: { algorithm: 'sha1WithRSAEncryption' } }, 'certificate_algorithm'],
    ['a signature with MD5', { overrides: { algorithm: 'md5WithRSAEncryption' } }, 'certificate_algorithm'],
    ['a signature with SHA-512', { overrides: { algorithm: 'sha512WithRSAEncryption' } }, 'certificate_algorithm'],
    ['a PSS signature', { overrides: { algorithm: 'rsassaPss' } }, 'certificate_algorithm'],
    [
      'a signed length that is not minimal',
      { overrides: { toBeSigned: withNonMinimalLength } },
      'certificate_malformed',
    ],
    [
      'an outer length that is not minimal',
      { overrides: { certificate: withNonMinimalLength } },
      'certificate_malformed',
    ],
    ['BER’s indefinite form', { overrides: { certificate: withIndefiniteLength } }, 'certificate_malformed'],
    ['BER’s indefinite form, signed', { overrides: { toBeSigned: withIndefiniteLength } }, 'certificate_malformed'],
    ['octets after it', { overrides: { certificate: withTrailingBytes } }, 'certificate_malformed'],
    [
      'a certificate after it',
      { overrides: { certificate: (der) => Buffer.concat([der, der]) } },
      'certificate_malformed',
    ],
    ['a serial number of zero', { overrides: { serialNumber: 0n } }, 'certificate_malformed'],
    ['a negative serial number', { overrides: { serialNumber: Buffer.of(0x80, 1, 2, 3) } }, 'certificate_malformed'],
    ['a serial number of 21 octets', { overrides: { serialNumber: Buffer.alloc(21, 1) } }, 'certificate_malformed'],
    [
      'a serial number with a zero before it',
      { overrides: { serialNumber: Buffer.of(0, 1, 2, 3) } },
      'certificate_malformed',
    ],
    ['no end', { overrides: { certificate: (der) => der.subarray(0, der.length - 1) } }, 'certificate_malformed'],
    [
      '17 KiB',
      {
        overrides: {
          extensions: addExtensions({ ...unknownExtension(false), value: der.octetString(Buffer.alloc(16_000)) }),
        },
      },
      'certificate_too_large',
    ],
    [
      'a signature of another key',
      { overrides: { certificate: (der) => Buffer.concat([der.subarray(0, -4), Buffer.alloc(4)]) } },
      'certificate_untrusted',
    ],
  ];
  for (const [title, options, code] of certificates) {
    it(`a certificate with ${title} is refused`, async () => {
      const isTooLong = code === 'certificate_too_large';
      const card = await hub.issue(options);
      if (isTooLong) assert.ok(card.der.length > 16 * 1024);
      await assertRefusedUnasked(card, code);
    });
  }

  it('the signing certificate of a card does not sign in', async () => {
    const signingRoot = restoreStoredRoot(authority.authority.store.state, 'signing', 3);
    const attributes = { name: '山田　太郎', address: '東京都千代田区', birthDate: '1985-03-15', gender: '1' } as const;
    const card = await issueSigningCertificate(signingRoot, { attributes, key: await rsaKey('attack citizen') });
    await assertRefusedUnasked(card, 'certificate_is_signing');
  });

  it('a user certificate that the signing root issued does not sign in', async () => {
    const signingRoot = restoreStoredRoot(authority.authority.store.state, 'signing', 3);
    await assertRefusedUnasked(await hub.issue({}, signingRoot), 'certificate_untrusted');
  });

  it('a certificate of an impostor with the root’s name and key identifier is refused', async () => {
    const impostor = await createRoot({
      kind: 'user',
      organization: hub.root.organization,
      key: await rsaKey('impostor'),
      subjectKeyIdentifier: hub.root.subjectKeyIdentifier,
    });
    assert.deepEqual(impostor.name, hub.root.name);
    await assertRefusedUnasked(await hub.issue({}, impostor), 'certificate_untrusted');
    await assertRefusedUnasked(
      await hub.issue({ overrides: { signingKey: impostor.key.privateKey } }),
      'certificate_untrusted',
    );
  });

  it('a certificate that another card’s certificate signed is refused', async () => {
    const stranger = await hub.issue({ key: await rsaKey('stranger') });
    const child = await hub.issue({}, { ...hub.root, ...stranger, name: hub.root.name } as Root);
    await assertRefusedUnasked(child, 'certificate_untrusted');
  });

  it('a self-signed certificate and the root itself are refused', async () => {
    const key = await rsaKey('attack citizen');
    await assertRefusedUnasked(await hub.issue({ overrides: { signingKey: key.privateKey } }), 'certificate_untrusted');
    await assertRefusedUnasked(hub.root, 'certificate_is_authority');
  });

  it('a certificate of the generation that has ended is refused', async () => {
    const ended = restoreStoredRoot(authority.authority.store.state, 'user', 1);
    await assertRefusedUnasked(await hub.issue({}, ended), 'certificate_anchor_expired');
  });

  it('keys too weak to prove anything are refused', async () => {
    for (const key of [await oddRsaKey(1024), await oddRsaKey(2048, 3)]) {
      await assertRefusedUnasked(await hub.issue({ key }), 'certificate_key');
    }
    const modulus = BigInt(`0x${'c'.repeat(511)}1`);
    for (const exponent of [1n, 2n, 65536n, 2n ** 64n + 1n]) {
      const publicKeyInfo = rsaPublicKeyInfo(modulus, exponent);
      await assertRefusedUnasked(await hub.issue({ overrides: { publicKeyInfo } }), 'certificate_key');
    }
  });

  it('keys of a kind that no card has are refused', async () => {
    const key = await ecKey('attack citizen', 'P-256');
    await assertRefusedUnasked(await hub.issue({ key }), 'certificate_key', {
      change: {
        fields: { algorithm: 'ES256' },
        signature: (data) => sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
      },
    });
  });

  it('RSA keys that cost much to compute with are refused', async () => {
    const modulus = BigInt(`0x${'c'.repeat(16_383 / 4)}1`);
    const publicKeyInfo = rsaPublicKeyInfo(modulus, 65537n);
    await assertRefusedUnasked(await hub.issue({ overrides: { publicKeyInfo } }), 'certificate_key');
  });

  it('a certificate is refused a second before its time and a second after it, and taken in between', async () => {
    const start = Math.floor(Date.now() / 1000) * 1000 + 60_000;
    const end = start + 120_000;
    const card = await hub.issue({ notBefore: start, notAfter: end });
    const at = async (time: number, code?: string) => {
      now = time;
      try {
        if (code === undefined) await hub.goodSignIn({ card });
        else await hub.present(card).then(async () => assert.equal((await hub.auditEvents()).at(-1)?.data?.code, code));
      } finally {
        now = undefined;
      }
    };
    await at(start - 1000, 'certificate_not_yet_valid');
    await at(start);
    await at(end);
    await at(end + 1000, 'certificate_expired');
  });

  it('two cards of one name, and even of one key, are two people', async () => {
    const [last] = (await hub.auditEvents()).slice(-1);
    const commonName = opaqueCommonName(CHIYODA);
    for (let people = 0; people < 2; people += 1) await hub.goodSignIn({ card: await hub.issue({ commonName }) });
    const added = (await hub.auditEvents(last?.sequence)).filter(({ kind }) => kind === 'subject.created');
    assert.equal(new Set(added.map(({ subjectId }) => subjectId)).size, 2);
  });

  it('garbage instead of a certificate is refused', async () => {
    const garbage: [Buffer, string][] = [
      [Buffer.alloc(3), 'certificate_malformed'],
      [Buffer.alloc(12_000, 0x30), 'certificate_malformed'],
      [Buffer.concat(Array(3000).fill(Buffer.of(0x30, 0x80))), 'certificate_malformed'],
      [Buffer.from('308400000000', 'hex'), 'certificate_malformed'],
      [Buffer.from('3084ffffffff00', 'hex'), 'certificate_malformed'],
      [Buffer.from(hub.citizen.pem), 'certificate_malformed'],
      [hub.citizen.der.subarray(0, 700), 'certificate_malformed'],
    ];
    for (const [octetsSent, code] of garbage) {
      await assertRefusedUnasked({ ...hub.citizen, der: octetsSent }, code);
    }
  });

  it('a certificate of a megabyte is not even read', async () => {
    const { responder } = stub.asked;
    await hub.assertRefused(
      (browser) => hub.present({ ...hub.citizen, der: Buffer.alloc(1024 * 1024, 0x30) }, { browser }),
      { code: 'request_too_large', status: 413, audited: false },
    );
    assert.equal(stub.asked.responder, responder);
  });

  describe('possession of the key is proved before the authority is asked: a signature', () => {
    /** An RSA block that no library would make. */
    const block = (content: string): Buffer =>
      privateEncrypt(
        { key: hub.citizen.key.privateKey, padding: constants.RSA_NO_PADDING },
        Buffer.from(content, 'hex'),
      );
    const padded = (info: string, trailing = ''): string =>
      `0001${'ff'.repeat(253 - (info.length + trailing.length) / 2)}00${info}${trailing}`;
    const digestOf = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    const info = (data: Buffer) => `3031300d060960864801650304020105000420${digestOf(data)}`;

    const blocks: [string, (data: Buffer) => string][] = [
      ['with garbage after the digest', (data) => padded(info(data), 'ab'.repeat(100))],
      ['with eight octets of filler and garbage', (data) => `0001${'ff'.repeat(8)}00${info(data)}`.padEnd(512, 'ab')],
      ['without NULL', (data) => padded(`302f300b0609608648016503040201${'0420'}${digestOf(data)}`)],
      [
        'with garbage for NULL',
        (data) => padded(`3041300d06096086480165030402010510${'00'.repeat(16)}0420${digestOf(data)}`),
      ],
      ['over a bare digest', (data) => padded(digestOf(data))],
      ['of block type 2', (data) => padded(info(data)).replace(/^0001/, '0002')],
      ['with a hole in the filler', (data) => padded(info(data)).replace(/^0001ffff/, '0001ff00')],
      [
        'naming SHA-1',
        (data) => padded(`3021300906052b0e03021a05000414${createHash('sha1').update(data).digest('hex')}`),
      ],
    ];
    for (const [title, content] of blocks) {
      it(`${title} is refused`, () =>
        assertRefusedUnasked(hub.citizen, 'token_signature_invalid', {
          change: { signature: (data) => block(content(data)) },
        }));
    }

    it('that is right, made the same way, is taken', async () => {
      const answer = await hub.present(await hub.issue(), {
        change: { signature: (data) => block(padded(info(data))) },
      });
      assert.ok(answer.text.includes('value="agree"'));
    });

    it('of another key is refused', async () => {
      const other = await rsaKey('stranger');
      await assertRefusedUnasked(hub.citizen, 'token_signature_invalid', {
        change: { signature: (data) => sign('sha256', data, other.privateKey) },
      });
    });

    it('with PSS and an odd salt is refused', async () => {
      for (const saltLength of [0, 20, 222]) {
        await assertRefusedUnasked(hub.citizen, 'token_signature_invalid', {
          change: {
            fields: { algorithm: 'PS256' },
            signature: (data) =>
              sign('sha256', data, {
                key: hub.citizen.key.privateKey,
                padding: constants.RSA_PKCS1_PSS_PADDING,
                saltLength,
              }),
          },
        });
      }
    });

    it('with ECDSA and r or s of zero or out of range is refused', async () => {
      const key = await ecKey('attack citizen', 'P-384');
      const card = await hub.issue({ key });
      const signature = (data: Buffer) => sign('sha384', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
      const zero = Buffer.alloc(48);
      const big = Buffer.alloc(48, 0xff);
      const fields = { algorithm: 'ES384' };
      const answer = await hub.present(card, { change: { fields, signature } });
      assert.ok(answer.text.includes('value="agree"'), 'the right one is taken');
      for (const bad of [
        () => Buffer.concat([zero, zero]),
        (good: Buffer) => Buffer.concat([zero, good.subarray(48)]),
        (good: Buffer) => Buffer.concat([good.subarray(0, 48), zero]),
        (good: Buffer) => Buffer.concat([big, good.subarray(48)]),
        (good: Buffer) => Buffer.concat([good, Buffer.of(0)]),
      ]) {
        await assertRefusedUnasked(card, 'token_signature_invalid', {
          change: { fields, signature: (data) => bad(signature(data)) },
        });
      }
    });
  });

  it('nothing of all these certificates is in the log', () => hub.assertNothingInTheLog());
});
