import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { achievedAcr, answeredAcr, readAchievedAcr } from '../../../provider/authentication/acr.ts';
import type { RevocationPolicy } from '../../../provider/authentication/revocation.ts';
import { createRevocationPolicies, isMetBy } from '../../../provider/authentication/revocation_policy.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-11-22T00:00:00Z');
const ordinary: RevocationPolicy = { name: 'default', sources: ['crl', 'ocsp'], maxAge: undefined };
const online: RevocationPolicy = { name: 'online', sources: ['ocsp'], maxAge: 30 * MINUTE };
const careful: RevocationPolicy = { name: 'careful', sources: ['ocsp', 'crl'], maxAge: 120 * MINUTE };
const offline: RevocationPolicy = { name: 'offline', sources: ['crl'], maxAge: undefined };
const policies = createRevocationPolicies({
  default: ordinary,
  policies: [online, careful, offline],
  byAcr: [
    { acr: 'urn:online', policy: 'online' },
    { acr: 'urn:offline', policy: 'offline' },
    { acr: 'aal3', policy: 'careful' },
  ],
});
const chosen = (acr: readonly string[], registered?: string) => policies.forRequest({ acr, registered });

describe('the policy of a request', () => {
  it('is the default when nobody says anything', () => assert.equal(chosen([]), ordinary));

  it('is the one that the relying party is registered with', () => assert.equal(chosen([], 'careful'), careful));

  it('is the one that an acr value stands for, the first of several, in one value or in a list', () => {
    assert.equal(chosen(['urn:online']), online);
    assert.equal(chosen(['unknown', 'urn:offline', 'urn:online']), offline);
    assert.equal(chosen(['urn:offline urn:online']), offline);
    assert.equal(chosen(['aal3']), careful);
  });

  it('is both when both speak: what either asks for, and never less than the registered one', () => {
    assert.deepEqual(chosen(['urn:online'], 'careful'), {
      name: 'careful+online',
      sources: ['ocsp'],
      maxAge: 30 * MINUTE,
    });
    assert.deepEqual(chosen(['aal3'], 'online'), { name: 'online+careful', sources: ['ocsp'], maxAge: 30 * MINUTE });
  });

  it('is the registered one when a request asks for what it excludes', () => {
    assert.equal(chosen(['urn:offline'], 'online'), online);
    assert.equal(chosen(['crl'], 'online'), online);
  });

  it('is narrowed by a channel that it has, and keeps its age', () => {
    assert.deepEqual(chosen(['ocsp']), { name: 'default/ocsp', sources: ['ocsp'], maxAge: undefined });
    assert.deepEqual(chosen(['crl'], 'careful'), { name: 'careful/crl', sources: ['crl'], maxAge: 120 * MINUTE });
    assert.equal(chosen(['crl', 'ocsp']), ordinary);
    assert.equal(chosen(['ocsp'], 'online'), online);
  });

  it('cannot be one that is not configured', () => {
    assert.throws(() => chosen([], 'gone'), RangeError);
    assert.throws(
      () => createRevocationPolicies({ default: ordinary, policies: [], byAcr: [{ acr: 'x', policy: 'gone' }] }),
      RangeError,
    );
    assert.deepEqual([policies.has('online'), policies.has('default'), policies.has('gone')], [true, true, false]);
  });
});

describe('the check that a session was made with', () => {
  const check = (source: 'crl' | 'ocsp', policy: string, age = 0) => ({
    ...{ source, policy, asOf: NOW - age },
    method: 'challenge' as const,
  });

  it('is enough for a policy with that source, and not for one without', () => {
    assert.equal(isMetBy(ordinary, check('crl', 'default'), NOW), true);
    assert.equal(isMetBy(ordinary, check('ocsp', 'online'), NOW), true);
    assert.equal(isMetBy(online, check('crl', 'default'), NOW), false);
    assert.equal(isMetBy(offline, check('ocsp', 'online'), NOW), false);
  });

  it('by the list is not enough for a policy that prefers OCSP, unless that policy itself fell back to it', () => {
    assert.equal(isMetBy(careful, check('crl', 'default'), NOW), false);
    assert.equal(isMetBy(careful, check('crl', 'careful/crl'), NOW), false);
    assert.equal(isMetBy(careful, check('crl', 'careful'), NOW), true);
  });

  it('is enough for as long as the policy allows, counted from the authority’s word', () => {
    assert.equal(isMetBy(online, check('ocsp', 'online', 30 * MINUTE), NOW), true);
    assert.equal(isMetBy(online, check('ocsp', 'online', 30 * MINUTE + 1), NOW), false);
  });

  it('of a session that kept no more than the channel is enough only where no age is asked for', () => {
    const old = readAchievedAcr('aal3 ocsp');
    assert.ok(old);
    assert.equal(isMetBy(ordinary, old, NOW), true);
    assert.equal(isMetBy(online, old, NOW), false);
  });
});

describe('acr', () => {
  const achieved = achievedAcr({ revocation: { source: 'ocsp', thisUpdate: NOW }, demand: { policy: online } }, 'tls');

  it('keeps the check in the session and reads it back', () => {
    assert.deepEqual(readAchievedAcr(achieved), { source: 'ocsp', policy: 'online', asOf: NOW, method: 'tls' });
    assert.equal(readAchievedAcr(undefined), undefined);
  });

  it('answers with the level, the channel to who asked for one, and the policies’ values that are met', () => {
    const answer = (requested: string[], at = NOW) =>
      answeredAcr(achieved, requested, policies.metAcrValues(achieved, requested, at));
    assert.equal(answer([]), 'aal3');
    assert.equal(answer(['aal3', 'crl']), 'aal3 ocsp');
    assert.equal(answer(['urn:online']), 'aal3 urn:online');
    assert.equal(answer(['aal3 urn:online'], NOW + 31 * MINUTE), 'aal3');
    assert.equal(answer(['urn:offline']), 'aal3');
  });

  it('publishes the values of policies beside the hub’s own', () => {
    assert.deepEqual(policies.acrValues, ['urn:online', 'urn:offline']);
  });
});
