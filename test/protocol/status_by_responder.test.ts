import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { lastConsent, later, subOf } from './relying_party.ts';
import { callJson, type StatusParty, statusParty } from './status_party.ts';

const BUDGET = 8;
/** Longer than the sandbox's responder vouches for an answer (ms). */
const OUT_OF_DATE = 20 * 60_000;

/** A hub that has no lists and asks responders, with little money. */
let authority: TestAuthority;
let hub: TestHub;
let party: StatusParty;
/** How much later everybody believes it is, authority and hub alike (ms). */
let ahead = 0;
before(async () => {
  authority = await startTestAuthority();
  hub = await startTestHub({
    authority,
    settings: { revocation: { sources: ['ocsp'] }, relyingParties: { authorityQuestionsPerDay: BUDGET } },
  });
  party = await statusParty(hub, { redirect_uris: ['https://insurer.example/cb'] });
});
after(() => hub?.stop());

const statusOf = (sub: string) =>
  later(ahead, async () => {
    const { status, json } = await callJson(`${hub.issuer}/status-check`, {
      token: await party.token(),
      body: { subjects: [sub] },
    });
    assert.equal(status, 200, JSON.stringify(json));
    return json.results[0];
  });

const signIn = (card: string) =>
  later(ahead, async () => subOf(await party.signIn({ card, parameters: { prompt: 'consent' } })));

async function usage() {
  const found = (await later(ahead, () => hub.hub.questionUsage(1))).find(
    ({ clientId }) => clientId === party.clientId,
  );
  return [found?.ocspAsked, found?.ocspRemembered];
}

describe('a status check where there are no lists', () => {
  it('goes by an answer that is remembered, then asks, and counts both', async () => {
    const sub = await signIn('taro');
    // Of the sign-in; a linked certificate has nobody.
    assert.deepEqual(await usage(), [1, 0]);
    const told = await statusOf(sub);
    assert.deepEqual([told.status, told.source], ['current', 'ocsp']);
    assert.deepEqual(await usage(), [1, 1]);
    ahead += OUT_OF_DATE;
    const later = await statusOf(sub);
    assert.deepEqual([later.status, later.source], ['current', 'ocsp']);
    assert.ok(later.as_of > told.as_of);
    assert.deepEqual(await usage(), [2, 1]);
  });

  it('lets what it hears take effect: the person’s sessions end', async () => {
    const sub = await signIn('hanako');
    const { subjectId } = await lastConsent(hub, party.clientId);
    await authority.authority.citizens.revoke({ name: 'hanako', certificate: 'both', reason: 'certificateHold' });
    ahead += OUT_OF_DATE;
    assert.equal((await statusOf(sub)).status, 'contact_needed');
    const ended = (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.subjectId === subjectId);
    assert.ok(ended.some(({ kind }) => kind === 'certificate.revoked'));
    assert.ok(ended.some(({ kind }) => kind === 'sessions.ended'));
    // From now on nobody need be asked: it is never good again.
    const [asked] = await usage();
    ahead += OUT_OF_DATE;
    assert.deepEqual([(await statusOf(sub)).status, (await usage())[0]], ['contact_needed', asked]);
  });

  it('answers with what was seen last, and says so, when the budget is spent', async () => {
    const sub = await signIn('ichiro');
    const sources = [];
    for (let round = 0; round <= BUDGET; round++) {
      ahead += OUT_OF_DATE;
      sources.push((await statusOf(sub)).source);
    }
    assert.equal(sources[0], 'ocsp');
    assert.equal(sources.at(-1), 'recorded');
    const [asked] = await usage();
    const told = await statusOf(sub);
    assert.deepEqual([told.status, told.source, (await usage())[0]], ['current', 'recorded', asked]);
    assert.ok(told.as_of < (Date.now() + ahead - OUT_OF_DATE) / 1000, 'with its age');
    // The day after there is money again. A sign-in asks whatever the budget.
    ahead += 24 * 3_600_000;
    assert.equal((await statusOf(sub)).source, 'ocsp');
    ahead += OUT_OF_DATE;
    assert.ok(await signIn('ichiro'));
  });

  it('answers with what was seen last while the responder does not answer', async () => {
    const sub = await signIn('keiko');
    ahead += OUT_OF_DATE;
    await authority.stop();
    const told = await statusOf(sub);
    assert.deepEqual([told.status, told.source], ['current', 'recorded']);
  });
});
