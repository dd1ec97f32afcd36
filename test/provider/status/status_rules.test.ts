import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { revocationReasons } from '../../../provider/pki/index.ts';
import {
  answerTo,
  type KnownCertificateState,
  type StatusWord,
  statusOf,
} from '../../../provider/status/status_rules.ts';

const NOW = Date.parse('2026-11-24T00:00:00Z');
const YEAR = 365 * 86_400_000;

describe('what a relying party is told', () => {
  const cases: [StatusWord | 'none', StatusWord, string, string][] = [
    ['none', 'good', 'current', 'none'],
    ['good', 'good', 'current', 'current'],
    ['affiliationChanged', 'good', 'attributes_changed', 'stale'],
    ['cessationOfOperation', 'good', 'attributes_changed', 'stale'],
    ['certificateHold', 'good', 'attributes_changed', 'stale'],
    ['unspecified', 'good', 'attributes_changed', 'stale'],
    ['expired', 'good', 'attributes_changed', 'stale'],
    ['superseded', 'good', 'renewed', 'stale'],
    ['superseded', 'superseded', 'renewed', 'stale'],
    ['none', 'superseded', 'renewed', 'none'],
    ['none', 'certificateHold', 'contact_needed', 'none'],
    ['certificateHold', 'certificateHold', 'contact_needed', 'stale'],
    ['cessationOfOperation', 'cessationOfOperation', 'contact_needed', 'stale'],
    ['affiliationChanged', 'affiliationChanged', 'contact_needed', 'stale'],
    ['good', 'keyCompromise', 'contact_needed', 'stale'],
    ['good', 'cACompromise', 'contact_needed', 'stale'],
    ['expired', 'expired', 'contact_needed', 'stale'],
    ['good', 'expired', 'contact_needed', 'stale'],
    ['none', 'expired', 'contact_needed', 'none'],
  ];
  for (const [signing, user, status, attributes] of cases) {
    it(`of signing ${signing} and user ${user} is ${status}, attributes ${attributes}`, () => {
      assert.deepEqual(answerTo(signing, user), { status, attributes });
    });
  }

  it('is the same for every reason for which a card can no longer be used', () => {
    const words: StatusWord[] = [
      ...revocationReasons.filter((reason) => reason !== undefined && reason !== 'superseded'),
      'expired',
    ];
    for (const signing of ['none', 'good', ...words, 'superseded'] as const) {
      const answers = words.map((user) => JSON.stringify(answerTo(signing, user)));
      assert.equal(new Set(answers).size, 1, signing);
    }
  });
});

describe('the certificates that speak for a person', () => {
  const certificate = (over: Partial<KnownCertificateState>): KnownCertificateState => ({
    kind: 'user',
    notBefore: NOW - YEAR,
    notAfter: NOW + YEAR,
    word: 'good',
    asOf: NOW - 1000,
    source: 'crl',
    ...over,
  });

  it('are any user certificate that is good, whatever became of a newer one', () => {
    const newer = certificate({ notBefore: NOW - 1, word: 'certificateHold' });
    assert.equal(statusOf([newer, certificate({})], NOW).status, 'current');
    assert.equal(statusOf([certificate({}), newer], NOW).status, 'current');
  });

  it('are the newest user certificate when none is good', () => {
    const older = certificate({ word: 'certificateHold' });
    const newer = certificate({ notBefore: NOW - 1, word: 'superseded' });
    assert.equal(statusOf([older, newer], NOW).status, 'renewed');
    assert.equal(statusOf([newer, older], NOW).status, 'renewed');
  });

  it('are the newest signing certificate, good or not', () => {
    const older = certificate({ kind: 'signing' });
    const newer = certificate({ kind: 'signing', notBefore: NOW - 1, word: 'affiliationChanged' });
    assert.equal(statusOf([certificate({}), older, newer], NOW).status, 'attributes_changed');
    const again = certificate({ kind: 'signing', notBefore: NOW });
    assert.equal(statusOf([certificate({}), newer, again], NOW).status, 'current');
  });

  it('run out: a certificate serves to its last moment and no longer', () => {
    const one = certificate({ notAfter: NOW });
    assert.equal(statusOf([one], NOW).status, 'current');
    assert.equal(statusOf([one], NOW + 1).status, 'contact_needed');
    const signing = certificate({ kind: 'signing', notAfter: NOW - 1 });
    assert.deepEqual(statusOf([certificate({}), signing], NOW).attributes, 'stale');
  });

  it('keep the authority’s last word when they have run out', () => {
    assert.equal(statusOf([certificate({ word: 'superseded', notAfter: NOW - 1 })], NOW).status, 'renewed');
  });

  it('count as old as the older of the two words, from the source that is further from the authority', () => {
    const signing = certificate({ kind: 'signing', asOf: NOW - 5000, source: 'recorded' });
    const { asOf, source } = statusOf([certificate({ source: 'ocsp' }), signing], NOW);
    assert.deepEqual([asOf, source], [NOW - 5000, 'recorded']);
  });

  it('may be none: then somebody must ask the person', () => {
    assert.deepEqual(statusOf([], NOW), { status: 'contact_needed', attributes: 'none' });
  });
});
