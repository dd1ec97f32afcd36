import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AskedClaims,
  type ConsentCircumstances,
  claimsToDecide,
  consentNeed,
  decide,
} from '../../../provider/consent/consent_rules.ts';
import type { Consent } from '../../../provider/consent/consent_store.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

const SENSITIVE = ['checkup', 'costs'];
const HELD = { names: ['sub', 'name', 'birthdate', ...SENSITIVE], stale: [] };

function asked(names: readonly string[], over: Partial<AskedClaims[string]> = {}): AskedClaims {
  return Object.fromEntries(names.map((name) => [name, { required: name === 'sub', purpose: 'care', ...over }]));
}

function undecided(request: AskedClaims, live: Consent | undefined, over: Partial<ConsentCircumstances> = {}) {
  const circumstances = { isSensitive: (claim: string) => SENSITIVE.includes(claim), givenNow: undefined, ...over };
  return consentNeed(request, HELD, live, circumstances).undecided;
}

/** The consent that a person gives who agrees to these of what was asked. */
function agreed(request: AskedClaims, claims: readonly string[], over: Partial<Consent> = {}): Consent {
  const period = over.period ?? 'lasting';
  return lastingConsent({
    ...{ id: 'c1', subjectId: 's1', clientId: 'rp', grantedAt: 0, expiresAt: 1000 },
    ...decide(request, Object.keys(request), { agreed: claims, period }, undefined),
    ...over,
  });
}

describe('what a person has decided', () => {
  it('is not asked again, whatever they decided', () => {
    const request = asked(['sub', 'name', 'birthdate']);
    assert.deepEqual(undecided(request, agreed(request, ['name'])), []);
  });

  it('is asked again for another purpose, that claim alone', () => {
    const before = agreed(asked(['sub', 'name', 'birthdate']), ['name', 'birthdate']);
    const now = { ...asked(['sub', 'name', 'birthdate']), ...asked(['birthdate'], { purpose: 'marketing' }) };
    assert.deepEqual(undecided(now, before), ['birthdate']);
  });

  it('is asked again when a refused choice has become necessary', () => {
    const before = agreed(asked(['sub', 'name']), []);
    assert.deepEqual(undecided({ ...asked(['sub']), ...asked(['name'], { required: true }) }, before), ['name']);
  });

  it('is not asked again when what was given is a choice now', () => {
    const before = agreed({ ...asked(['sub']), ...asked(['name'], { required: true }) }, ['name']);
    assert.deepEqual(undecided(asked(['sub', 'name']), before), []);
  });

  it('is good without terms where it was decided before terms were kept', () => {
    const before = agreed(asked(['sub', 'name']), ['name'], { terms: {} });
    assert.deepEqual(undecided(asked(['sub', 'name'], { purpose: 'another' }), before), []);
  });
});

describe('a sensitive claim', () => {
  it('is asked again with every other sensitive claim that is new, and ordinary ones are not', () => {
    const before = agreed(asked(['sub', 'name', 'checkup']), ['name', 'checkup']);
    assert.deepEqual(undecided(asked(['sub', 'name', 'checkup', 'costs']), before), ['checkup', 'costs']);
    assert.deepEqual(undecided(asked(['sub', 'name', 'checkup', 'birthdate']), before), ['birthdate']);
  });

  it('is asked again when it becomes a choice', () => {
    const before = agreed({ ...asked(['sub']), ...asked(['checkup'], { required: true }) }, ['checkup']);
    assert.deepEqual(undecided(asked(['sub', 'checkup']), before), ['checkup']);
  });
});

describe('a consent for one sign-in', () => {
  for (const period of ['once', 'every_time'] as const) {
    it(`(${period}) counts for the request that it was given for, and for no other`, () => {
      const request = asked(['sub', 'name', 'birthdate']);
      const live = agreed(request, ['name'], { period });
      assert.deepEqual(undecided(request, live, { givenNow: 'c1' }), []);
      assert.deepEqual(undecided(request, live), ['sub', 'name', 'birthdate']);
      assert.deepEqual(undecided(request, live, { givenNow: 'c0' }), ['sub', 'name', 'birthdate']);
    });
  }
});

describe('the page', () => {
  const need = { askable: ['sub', 'name'], unavailable: [], stale: [], providers: {} };

  it('shows as a choice what is new', () => {
    assert.deepEqual(claimsToDecide({ ...need, undecided: ['name'] }, false), ['name']);
  });
  it('shows everything where all is to be decided again, or nothing is new', () => {
    assert.deepEqual(claimsToDecide({ ...need, undecided: ['name'] }, true), ['sub', 'name']);
    assert.deepEqual(claimsToDecide({ ...need, undecided: [] }, false), ['sub', 'name']);
  });
});

describe('the decision', () => {
  it('leaves what the page did not show as it was', () => {
    const request = asked(['sub', 'name', 'birthdate']);
    const live = agreed(asked(['sub', 'name']), ['name'], { period: 'lasting' });
    const decision = decide(request, ['birthdate'], { agreed: ['birthdate', 'checkup'], period: 'once' }, live);
    assert.deepEqual(decision.granted, ['sub', 'name', 'birthdate']);
    assert.deepEqual(decision.declined, []);
    assert.deepEqual(decision.passing, ['birthdate']);
    assert.deepEqual(Object.keys(decision.terms), ['sub', 'name', 'birthdate']);
  });

  it('ends what was agreed to once before, which a later one must not prolong', () => {
    const once = agreed(asked(['sub', 'name']), ['name'], { passing: ['name'], passingUntil: 1 });
    for (const period of ['lasting', 'once'] as const) {
      const { granted, passing } = decide(asked(['birthdate']), ['birthdate'], { agreed: ['birthdate'], period }, once);
      assert.deepEqual([granted, passing], [['sub', 'birthdate'], period === 'once' ? ['birthdate'] : []]);
    }
  });
});
