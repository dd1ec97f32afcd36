import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addExtensions,
  basicConstraints,
  der,
  type Extension,
  keyUsage,
  type RootOptions,
  replaceExtension,
  unknownExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import { checkPath, checkValidity, findAnchor, jpkiUserTest, loadTrustAnchor } from '../../../provider/pki/index.ts';
import { ecKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { anchorOf, DAY, NOW, parsedUser, pkiError, root, SECOND } from './fixtures.ts';

const current = await root('current');
const former = await root('former', { notBefore: NOW - 4000 * DAY, notAfter: NOW - DAY });
const anchors = [anchorOf(former), anchorOf(current)];

describe('findAnchor', () => {
  it('finds the generation whose key signed, among roots of one name', async () => {
    const next = await root('next');
    const all = [...anchors, anchorOf(next)];
    assert.equal(findAnchor(await parsedUser(current), all, NOW).id, anchorOf(current).id);
    assert.equal(findAnchor(await parsedUser(next), all, NOW).id, anchorOf(next).id);
  });

  it('says so when the root that signed has expired', async () => {
    const certificate = await parsedUser(former);
    assert.throws(() => findAnchor(certificate, anchors, NOW), pkiError('certificate_anchor_expired'));
    assert.equal(findAnchor(certificate, anchors, NOW - DAY).id, anchorOf(former).id);
  });

  it('prefers a root in date where two generations share a key', async () => {
    const renewed = await root('former');
    const certificate = await parsedUser(former);
    assert.equal(findAnchor(certificate, [anchorOf(former), anchorOf(renewed)], NOW).id, anchorOf(renewed).id);
  });

  it('refuses a foreign root of the same name', async () => {
    const certificate = await parsedUser(await root('impostor'));
    assert.throws(() => findAnchor(certificate, anchors, NOW), pkiError('certificate_untrusted'));
  });

  it('refuses a foreign root of the same name and the same key identifier', async () => {
    const impostor = await root('impostor', { subjectKeyIdentifier: current.subjectKeyIdentifier });
    const certificate = await parsedUser(impostor);
    assert.deepEqual(Buffer.from(certificate.extensions.authorityKeyIdentifier ?? []), current.subjectKeyIdentifier);
    assert.throws(() => findAnchor(certificate, anchors, NOW), pkiError('certificate_untrusted'));
  });

  it('finds the root although the certificate names another key', async () => {
    const misleading = await root('current', { subjectKeyIdentifier: former.subjectKeyIdentifier });
    assert.equal(findAnchor(await parsedUser(misleading), anchors, NOW).id, anchorOf(current).id);
  });

  it('refuses a forged issuer name over the citizen’s own key', async () => {
    const key = await rsaKey('citizen');
    const certificate = await parsedUser(current, { key, overrides: { signingKey: key.privateKey } });
    assert.throws(() => findAnchor(certificate, anchors, NOW), pkiError('certificate_untrusted'));
  });

  it('refuses the right key under another name', async () => {
    const other = await root('current', { organization: 'JPKI' });
    const certificate = await parsedUser(other);
    assert.ok(certificate.isSignedBy(current.key.publicKey));
    assert.throws(() => findAnchor(certificate, anchors, NOW), pkiError('certificate_untrusted'));
  });

  it('refuses everything when nothing is pinned', async () => {
    const certificate = await parsedUser(current);
    assert.throws(() => findAnchor(certificate, [], NOW), pkiError('certificate_untrusted'));
  });

  it('refuses a root whose validity has not begun', async () => {
    const future = await root('future', { notBefore: NOW + DAY });
    const certificate = await parsedUser(future);
    assert.throws(() => findAnchor(certificate, [anchorOf(future)], NOW), pkiError('certificate_untrusted'));
  });

  it('follows elliptic curve roots too', async () => {
    const next = await root('unused', {
      key: await ecKey('root', 'P-384'),
      overrides: { algorithm: 'ecdsaWithSHA384' },
    });
    const certificate = await parsedUser(next, { overrides: { algorithm: 'ecdsaWithSHA384' } });
    assert.equal(certificate.signatureAlgorithm, 'ES384');
    assert.equal(findAnchor(certificate, [anchorOf(current), anchorOf(next)], NOW).id, anchorOf(next).id);
  });
});

describe('checkPath', () => {
  it('refuses a critical extension that is not understood, whoever asks', async () => {
    const extensions = addExtensions(unknownExtension());
    const certificate = await parsedUser(current, { overrides: { extensions } });
    assert.throws(
      () => checkPath(certificate, { anchors, now: NOW, profile: jpkiUserTest }),
      pkiError('certificate_critical_extension'),
    );
  });
});

describe('loadTrustAnchor', () => {
  const policyMappings: Extension = {
    oid: '2.5.29.33',
    critical: true,
    value: der.sequence(der.sequence(der.objectIdentifier('1.2.3'), der.objectIdentifier('1.2.4'))),
  };
  const inhibitAnyPolicy: Extension = { oid: '2.5.29.54', critical: true, value: der.integer(0) };
  const refusals: [rule: string, options: Partial<RootOptions>][] = [
    ['a root that is not a CA', { overrides: { extensions: replaceExtension(basicConstraints(false)) } }],
    ['a root that may not sign certificates', { overrides: { extensions: replaceExtension(keyUsage(['cRLSign'])) } }],
    ['a critical extension that is not understood', { overrides: { extensions: addExtensions(unknownExtension()) } }],
    ['a root that somebody else signed', { overrides: { signingKey: former.key.privateKey } }],
    [
      'an issuer that is not the subject',
      { overrides: { issuer: Buffer.from('300d310b3009060355040613024a50', 'hex') } },
    ],
    ['policy mappings', { overrides: { extensions: addExtensions(policyMappings) } }],
    [
      'rules for those below, where nobody can be below',
      { overrides: { extensions: addExtensions(inhibitAnyPolicy) } },
    ],
    ['something unreadable', { overrides: { certificate: (bytes) => bytes.subarray(1) } }],
  ];
  for (const [rule, options] of refusals) {
    it(`refuses ${rule}`, async () => {
      const bytes = (await root('current', options)).der;
      assert.throws(() => loadTrustAnchor(bytes, { profile: jpkiUserTest }), pkiError('anchor_invalid'));
    });
  }

  it('refuses a citizen’s certificate', async () => {
    const citizen = await parsedUser(current);
    assert.throws(() => loadTrustAnchor(citizen.der, { profile: jpkiUserTest }), pkiError('anchor_invalid'));
  });
});

describe('checkValidity', () => {
  it('counts both ends in, and refuses one second beyond either', async () => {
    const certificate = await parsedUser(current, { notBefore: NOW, notAfter: NOW + DAY });
    checkValidity(certificate, NOW);
    checkValidity(certificate, NOW + DAY);
    assert.throws(() => checkValidity(certificate, NOW - SECOND), pkiError('certificate_not_yet_valid'));
    assert.throws(() => checkValidity(certificate, NOW + DAY + SECOND), pkiError('certificate_expired'));
  });

  it('reads the end of a day in Japan', async () => {
    const certificate = await parsedUser(current, { notAfter: Date.UTC(2030, 1, 17, 14, 59, 59) });
    checkValidity(certificate, Date.parse('2030-02-17T23:59:59+09:00'));
    assert.throws(
      () => checkValidity(certificate, Date.parse('2030-02-18T00:00:00+09:00')),
      pkiError('certificate_expired'),
    );
  });
});
