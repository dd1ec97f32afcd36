import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SANDBOX_PROVIDERS } from '../../../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import {
  describeAbsence,
  describeClaim,
  describeOrigin,
  formatTime,
} from '../../../../adapters/sandbox/relying_parties/claim_views.ts';
import { words } from '../../../../adapters/sandbox/relying_parties/words.ts';

describe('a claim on the greeting page', () => {
  it('reads an address as text or as OIDC’s object', () => {
    assert.deepEqual(describeClaim('address', '東京都', 'ja'), { text: '東京都' });
    assert.deepEqual(describeClaim('address', { formatted: '東京都' }, 'ja'), { text: '東京都' });
  });

  it('says a date of birth in words, and one with unknown parts as it came', () => {
    assert.deepEqual(describeClaim('birthdate', '1985-03-15', 'en'), { text: '15 March 1985' });
    assert.deepEqual(describeClaim('birthdate', '1985-00-00', 'en'), { text: '1985-00-00' });
    assert.deepEqual(describeClaim('birthdate', '19850315', 'ja'), { text: '19850315' });
  });

  it('says sex in words, in OIDC’s and in the certificate’s code', () => {
    assert.deepEqual(describeClaim('gender', 'female', 'ja'), { text: '女性' });
    assert.deepEqual(describeClaim('gender', '2', 'en'), { text: 'female' });
  });

  it('tells whether somebody is insured, and of the card to pay with no more than it came with', () => {
    assert.deepEqual(describeClaim('health_insurance_valid', true, 'en'), { text: 'You are insured.' });
    assert.deepEqual(describeClaim('health_insurance_valid', false, 'ja'), { text: '資格がありません。' });
    const card = { brand: 'Musubi', masked_number: '************4242' };
    assert.deepEqual(describeClaim('payment_token', card, 'ja'), { text: 'Musubi（末尾4242）' });
    const token = { brand: 'Musubi', network_token: '4111-not-to-be-shown' };
    assert.deepEqual(describeClaim('payment_token', token, 'en'), { text: 'Musubi' });
  });

  it('counts what came in no known form as not given', () => {
    for (const value of [undefined, null, '', 7, {}, ['x']]) {
      for (const name of [
        'health_insurance_valid',
        'payment_token',
        'name',
        'address',
        'birthdate',
        'gender',
        'card_status',
      ]) {
        assert.equal(describeClaim(name, value, 'ja'), undefined, name);
      }
    }
    assert.equal(describeClaim('card_status', { status: 'revoked' }, 'ja'), undefined);
  });

  it('cuts what is too long', () => {
    assert.deepEqual(describeClaim('name', 'x'.repeat(10_000), 'ja'), { text: 'x'.repeat(500) });
  });

  it('says times in Japanese time, and nothing for what is no time', () => {
    assert.equal(formatTime(1_800_000_000, 'en'), '15 January 2027 at 17:00:00 JST');
    assert.equal(formatTime(1_800_000_000, 'ja'), '2027年1月15日 17:00:00（日本時間）');
    for (const value of [undefined, 'x', Number.NaN, 1e300]) assert.equal(formatTime(value, 'ja'), undefined);
  });
});

describe('where a claim comes from', () => {
  const from = (own: unknown) => describeOrigin('x', { claims_provenance: { x: own } }, 'en');

  it('is told by the source’s name, as of when, and until when the source stands by it', () => {
    const told = {
      source: 'musubi-kenpo',
      obtained_at: 1_800_000_001,
      as_of: 1_800_000_000,
      valid_until: 1_800_086_400,
    };
    assert.deepEqual(from({ ...told, current: true }), {
      source: 'Musubi Health Insurance Society',
      asOf: '15 January 2027 at 17:00:00 JST',
      validUntil: '16 January 2027 at 17:00:00 JST',
      isStale: false,
    });
    const old = from({ source: 'jpki_signing_certificate', obtained_at: 1_800_000_000, current: false });
    assert.equal(old?.asOf, '15 January 2027 at 17:00:00 JST');
    assert.equal(old.isStale, true);
  });

  it('is nothing for a claim that has no source, and the id of a source that has no name here', () => {
    for (const own of [undefined, null, 'x', {}, { source: 7 }]) assert.equal(from(own), undefined);
    assert.equal(describeOrigin('toString', { claims_provenance: {} }, 'en'), undefined);
    assert.equal(from({ source: 'constructor' })?.source, 'constructor');
  });

  it('has a name in both languages for each provider of the sandbox', () => {
    for (const { id, names } of Object.values(SANDBOX_PROVIDERS)) {
      assert.equal(words.ja.sources[id], names.ja);
      assert.equal(words.en.sources[id], names.en);
    }
  });
});

describe('a claim that could not be had', () => {
  it('is explained by who was asked and why it did not come, also for a reason that is not known here', () => {
    const absence = (own: unknown) => describeAbsence('x', { claims_unavailable: { x: own } }, 'en');
    assert.equal(absence({ source: 'musubi-card', reason: 'not_told' }), 'Musubi Card does not have it.');
    for (const reason of ['not_available', 'of_another_version', 'constructor']) {
      assert.equal(absence({ source: 'musubi-card', reason }), 'Musubi Card did not answer.');
    }
    for (const own of [undefined, 'x', {}]) assert.equal(absence(own), undefined);
  });
});
