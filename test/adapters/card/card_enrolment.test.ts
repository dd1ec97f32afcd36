import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Card } from '../../../adapters/card/card.ts';
import { signEnrolment } from '../../../adapters/card/card_enrolment.ts';
import type { CardErrorCode } from '../../../adapters/card/card_errors.ts';
import { softCardDoor, writeSoftCard } from '../../../adapters/card/soft_card.ts';
import { verifySignedDocument } from '../../../provider/pki/index.ts';
import {
  application,
  cardsFolder,
  NONCE,
  p384Key,
  SIGNING_PIN,
  type SoftCardOptions,
  softCardFile,
  triesLeft,
  USER_PIN,
} from './soft_card_factory.ts';

const origin = 'https://hub.example';
const document = application(origin);
const now = Date.UTC(2026, 10, 22);

let folder: string;
let remove: () => void;
let card: Card;

before(async () => {
  ({ folder, remove } = await cardsFolder());
});
after(() => remove());
beforeEach(async () => {
  card = await issued();
});

async function issued(options: SoftCardOptions = {}): Promise<Card> {
  await writeSoftCard(folder, await softCardFile(options));
  return softCardDoor(folder).open('hanako');
}

const enrol = ({ pin = USER_PIN, password = SIGNING_PIN } = {}, by = card) =>
  signEnrolment(by, { challenge: { origin, nonce: NONCE }, document, pin, password, now });
const tries = () => [triesLeft(folder), triesLeft(folder, 'hanako', 'signing')];
const refuses = (attempt: Promise<unknown>, code: CardErrorCode, left?: number) =>
  assert.rejects(attempt, { code, triesLeft: left });

/** The card with some of its methods in another's hands. */
const replacing = (methods: Partial<Card>): Card => ({
  name: card.name,
  label: card.label,
  status: () => card.status(),
  certificates: (password) => card.certificates(password),
  signChallenge: (challenge) => card.signChallenge(challenge),
  signDocument: (signing) => card.signDocument(signing),
  ...methods,
});

describe('signEnrolment', () => {
  it('signs with both keys of one card', async () => {
    const signed = await enrol();
    const read = verifySignedDocument(signed.document);
    assert.equal(Buffer.from(read.content).toString(), document);
    assert.equal(read.signingTime, now);
    const { user, signing } = await card.certificates(SIGNING_PIN);
    assert.equal(signed.token.unverifiedCertificate, Buffer.from(user).toString('base64'));
    assert.deepEqual(Buffer.from(read.unverifiedCertificate), Buffer.from(signing ?? []));
    assert.deepEqual(tries(), [3, 5]);
  });

  it('spends a try of the PIN only when the PIN is wrong, whatever the password', async () => {
    await refuses(enrol({ pin: '0000' }), 'card_pin_wrong', 2);
    await refuses(enrol({ pin: '0000', password: 'WRONG1' }), 'card_pin_wrong', 1);
    assert.deepEqual(tries(), [1, 5]);
  });

  it('spends a try of the password only when the password is wrong, and gives the PIN its tries back', async () => {
    await refuses(enrol({ pin: '0000' }), 'card_pin_wrong', 2);
    await refuses(enrol({ password: 'WRONG1' }), 'card_signing_pin_wrong', 4);
    assert.deepEqual(tries(), [3, 4]);
    await enrol();
    assert.deepEqual(tries(), [3, 5]);
  });

  it('spends two tries of the password for two wrong ones at the same moment', async () => {
    const outcomes = await Promise.allSettled([enrol({ password: 'WRONG1' }), enrol({ password: 'WRONG2' })]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(tries(), [3, 3]);
  });

  it('spends none when either is malformed', async () => {
    await issued({ userTriesLeft: 2, signingTriesLeft: 4 });
    await refuses(enrol({ pin: '123' }), 'card_pin_malformed');
    await refuses(enrol({ pin: '123', password: 'WRONG1' }), 'card_pin_malformed');
    await refuses(enrol({ password: 'short' }), 'card_signing_pin_malformed');
    await refuses(enrol({ pin: '0000', password: 'with-hyphen' }), 'card_signing_pin_malformed');
    assert.deepEqual(tries(), [2, 4]);
  });

  it('spends none when the signing key is blocked or is not there', async () => {
    await issued({ userTriesLeft: 2, signingTriesLeft: 0 });
    await refuses(enrol({ pin: '0000' }), 'card_signing_pin_blocked', 0);
    assert.deepEqual(tries(), [2, 0]);
    await issued({ userTriesLeft: 2, signing: false });
    await refuses(enrol({ pin: '0000' }), 'card_signing_missing');
    assert.deepEqual(tries(), [2, undefined]);
  });

  it('leaves the password alone when the PIN is blocked', async () => {
    await issued({ userTriesLeft: 0 });
    await refuses(enrol({ password: 'WRONG1' }), 'card_pin_blocked', 0);
    assert.deepEqual(tries(), [0, 5]);
  });

  it('asks nothing of the signing key before the user key has signed', async () => {
    const asked: string[] = [];
    const watched = replacing({
      certificates: (password) => {
        if (password !== undefined) asked.push('certificate');
        return card.certificates(password);
      },
      signDocument: (signing) => {
        asked.push('document');
        return card.signDocument(signing);
      },
    });
    await refuses(enrol({ pin: '0000' }, watched), 'card_pin_wrong', 2);
    assert.deepEqual(asked, []);
    await enrol({}, watched);
    assert.deepEqual(asked, ['certificate', 'document']);
  });

  it('refuses a card that another one was put in the place of between the two keys', async () => {
    const first = await card.signChallenge({ origin, nonce: NONCE, pin: USER_PIN });
    await issued({ userKey: await p384Key() });
    await refuses(enrol({}, replacing({ signChallenge: async () => first })), 'card_exchanged');
  });
});
