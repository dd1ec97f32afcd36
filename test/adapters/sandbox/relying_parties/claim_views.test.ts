import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeClaim, formatTime } from '../../../../adapters/sandbox/relying_parties/claim_views.ts';

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
    assert.deepEqual(describeClaim('payment_token', card, 'ja'), { text: 'Musubi ************4242' });
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
