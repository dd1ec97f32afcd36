import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Card, WebEidToken } from '../../../adapters/card/card.ts';
import { listCards, signWithCard } from '../../../adapters/card/card_commands.ts';
import type { CardErrorCode } from '../../../adapters/card/card_errors.ts';
import { softCardDoor, writeSoftCard } from '../../../adapters/card/soft_card.ts';
import { cardsFolder, NONCE, p384Key, SIGNING_PIN, softCardFile, triesLeft, USER_PIN } from './soft_card_factory.ts';

const run = promisify(execFile);
const here = import.meta.dirname;
const origin = 'https://hub.example';

let folder: string;
let remove: () => void;
let card: Card;

before(async () => {
  ({ folder, remove } = await cardsFolder());
});
after(() => remove());
beforeEach(async () => {
  await writeSoftCard(folder, await softCardFile());
  card = await softCardDoor(folder).open('hanako');
});

const sign = (pin: string, challenge: { origin?: string; nonce?: string } = {}) =>
  card.signChallenge({ origin, nonce: NONCE, ...challenge, pin });

const refuses = (attempt: Promise<unknown>, code: CardErrorCode, tries?: number) =>
  assert.rejects(attempt, (error: Error & { code?: string; triesLeft?: number }) => {
    assert.equal(error.code, code);
    assert.equal(error.triesLeft, tries);
    return true;
  });

/** Verification by node:crypto alone, from the token format specification. */
function verifies(token: WebEidToken, hash: 'sha256' | 'sha384', signedOrigin = origin, nonce = NONCE): boolean {
  const { publicKey } = new X509Certificate(Buffer.from(token.unverifiedCertificate, 'base64'));
  const digest = (text: string) => createHash(hash).update(Buffer.from(text, 'utf8')).digest();
  const signed = Buffer.concat([digest(signedOrigin), digest(nonce)]);
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  return verify(hash, signed, key, Buffer.from(token.signature, 'base64'));
}

describe('a token signed by a soft card', () => {
  it('verifies for the origin and nonce it was made for, and for no other', async () => {
    const token = await sign(USER_PIN);
    assert.ok(verifies(token, 'sha256'));
    assert.ok(!verifies(token, 'sha256', 'https://hub.example:8443'));
    assert.ok(!verifies(token, 'sha256', 'http://hub.example'));
    assert.ok(!verifies(token, 'sha256', origin, Buffer.alloc(32, 1).toString('base64')));
  });

  it('has the fields of Web eID and RS256 for an RSA key', async () => {
    const token = await sign(USER_PIN);
    assert.deepEqual(Object.keys(token).sort(), [
      'algorithm',
      'appVersion',
      'format',
      'signature',
      'unverifiedCertificate',
    ]);
    assert.equal(token.format, 'web-eid:1.0');
    assert.equal(token.algorithm, 'RS256');
    assert.ok(URL.canParse(token.appVersion));
  });

  it('uses ES384, SHA-384 and a raw r‖s for a P-384 key', async () => {
    await writeSoftCard(folder, await softCardFile({ userKey: await p384Key() }));
    const token = await sign(USER_PIN);
    assert.equal(token.algorithm, 'ES384');
    assert.equal(Buffer.from(token.signature, 'base64').length, 96);
    assert.ok(verifies(token, 'sha384'));
    assert.ok(!verifies(token, 'sha384', 'https://other.example'));
  });

  it('carries the user certificate, never the signing one', async () => {
    const token = await sign(USER_PIN);
    assert.equal(token.unverifiedCertificate, (await softCardFileOf()).user.certificate);
  });
});

describe('what a soft card refuses to sign', () => {
  for (const wrong of [
    'null',
    '',
    'https://hub.example/',
    'https://HUB.example',
    'https://hub.example:443',
    'https://hub.example.',
    'https://hub.example/sign-in',
    'https://user@hub.example',
    'file://',
    'chrome-extension://abcdef',
    'ftp://hub.example',
    `https://${'a'.repeat(300)}.example`,
  ]) {
    it(`an origin that no browser serialises or that is no website: ${wrong.slice(0, 40) || '(empty)'}`, async () => {
      await refuses(sign(USER_PIN, { origin: wrong }), 'challenge_origin_invalid');
      assert.equal(triesLeft(folder), 3);
    });
  }

  for (const [what, nonce] of Object.entries({
    'shorter than 44 characters': 'A'.repeat(40),
    'longer than 256 characters': 'A'.repeat(260),
    'not base64': `${'A'.repeat(43)}!`,
    'base64 cut short': 'A'.repeat(45),
    base64url: `${'-_'.repeat(22)}`,
  })) {
    it(`a nonce ${what}`, () => refuses(sign(USER_PIN, { nonce }), 'challenge_nonce_invalid'));
  }

  it('a nonce of 44 and of 256 characters is signed', async () => {
    assert.ok(verifies(await sign(USER_PIN, { nonce: 'A'.repeat(44) }), 'sha256', origin, 'A'.repeat(44)));
    assert.ok(verifies(await sign(USER_PIN, { nonce: 'A'.repeat(256) }), 'sha256', origin, 'A'.repeat(256)));
  });
});

describe('PIN tries of a soft card', () => {
  for (const pin of ['', '123', '12345', '12a4', ' 1234', '1234\n', '１２３４']) {
    it(`a malformed PIN ${JSON.stringify(pin)} costs none`, async () => {
      await refuses(sign(pin), 'card_pin_malformed');
      assert.equal(triesLeft(folder), 3);
    });
  }

  it('a wrong PIN costs one, the third blocks, and the right one no longer helps', async () => {
    await refuses(sign('0000'), 'card_pin_wrong', 2);
    await refuses(sign('0000'), 'card_pin_wrong', 1);
    await refuses(sign('0000'), 'card_pin_blocked', 0);
    await refuses(sign(USER_PIN), 'card_pin_blocked', 0);
    assert.deepEqual((await card.status()).user, { triesLeft: 0, maxTries: 3 });
  });

  it('the right PIN gives all tries back', async () => {
    await refuses(sign('0000'), 'card_pin_wrong', 2);
    await sign(USER_PIN);
    assert.equal(triesLeft(folder), 3);
  });

  it('the two PINs are counted apart', async () => {
    await refuses(sign('0000'), 'card_pin_wrong', 2);
    await refuses(card.signDocument({ bytes: Buffer.from('x'), pin: 'WRONG1' }), 'card_signing_pin_wrong', 4);
    assert.deepEqual(await card.status(), {
      user: { triesLeft: 2, maxTries: 3 },
      signing: { triesLeft: 4, maxTries: 5 },
    });
  });

  it('two wrong PINs from two processes at the same moment cost two', async () => {
    const outcomes = await Promise.all(['0001', '0002'].map((pin) => tryPinInProcess(pin)));
    assert.deepEqual(outcomes, ['card_pin_wrong', 'card_pin_wrong']);
    assert.equal(triesLeft(folder), 1);
  });

  it('twelve wrong PINs at the same moment, in this and in other processes, get three tries', async () => {
    const inThisProcess = Array.from({ length: 8 }, () => sign('0000').catch((error) => error.code));
    const outcomes = await Promise.all([...inThisProcess, ...['0001', '0002', '0003', '0004'].map(tryPinInProcess)]);
    assert.equal(outcomes.filter((outcome) => outcome === 'card_pin_wrong').length, 2);
    assert.equal(outcomes.filter((outcome) => outcome === 'card_pin_blocked').length, 10);
    assert.equal(triesLeft(folder), 0);
  });

  it('a process killed before the PIN is compared has lost a try, and holds up nobody', async () => {
    await assert.rejects(inProcess('die_at_comparison.ts', USER_PIN), { signal: 'SIGKILL' });
    assert.equal(triesLeft(folder), 2);
    await assert.rejects(inProcess('die_at_comparison.ts', '0000'), { signal: 'SIGKILL' });
    assert.equal(triesLeft(folder), 1);
    await sign(USER_PIN);
    assert.equal(triesLeft(folder), 3);
  });

  it('a PIN waits for another process that is counting, and goes on from its count', async () => {
    const holder = spawn(process.execPath, [join(here, 'hold_lock.ts'), join(folder, '.hanako.lock')]);
    await once(holder.stdout, 'data');
    const waiting = sign('0000');
    const counted = await softCardFile({ userTriesLeft: 2 });
    writeFileSync(join(folder, 'hanako.card.json'), JSON.stringify(counted));
    holder.kill('SIGKILL');
    await refuses(waiting, 'card_pin_wrong', 1);
  });

  it('a process killed while it holds the lock does not lock the card for the next', async () => {
    const holder = spawn(process.execPath, [join(here, 'hold_lock.ts'), join(folder, '.hanako.lock')]);
    await once(holder.stdout, 'data');
    const waiting = sign(USER_PIN);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    assert.ok(verifies(await waiting, 'sha256'));
  });
});

function inProcess(script: string, pin: string): Promise<string> {
  return run(process.execPath, [join(here, script), folder, 'hanako', pin]).then(({ stdout }) => stdout);
}

const tryPinInProcess = (pin: string) => inProcess('try_pin.ts', pin);

describe('the signing key of a soft card', () => {
  const bytes = Buffer.from('signed attributes of a form');

  it('signs a document that its certificate verifies', async () => {
    const { certificate, algorithm, signature } = await card.signDocument({ bytes, pin: SIGNING_PIN });
    const { publicKey } = new X509Certificate(certificate);
    assert.equal(algorithm, 'RS256');
    assert.ok(verify('sha256', bytes, publicKey, signature));
    assert.ok(!verify('sha256', Buffer.from('another form'), publicKey, signature));
  });

  it('takes its password in small letters too', async () => {
    await card.signDocument({ bytes, pin: SIGNING_PIN.toLowerCase() });
  });

  for (const pin of ['', 'ABC12', 'A'.repeat(17), 'ABC-123', 'ABCıı1', 'ABCß123']) {
    it(`refuses the malformed password ${JSON.stringify(pin)} without a try`, async () => {
      await refuses(card.signDocument({ bytes, pin }), 'card_signing_pin_malformed');
      assert.equal(triesLeft(folder, 'hanako', 'signing'), 5);
    });
  }

  it('is blocked by the fifth wrong password', async () => {
    for (const left of [4, 3, 2, 1])
      await refuses(card.signDocument({ bytes, pin: 'WRONG1' }), 'card_signing_pin_wrong', left);
    await refuses(card.signDocument({ bytes, pin: 'WRONG1' }), 'card_signing_pin_blocked', 0);
    await refuses(card.signDocument({ bytes, pin: SIGNING_PIN }), 'card_signing_pin_blocked', 0);
    assert.ok(verifies(await sign(USER_PIN), 'sha256'));
  });

  it('is not there on an under-15’s card', async () => {
    await writeSoftCard(folder, await softCardFile({ signing: false }));
    await refuses(card.signDocument({ bytes, pin: SIGNING_PIN }), 'card_signing_missing');
    assert.equal((await card.status()).signing, null);
  });

  it('shows its certificate, which carries the four attributes, only for its password', async () => {
    assert.equal((await card.certificates()).signing, null);
    await refuses(card.certificates('WRONG1'), 'card_signing_pin_wrong', 4);
    const { user, signing } = await card.certificates(SIGNING_PIN);
    assert.ok(signing !== null && !Buffer.from(signing).equals(user));
    createPublicKey(new X509Certificate(signing).publicKey.export({ type: 'spki', format: 'pem' }));
  });
});

describe('the folder of soft cards', () => {
  it('is read anew each time', async () => {
    const door = softCardDoor(folder);
    assert.deepEqual(
      (await door.list()).map(({ name }) => name),
      ['hanako'],
    );
    await writeSoftCard(folder, await softCardFile({ name: 'taro' }));
    assert.deepEqual(
      (await door.list()).map(({ name }) => name),
      ['hanako', 'taro'],
    );
  });

  it('that does not exist yet holds no card', async () => {
    const door = softCardDoor(join(folder, 'missing'));
    assert.deepEqual(await door.list(), []);
    await refuses(door.open('hanako'), 'card_not_found');
  });

  for (const name of ['../hanako', 'hanako/../hanako', '', 'HANAKO', 'a'.repeat(41), '.hanako', 'nobody']) {
    it(`has no card called ${JSON.stringify(name)}`, () => refuses(softCardDoor(folder).open(name), 'card_not_found'));
  }

  const damages: Record<string, (good: string) => string> = {
    'is no JSON': () => '{',
    'has another format': (good) => good.replace('musubi-soft-card:1', 'musubi-soft-card:2'),
    'has more tries left than there are': (good) => good.replace('"triesLeft":3', '"triesLeft":4'),
    'has the name of another card': (good) => good.replace('"broken"', '"hanako"'),
    'is far too large': (good) => good + ' '.repeat(200_000),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`refuses a card whose file ${what}, and lists the others`, async () => {
      const good = JSON.stringify(await softCardFile({ name: 'broken' }));
      writeFileSync(join(folder, 'broken.card.json'), good);
      await softCardDoor(folder).open('broken');
      writeFileSync(join(folder, 'broken.card.json'), damage(good));
      await refuses(softCardDoor(folder).open('broken'), 'card_unreadable');
      assert.ok(!(await softCardDoor(folder).list()).some(({ name }) => name === 'broken'));
    });
  }

  it('holds files for their owner only, and no half-written ones', async () => {
    await refuses(sign('0000'), 'card_pin_wrong', 2);
    assert.equal(statSync(join(folder, 'hanako.card.json')).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(folder).filter((file) => file.endsWith('.new')),
      [],
    );
  });

  it('keeps what a newer version wrote into a card when a try is counted', async () => {
    const extended = { ...(await softCardFile()), note: 'kept' };
    await writeSoftCard(folder, extended);
    await refuses(sign('0000'), 'card_pin_wrong', 2);
    assert.equal(JSON.parse(readFileSync(join(folder, 'hanako.card.json'), 'utf8')).note, 'kept');
  });
});

describe('the commands', () => {
  it('sign as the page would', async () => {
    const request = { cardsFolder: folder, name: 'hanako', pin: USER_PIN, origin, nonce: NONCE };
    assert.ok(verifies(await signWithCard(request), 'sha256'));
    await refuses(signWithCard({ ...request, name: 'nobody' }), 'card_not_found');
    await refuses(signWithCard({ ...request, pin: '9999' }), 'card_pin_wrong', 2);
  });

  it('list cards with their tries, and neither PIN nor key', async () => {
    const listed = JSON.stringify(await listCards(folder));
    assert.match(listed, /"triesLeft":3/);
    assert.doesNotMatch(listed, /PRIVATE KEY|"pin"|1234/);
  });
});

async function softCardFileOf() {
  return JSON.parse(readFileSync(join(folder, 'hanako.card.json'), 'utf8'));
}
