import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addExtensions,
  CHIYODA,
  type CrlOptions,
  certificateIssuer,
  cRLNumber,
  createCrl,
  der,
  distributionPointOf,
  invalidityDate,
  keyUsage,
  REVOCATION_REASON,
  type RevocationReason,
  replaceExtension,
  unknownExtension,
  withIndefiniteLength,
  withNonMinimalLength,
  withTrailingBytes,
} from '../../../adapters/sandbox/pki/index.ts';
import type { PkiErrorCode, RevocationListOptions } from '../../../provider/pki/index.ts';
import { parseRevocationList } from '../../../provider/pki/index.ts';
import { PeculiarCrl } from '../../adapters/sandbox/pki/peculiar_x509.ts';
import { anchorOf, DAY, flipped, HOUR, NOW, parsedUser, pkiError, root, SECOND } from './fixtures.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const defaults = { anchor, now: NOW, maxSize: 1 << 20 };
const list = (options: CrlOptions = {}) => createCrl(issuer, { thisUpdate: NOW - HOUR, ...options });
const parse = async (options: CrlOptions = {}, how: Partial<RevocationListOptions> = {}) =>
  parseRevocationList(await list(options), { ...defaults, ...how });
const entry = (serialNumber: bigint | Uint8Array, reason: RevocationReason | null = 'superseded') => ({
  serialNumber,
  revokedAt: NOW - DAY,
  reason,
});

describe('parseRevocationList', () => {
  it('finds every revoked serial with reason and date, and no other', async () => {
    const revocations = await parse({ number: 7, entries: [entry(5n), entry(0x80n, null), entry(2n ** 158n)] });
    assert.equal(revocations.size, 3);
    assert.equal(revocations.number, 7n);
    assert.equal(revocations.thisUpdate, NOW - HOUR);
    assert.equal(revocations.nextUpdate, NOW - HOUR + DAY);
    assert.deepEqual(revocations.find(Uint8Array.of(5)), { reason: 'superseded', revokedAt: NOW - DAY });
    assert.deepEqual(revocations.find(Uint8Array.of(0, 0x80)), { reason: 'unspecified', revokedAt: NOW - DAY });
    assert.ok(revocations.find(Uint8Array.of(0x40, ...new Array(19).fill(0))));
    assert.equal(revocations.find(Uint8Array.of(6)), undefined);
    assert.equal(revocations.find(Uint8Array.of(0x80)), undefined);
  });

  it('names all reasons of RFC 5280 §5.3.1', async () => {
    const reasons = Object.keys(REVOCATION_REASON) as RevocationReason[]; // keys of a constant are its names
    const revocations = await parse({ entries: reasons.map((reason, place) => entry(BigInt(place + 1), reason)) });
    reasons.forEach((reason, place) => {
      assert.equal(revocations.find(Uint8Array.of(place + 1))?.reason, reason);
    });
  });

  it('reads the reason beside other extensions of an entry', async () => {
    const extensions = [invalidityDate(NOW - 2 * DAY)];
    const revocations = await parse({
      entries: [
        { ...entry(1n, 'keyCompromise'), extensions },
        { ...entry(2n, null), extensions },
      ],
    });
    assert.equal(revocations.find(Uint8Array.of(1))?.reason, 'keyCompromise');
    assert.equal(revocations.find(Uint8Array.of(2))?.reason, 'unspecified');
  });

  it('reads an empty list', async () => assert.equal((await parse()).size, 0));

  it('agrees with @peculiar/x509 on a list that it can read', async () => {
    const entries = Array.from({ length: 200 }, (_, place) =>
      entry(BigInt((place * 7919) % 65_536) + 1n, 'certificateHold'),
    );
    const bytes = await list({ entries });
    const ours = parseRevocationList(bytes, defaults);
    const peculiar = new PeculiarCrl(bytes);
    assert.equal(ours.size, peculiar.entries.length);
    for (const { serialNumber, revocationDate, reason } of peculiar.entries) {
      // It drops the leading zero octet that keeps a serial positive.
      const octets = Buffer.from(serialNumber, 'hex');
      const found = ours.find((octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.of(0), octets]));
      assert.equal(found?.revokedAt, revocationDate.getTime());
      assert.equal(found?.reason, 'certificateHold');
      assert.equal(reason, 6);
    }
  });

  it('reads a hundred thousand entries in well under a second', async () => {
    const entries = Array.from({ length: 100_000 }, (_, place) =>
      entry(BigInt(0x1000000 + ((place * 7919) % 100_003)), 'superseded'),
    );
    const bytes = await list({ entries });
    const before = performance.now();
    const revocations = parseRevocationList(bytes, { ...defaults, maxSize: bytes.length });
    assert.ok(performance.now() - before < 1000);
    assert.equal(revocations.size, 100_000);
    assert.ok(revocations.find(Uint8Array.of(1, 0, 0, 0)));
  });

  const outer = (change: (bytes: Buffer) => Buffer): CrlOptions => ({ overrides: { crl: change } });
  const scope = (value: NonNullable<CrlOptions['scope']>): CrlOptions => ({ scope: value });
  const refusals: [rule: string, code: PkiErrorCode, options: CrlOptions][] = [
    ['a list that ended a second ago', 'crl_stale', { thisUpdate: NOW - DAY, nextUpdate: NOW - SECOND }],
    ['a list that begins in a second', 'crl_not_yet_valid', { thisUpdate: NOW + SECOND }],
    ['a list without an end', 'crl_malformed', { nextUpdate: null }],
    ['a list that ends before it begins', 'crl_malformed', { nextUpdate: NOW - 2 * HOUR }],
    ['version 1', 'crl_malformed', { overrides: { version: 'v1' } }],
    ['version 3', 'crl_malformed', { overrides: { version: 2 } }],
    ['an outer algorithm that differs', 'crl_malformed', { overrides: { outerAlgorithm: 'sha512WithRSAEncryption' } }],
    ['SHA-1', 'crl_algorithm', { overrides: { algorithm: 'sha1WithRSAEncryption' } }],
    ['another issuer', 'crl_issuer', { overrides: { issuer: Buffer.from('300d310b3009060355040613024a50', 'hex') } }],
    ['a list without a number', 'crl_number_missing', { number: null }],
    ['a delta list', 'crl_delta', { deltaBase: 1 }],
    ['a number of 21 octets', 'crl_malformed', { number: 2n ** 160n }],
    ['a negative number', 'crl_malformed', { number: -1n }],
    ['two numbers', 'crl_malformed', { overrides: { extensions: addExtensions(cRLNumber(9)) } }],
    [
      'an unknown critical extension',
      'crl_critical_extension',
      { overrides: { extensions: addExtensions(unknownExtension()) } },
    ],
    ['a list about authorities only', 'crl_scope', scope({ onlyContainsCACerts: true })],
    ['a list about attribute certificates only', 'crl_scope', scope({ onlyContainsAttributeCerts: true })],
    ['a list of some reasons only', 'crl_scope', scope({ onlySomeReasons: [1] })],
    ['an indirect list', 'crl_scope', scope({ indirectCRL: true })],
    [
      'an entry about another authority',
      'crl_scope',
      { entries: [{ ...entry(1n), extensions: [certificateIssuer(issuer.name)] }] },
    ],
    [
      'an unknown critical extension of an entry',
      'crl_critical_extension',
      { entries: [{ ...entry(1n), extensions: [unknownExtension()] }] },
    ],
    [
      'an unknown reason',
      'crl_malformed',
      {
        entries: [
          {
            ...entry(1n, null),
            extensions: [{ oid: '2.5.29.21', critical: false, value: Buffer.from('0a0107', 'hex') }],
          },
        ],
      },
    ],
    [
      'an entry without a date',
      'crl_malformed',
      { overrides: { toBeSigned: (tbs) => replaceOnce(tbs, '020101170d', '020101040d') }, entries: [entry(1n)] },
    ],
    ['a negative serial', 'crl_malformed', { entries: [entry(Uint8Array.of(0x80))] }],
    ['an empty serial', 'crl_malformed', { entries: [entry(new Uint8Array())] }],
    ['a padded serial', 'crl_malformed', { entries: [entry(Uint8Array.of(0, 1))] }],
    ['a serial of 21 octets', 'crl_malformed', { entries: [entry(2n ** 160n)] }],
    ['trailing bytes', 'crl_malformed', outer(withTrailingBytes)],
    ['a non-minimal length', 'crl_malformed', outer(withNonMinimalLength)],
    ['an indefinite length', 'crl_malformed', outer(withIndefiniteLength)],
    ['a non-minimal length that is signed', 'crl_malformed', { overrides: { toBeSigned: withNonMinimalLength } }],
    ['half a list', 'crl_malformed', outer((bytes) => bytes.subarray(0, bytes.length / 2))],
    ['nothing', 'crl_malformed', outer(() => Buffer.alloc(0))],
    ['a web page', 'crl_malformed', outer(() => Buffer.from('<!doctype html><title>503</title>'))],
    ['PEM', 'crl_malformed', outer((bytes) => Buffer.from(`-----BEGIN X509 CRL-----\n${bytes.toString('base64')}`))],
    ['a certificate', 'crl_malformed', outer(() => issuer.der)],
    ['one changed bit', 'crl_signature', outer((bytes) => Buffer.from(flipped(bytes, bytes.length - 1)))],
  ];
  for (const [rule, code, options] of refusals) {
    it(`refuses ${rule} as ${code}`, async () => {
      await assert.rejects(parse(options), pkiError(code));
    });
  }

  it('refuses a list signed by another key of the same name', async () => {
    const impostor = await root('impostor');
    await assert.rejects(parse({ overrides: { signingKey: impostor.key.privateKey } }), pkiError('crl_signature'));
  });

  it('refuses a partition whose name is relative to the issuer', async () => {
    const attribute = der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String('Chiyoda-ku CRLDP'));
    const value = der.sequence(der.context(0, der.context(1, attribute)));
    const extensions = addExtensions({ oid: '2.5.29.28', critical: true, value });
    await assert.rejects(parse({ overrides: { extensions } }), pkiError('crl_scope'));
  });

  it('refuses an entry with something after its extensions', async () => {
    const entries = [{ ...entry(1n, 'superseded'), extensions: [invalidityDate(NOW)] }];
    const toBeSigned = (tbs: Buffer) => {
      const hex = tbs.toString('hex');
      // The list of extensions ends after the first one, so that the second stands behind it.
      const cut = hex.replace(/30..(300a0603551d1504030a0104)/, '300c$1');
      assert.notEqual(cut, hex);
      return Buffer.from(cut, 'hex');
    };
    await assert.rejects(parse({ entries, overrides: { toBeSigned } }), pkiError('crl_malformed'));
  });

  it('refuses a root that may not sign lists', async () => {
    const overrides = { extensions: replaceExtension(keyUsage(['keyCertSign'])) };
    const unable = anchorOf(await root('root', { overrides }));
    await assert.rejects(parse({}, { anchor: unable }), pkiError('crl_signer'));
  });

  it('refuses a list over the size that the caller allows before looking at it', async () => {
    await assert.rejects(parse({}, { maxSize: 100 }), pkiError('crl_too_large'));
  });

  it('lets a list serve past its end by the grace that the operator chose, and no longer', async () => {
    const ended = { thisUpdate: NOW - DAY, nextUpdate: NOW - HOUR };
    const revocations = await parse(ended, { grace: HOUR });
    assert.ok(revocations.isFresh(NOW, HOUR));
    assert.ok(!revocations.isFresh(NOW));
    await assert.rejects(parse(ended, { grace: HOUR - SECOND }), pkiError('crl_stale'));
  });

  it('ends exactly at nextUpdate', async () => {
    const revocations = await parse();
    assert.ok(revocations.isFresh(revocations.nextUpdate));
    assert.ok(!revocations.isFresh(revocations.nextUpdate + SECOND));
    assert.ok(!revocations.isFresh(revocations.thisUpdate - SECOND));
  });
});

describe('RevocationList.covers', () => {
  const osaka = { code: '27100', prefecture: 'Osaka-fu', name: 'Osaka-shi' };

  it('takes a list without a partition for every certificate of its issuer', async () => {
    for (const scope of [undefined, { onlyContainsUserCerts: true }]) {
      const revocations = await parse(scope && { scope });
      assert.ok(revocations.covers(await parsedUser(issuer)));
      assert.ok(revocations.covers(await parsedUser(issuer, { municipality: osaka })));
    }
  });

  it('takes a partition only for certificates that name it', async () => {
    const revocations = await parse({
      scope: { distributionPoint: distributionPointOf(issuer, CHIYODA), onlyContainsUserCerts: true },
    });
    assert.ok(revocations.covers(await parsedUser(issuer, { municipality: CHIYODA })));
    assert.ok(!revocations.covers(await parsedUser(issuer, { municipality: osaka })));
  });

  it('takes no list for a certificate of another issuer', async () => {
    const other = await root('root', { organization: 'JPKI' });
    assert.ok(!(await parse()).covers(await parsedUser(other)));
  });

  it('does not count a distribution point for some reasons, or of another signer', async () => {
    const name = der.context(0, der.context(0, der.context(4, distributionPointOf(issuer, CHIYODA))));
    const revocations = await parse({ scope: { distributionPoint: distributionPointOf(issuer, CHIYODA) } });
    for (const limit of [
      der.contextPrimitive(1, Buffer.from('0640', 'hex')),
      der.context(2, der.context(4, issuer.name)),
    ]) {
      const points = { oid: '2.5.29.31', critical: false, value: der.sequence(der.sequence(name, limit)) };
      const certificate = await parsedUser(issuer, { overrides: { extensions: replaceExtension(points) } });
      assert.deepEqual(certificate.extensions.distributionPoints, []);
      assert.ok(!revocations.covers(certificate));
    }
  });
});

function replaceOnce(bytes: Buffer, from: string, to: string): Buffer {
  const hex = bytes.toString('hex');
  assert.ok(hex.includes(from));
  return Buffer.from(hex.replace(from, to), 'hex');
}
