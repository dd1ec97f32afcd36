import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Card } from '../../../adapters/card/card.ts';
import type { CardErrorCode } from '../../../adapters/card/card_errors.ts';
import { MAX_DOCUMENT_CONTENT, writeSignedDocument } from '../../../adapters/card/cms_document.ts';
import { softCardDoor, writeSoftCard } from '../../../adapters/card/soft_card.ts';
import { MAX_SIGNED_DOCUMENT_SIZE, verifySignedDocument } from '../../../provider/pki/index.ts';
import { ecKey } from '../sandbox/pki/key_pool.ts';
import { cardsFolder, SIGNING_PIN, type SoftCardOptions, softCardFile, triesLeft } from './soft_card_factory.ts';

const content = Buffer.from('利用申込書');
const now = Date.UTC(2026, 9, 1, 3, 0, 0);

let folder: string;
let remove: () => void;
let card: Card;

before(async () => {
  ({ folder, remove } = await cardsFolder());
});
after(() => remove());
beforeEach(async () => {
  card = await issued({});
});

async function issued(options: SoftCardOptions): Promise<Card> {
  await writeSoftCard(folder, await softCardFile(options));
  return softCardDoor(folder).open('hanako');
}

const write = (password = SIGNING_PIN, by = card, octets: Uint8Array = content) =>
  writeSignedDocument(by, { content: octets, password, now });
const tries = () => triesLeft(folder, 'hanako', 'signing');
const refuses = (attempt: Promise<unknown>, code: CardErrorCode) => assert.rejects(attempt, { code });

describe('writeSignedDocument', () => {
  it('signs with the signing key what the hub reads again, with the card’s certificate and the time', async () => {
    const document = verifySignedDocument(await write());
    assert.deepEqual(Buffer.from(document.content), content);
    assert.equal(document.signingTime, now);
    const { signing } = await card.certificates(SIGNING_PIN);
    assert.deepEqual(Buffer.from(document.unverifiedCertificate), Buffer.from(signing ?? []));
  });

  it('signs with the elliptic curves of the next card', async () => {
    for (const curve of ['P-256', 'P-384'] as const) {
      const document = await write(SIGNING_PIN, await issued({ signingKey: await ecKey('signing', curve) }));
      assert.deepEqual(Buffer.from(verifySignedDocument(document).content), content);
    }
  });

  it('signs as much as may be, which the hub then takes', async () => {
    const document = await write(SIGNING_PIN, card, Buffer.alloc(MAX_DOCUMENT_CONTENT, 1));
    assert.ok(document.length < MAX_SIGNED_DOCUMENT_SIZE);
    assert.equal(verifySignedDocument(document).content.length, MAX_DOCUMENT_CONTENT);
  });

  it('takes the password in small letters, and gives the tries back', async () => {
    await refuses(write('WRONG1'), 'card_signing_pin_wrong');
    assert.equal(tries(), 4);
    await write(SIGNING_PIN.toLowerCase());
    assert.equal(tries(), 5);
  });

  it('spends one try for a wrong password, and none for a malformed one or a document that is too large', async () => {
    await refuses(write('SHORT'), 'card_signing_pin_malformed');
    await refuses(write('ABC-12345'), 'card_signing_pin_malformed');
    await refuses(write('WRONG1', card, Buffer.alloc(MAX_DOCUMENT_CONTENT + 1)), 'document_too_large');
    assert.equal(tries(), 5);
    for (const left of [4, 3, 2, 1]) {
      await refuses(write('WRONG1'), 'card_signing_pin_wrong');
      assert.equal(tries(), left);
    }
    await refuses(write('WRONG1'), 'card_signing_pin_blocked');
    await refuses(write(), 'card_signing_pin_blocked');
  });

  it('refuses a card without signing certificate', async () => {
    await refuses(write(SIGNING_PIN, await issued({ signing: false })), 'card_signing_missing');
  });

  it('refuses a card that was put in the place of the one whose certificate it read', async () => {
    const others = await issued({ signingKey: await ecKey('signing', 'P-256') });
    const { signing } = await others.certificates(SIGNING_PIN);
    card = await issued({});
    const exchanged: Card = {
      ...{ name: card.name, label: card.label, status: () => card.status() },
      certificates: async (password) => ({ ...(await card.certificates(password)), signing }),
      signChallenge: (challenge) => card.signChallenge(challenge),
      signDocument: (document) => card.signDocument(document),
    };
    await refuses(write(SIGNING_PIN, exchanged), 'card_exchanged');
  });
});
