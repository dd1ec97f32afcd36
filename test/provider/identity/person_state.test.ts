import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type CertificateWord,
  type Effect,
  effectOf,
  type PersonState,
  personState,
  refusalOf,
  type SigningWord,
} from '../../../provider/identity/person_state.ts';
import { type RevocationReason, revocationReasons } from '../../../provider/pki/revocation_reason.ts';
import { enErrors } from '../../../views/words/en_errors.ts';
import { jaErrors } from '../../../views/words/ja_errors.ts';

const REASONS = revocationReasons.filter((reason): reason is RevocationReason => reason !== undefined);
const SIGNING: readonly SigningWord[] = ['good', 'none', ...REASONS];
const USER: readonly CertificateWord[] = ['good', ...REASONS];

/**
 * Rows: the signing certificate. Columns: the user certificate. Written out once more, so that no pair changes its
 * meaning unseen. C current, A attributes changed, R renewed, H held, E ended, X compromised.
 */
const STATES = `
                      good unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation certificateHold removeFromCRL privilegeWithdrawn aACompromise
good                  C    E           X             X            E                  R          E                    H               E             E                  X
none                  C    E           X             X            E                  R          E                    H               E             E                  X
unspecified           A    E           X             X            E                  R          E                    H               E             E                  X
keyCompromise         A    E           X             X            E                  R          E                    H               E             E                  X
cACompromise          A    E           X             X            E                  R          E                    H               E             E                  X
affiliationChanged    A    E           X             X            E                  R          E                    H               E             E                  X
superseded            R    E           X             X            E                  R          E                    H               E             E                  X
cessationOfOperation  A    E           X             X            E                  R          E                    H               E             E                  X
certificateHold       A    E           X             X            E                  R          E                    H               E             E                  X
removeFromCRL         A    E           X             X            E                  R          E                    H               E             E                  X
privilegeWithdrawn    A    E           X             X            E                  R          E                    H               E             E                  X
aACompromise          A    E           X             X            E                  R          E                    H               E             E                  X`;

const LETTERS: Readonly<Record<string, PersonState>> = {
  C: 'current',
  A: 'attributes_changed',
  R: 'renewed',
  H: 'held',
  E: 'ended',
  X: 'compromised',
};

const GOES_ON = { signIn: 'goes_on', sessions: 'go_on', alert: false } as const;
/** What follows, beside the attributes. */
const EFFECTS: Readonly<Record<PersonState, Omit<Effect, 'attributes'>>> = {
  current: { ...GOES_ON, linkage: 'leave' },
  attributes_changed: { ...GOES_ON, linkage: 'leave' },
  renewed: { signIn: 'certificate_superseded', sessions: 'end_unless_followed', linkage: 'follow', alert: false },
  held: { signIn: 'certificate_on_hold', sessions: 'end', linkage: 'leave', alert: false },
  ended: { signIn: 'certificate_revoked', sessions: 'end', linkage: 'leave', alert: false },
  compromised: { signIn: 'certificate_revoked', sessions: 'end', linkage: 'leave', alert: true },
};

function expectedState(signing: SigningWord, user: CertificateWord): PersonState {
  const [heads = [], ...rows] = STATES.trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  const row = rows.find(([name]) => name === signing) ?? [];
  const state = LETTERS[row[heads.indexOf(user) + 1] ?? ''];
  assert.ok(state, `the table of the test lacks ${signing} and ${user}`);
  return state;
}

describe('what a revocation means', () => {
  for (const signing of SIGNING) {
    for (const user of USER) {
      const state = expectedState(signing, user);
      it(`signing certificate ${signing}, user certificate ${user}: ${state}`, () => {
        assert.equal(personState(signing, user), state);
        // A renewed signing certificate alone keeps nobody out.
        const effect = user === 'good' && state === 'renewed' ? { ...GOES_ON, linkage: 'follow' } : EFFECTS[state];
        const attributes = signing === 'none' ? 'none' : signing === 'good' ? 'current' : 'stale';
        assert.deepEqual(effectOf(signing, user), { ...effect, attributes });
      });
    }
  }

  it('ends every session of a revoked user certificate, whatever the signing certificate is', () => {
    for (const user of REASONS) {
      const effects = SIGNING.map((signing) => ({ ...effectOf(signing, user), attributes: undefined }));
      for (const effect of effects) assert.deepEqual(effect, effects[0]);
      assert.notEqual(effects[0]?.sessions, 'go_on');
    }
  });

  it('never ends a session or refuses a sign-in for the signing certificate', () => {
    for (const signing of SIGNING) {
      const { signIn, sessions } = effectOf(signing, 'good');
      assert.deepEqual({ signIn, sessions }, { signIn: 'goes_on', sessions: 'go_on' });
    }
  });

  it('is one page for a death, a leaked key and a withdrawn card, and no page names a death', () => {
    const codes = ['cessationOfOperation', 'affiliationChanged', 'keyCompromise', 'unspecified'] as const;
    for (const reason of codes) assert.equal(refusalOf(reason), 'certificate_revoked');
    for (const words of [jaErrors, enErrors]) {
      for (const reason of REASONS) {
        assert.doesNotMatch(JSON.stringify(words[refusalOf(reason)]), /死亡|亡く|decease|died|death|abroad|海外/i);
      }
    }
  });
});
