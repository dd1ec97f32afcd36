import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { createLocalJWKSet, flattenedVerify, type JSONWebKeySet } from 'jose';
import { signDocumentWithCard } from '../../../../adapters/card/card_commands.ts';
import type { SoftCardKey } from '../../../../adapters/card/soft_card_file.ts';
import { addPhone, move, renew, revoke } from '../../../../adapters/sandbox/authority/citizen_commands.ts';
import {
  type ConsentItem,
  cardsFolder,
  type LinkageWant,
  SANDBOX_SIGNING_PIN,
  SIGNATURE_HEADER,
} from '../../../../adapters/sandbox/authority/index.ts';
import { encodeName, rootRelativeNames } from '../../../../adapters/sandbox/pki/index.ts';
import { lastDayOf, latestConsentStatement } from '../../../../provider/attributes/latest_consent_text.ts';
import { refusalOf, startTestAuthority, type TestAuthority } from './test_authority.ts';

const ISSUER = {
  user: encodeName(rootRelativeNames('user', 'Musubi Sandbox')).toString('base64'),
  signing: encodeName(rootRelativeNames('signing', 'Musubi Sandbox')).toString('base64'),
};

function referenceOf(kind: 'user' | 'signing', key: SoftCardKey | null): { issuer: string; serial: string } {
  assert.ok(key);
  const { serialNumber } = new X509Certificate(Buffer.from(key.certificate, 'base64'));
  return { issuer: ISSUER[kind], serial: serialNumber.toLowerCase() };
}

/** Asks, checks the answer's signature, and returns status and body. */
async function verified(authority: TestAuthority, response: Response) {
  const body = Buffer.from(await response.arrayBuffer());
  const keys = (await (await authority.get('/keys')).json()) as JSONWebKeySet;
  const [protectedHeader, empty, signature = ''] = (response.headers.get(SIGNATURE_HEADER) ?? '').split('.');
  assert.equal(empty, '');
  const jws = { protected: protectedHeader ?? '', payload: body.toString('base64url'), signature };
  await flattenedVerify(jws, createLocalJWKSet(keys), { algorithms: ['ES256'] });
  return { status: response.status, body: JSON.parse(body.toString()), jws, keys };
}

async function linked(authority: TestAuthority, reference: { issuer: string; serial: string }, want: LinkageWant) {
  const { status, body } = await verified(authority, await authority.post('/linkage', { ...reference, want }));
  assert.deepEqual(body.asked, { ...reference, want });
  assert.ok(Date.parse(body.answeredAt));
  return status === 200 ? { issuer: body.issuer, serial: body.serial } : status;
}

describe('linkage', () => {
  it('leads from either certificate of a card to the other', async (test) => {
    const authority = await startTestAuthority(test);
    const card = await authority.card('taro');
    const [user, signing] = [referenceOf('user', card.user), referenceOf('signing', card.signing)];
    assert.deepEqual(await linked(authority, user, 'sign'), signing);
    assert.deepEqual(await linked(authority, signing, 'auth'), user);
    assert.deepEqual(await linked(authority, { ...user, serial: `00${user.serial.toUpperCase()}` }, 'sign'), signing);
  });

  it('leads over a renewal in both directions, step by step', async (test) => {
    const authority = await startTestAuthority(test, { only: ['keiko'] });
    const old = referenceOf('user', (await authority.card('keiko-old')).user);
    const second = referenceOf('user', (await authority.card('keiko')).user);
    await renew(authority.client, { name: 'keiko' });
    const third = referenceOf('user', (await authority.card('keiko')).user);
    assert.deepEqual(await linked(authority, old, 'successor'), second);
    assert.deepEqual(await linked(authority, second, 'successor'), third);
    assert.deepEqual(await linked(authority, third, 'predecessor'), second);
    assert.equal(await linked(authority, third, 'successor'), 404);
    assert.equal(await linked(authority, old, 'predecessor'), 404);
  });

  it('leads from card to phone and back, and stays on the device when it leads to the other kind', async (test) => {
    const authority = await startTestAuthority(test);
    const references = async (name: string) => {
      const card = await authority.card(name);
      return { user: referenceOf('user', card.user), signing: referenceOf('signing', card.signing) };
    };
    const card = await references('taro');
    assert.equal(await linked(authority, card.user, 'other-device'), 404);
    await addPhone(authority.client, { name: 'taro' });
    const phone = await references('taro-phone');
    for (const kind of ['user', 'signing'] as const) {
      assert.deepEqual(await linked(authority, card[kind], 'other-device'), phone[kind]);
      assert.deepEqual(await linked(authority, phone[kind], 'other-device'), card[kind]);
    }
    assert.deepEqual(await linked(authority, phone.user, 'sign'), phone.signing);
    assert.deepEqual(await linked(authority, phone.signing, 'auth'), phone.user);
    assert.deepEqual(await linked(authority, card.user, 'sign'), card.signing);
    assert.equal(await linked(authority, phone.user, 'predecessor'), 404);

    // Each has a line of its own, and an older certificate leads to what is on the other device now.
    await renew(authority.client, { name: 'taro' });
    await addPhone(authority.client, { name: 'taro' });
    const [renewed, next] = [await references('taro'), await references('taro-phone')];
    assert.deepEqual(await linked(authority, phone.user, 'other-device'), renewed.user);
    assert.deepEqual(await linked(authority, card.user, 'other-device'), next.user);
    assert.deepEqual(await linked(authority, next.user, 'predecessor'), phone.user);
    assert.deepEqual(await linked(authority, card.user, 'successor'), renewed.user);
  });

  it('tells a revoked signing certificate, so that its state can be looked up', async (test) => {
    const authority = await startTestAuthority(test, { only: ['hanako'] });
    const card = await authority.card('hanako');
    assert.deepEqual(
      await linked(authority, referenceOf('user', card.user), 'sign'),
      referenceOf('signing', card.signing),
    );
  });

  it('nothing is linked to an unknown serial, a foreign issuer or a child; a death ends it', async (test) => {
    const authority = await startTestAuthority(test, { only: ['mei', 'umeko'] });
    const mei = referenceOf('user', (await authority.card('mei')).user);
    assert.equal(await linked(authority, mei, 'sign'), 404);
    assert.equal(await linked(authority, mei, 'auth'), 404);
    assert.equal(await linked(authority, { ...mei, serial: '01' }, 'sign'), 404);
    assert.equal(await linked(authority, { ...mei, issuer: ISSUER.signing }, 'auth'), 404);
    assert.equal(await linked(authority, { ...mei, issuer: 'AAAA' }, 'auth'), 404);
    assert.equal(await linked(authority, referenceOf('user', (await authority.card('umeko')).user), 'sign'), 410);
  });

  it('a changed answer does not verify', async (test) => {
    const authority = await startTestAuthority(test);
    const reference = referenceOf('user', (await authority.card('taro')).user);
    const { jws, keys, body } = await verified(
      authority,
      await authority.post('/linkage', { ...reference, want: 'sign' }),
    );
    const forged = Buffer.from(JSON.stringify({ ...body, serial: '01' })).toString('base64url');
    await assert.rejects(flattenedVerify({ ...jws, payload: forged }, createLocalJWKSet(keys)));
  });

  it('refuses who has no secret, and requests that are not as described', async (test) => {
    const authority = await startTestAuthority(test);
    const good = { ...referenceOf('user', (await authority.card('taro')).user), want: 'sign' };
    const status = async (body: unknown, headers = {}) => (await authority.post('/linkage', body, headers)).status;
    assert.equal(await status(good), 200);
    assert.equal(await status(good, { authorization: '' }), 401);
    assert.equal(await status(good, { authorization: `Bearer ${authority.serviceToken}x` }), 401);
    assert.equal(await status(good, { 'content-type': 'text/plain' }), 415);
    for (const wrong of [
      { ...good, serial: 'xyz' },
      { ...good, serial: 'a'.repeat(43) },
      { ...good, want: 'all' },
      { ...good, issuer: '<>' },
      { ...good, more: 1 },
      [],
      null,
      'text',
    ]) {
      assert.equal(await status(wrong), 400, JSON.stringify(wrong));
    }
    const notJson = await authority.post('/linkage', Buffer.from('{'));
    assert.deepEqual(await refusalOf(notJson), [400, 'invalid_request']);
    assert.equal(await status({ ...good, issuer: 'A'.repeat(40_000) }), 413);
  });
});

describe('latest attributes', () => {
  const DAY = 86_400_000;
  /** `signs`: another card that signs, or another text. */
  async function consent(
    authority: TestAuthority,
    name: string,
    items: ConsentItem[],
    {
      until = lastDayOf(authority.clock()),
      signs = {},
    }: { until?: string; signs?: { card?: string; text?: string } } = {},
  ): Promise<Response> {
    const { signing } = await authority.card(name);
    const document = await signDocumentWithCard({
      cardsFolder: cardsFolder(authority.dataFolder),
      name: signs.card ?? name,
      password: SANDBOX_SIGNING_PIN,
      content: Buffer.from(signs.text ?? `I agree.\n${latestConsentStatement({ items, until })}\n`),
      now: authority.clock(),
    });
    const request = { ...referenceOf('signing', signing), items, until };
    return authority.post('/consents', { ...request, document: Buffer.from(document).toString('base64') });
  }
  const idOf = async (response: Response): Promise<string> => {
    assert.equal(response.status, 201);
    const body: { id?: unknown } = Object(await response.json());
    return String(body.id);
  };

  it('a consent is answered under the authority’s signature, about the very document', async (test) => {
    const authority = await startTestAuthority(test);
    const { signing } = await authority.card('taro');
    const until = lastDayOf(authority.clock());
    const document = await signDocumentWithCard({
      cardsFolder: cardsFolder(authority.dataFolder),
      name: 'taro',
      password: SANDBOX_SIGNING_PIN,
      content: Buffer.from(latestConsentStatement({ items: ['name'], until })),
      now: authority.clock(),
    });
    const reference = referenceOf('signing', signing);
    const sent = { ...reference, items: ['name'], until, document: Buffer.from(document).toString('base64') };
    const { status, body } = await verified(authority, await authority.post('/consents', sent));
    assert.equal(status, 201);
    const digest = hash('sha256', document, 'base64url');
    assert.deepEqual(body.asked, { ...reference, items: 'name', until, document: digest });
  });

  it('only what was consented to is told, as it is after a move', async (test) => {
    const authority = await startTestAuthority(test);
    const id = await idOf(await consent(authority, 'taro', ['name', 'address']));
    const before = await verified(authority, await authority.get(`/latest-attributes?consent=${id}`));
    authority.pass(60_000);
    await move(authority.client, { name: 'taro', address: '北海道小樽市花園９－１', municipality: '01203' });
    const after = await verified(authority, await authority.get(`/latest-attributes?consent=${id}`));
    assert.equal(before.body.address, '東京都千代田区霞が関９－９－１');
    const { asked, answeredAt, changedAt, ...told } = after.body;
    assert.deepEqual(told, { name: '山田　太郎', address: '北海道小樽市花園９－１' });
    assert.deepEqual(asked, { consent: id });
    assert.equal(changedAt, answeredAt);
    assert.notEqual(before.body.changedAt, changedAt);
  });

  it('a withdrawn or expired consent is gone, a revoked person a conflict, an unknown one not found', async (test) => {
    const authority = await startTestAuthority(test, { only: ['taro', 'ichiro'] });
    const latest = async (id: string) => (await authority.get(`/latest-attributes?consent=${id}`)).status;
    const withdrawn = await idOf(await consent(authority, 'taro', ['name']));
    const withdraw = async () => {
      const headers = { authorization: `Bearer ${authority.serviceToken}` };
      const response = await fetch(`${authority.address}/consents/${withdrawn}`, { method: 'DELETE', headers });
      const { status, body } = await verified(authority, response);
      assert.deepEqual(body.asked, { consent: withdrawn });
      return status;
    };
    assert.equal(await latest(withdrawn), 200);
    assert.equal(await withdraw(), 200);
    assert.equal(await withdraw(), 410);
    assert.equal(await latest(withdrawn), 410);

    const today = new Date(authority.clock() + 9 * 3_600_000).toISOString().slice(0, 10);
    const short = await idOf(await consent(authority, 'taro', ['name'], { until: today }));
    authority.pass(DAY);
    assert.equal(await latest(short), 410);

    const ended = await idOf(await consent(authority, 'ichiro', ['name']));
    await revoke(authority.client, { name: 'ichiro', certificate: 'both', reason: 'cessationOfOperation' });
    assert.equal(await latest(ended), 409);
    assert.equal(await latest('00000000-0000-4000-8000-000000000000'), 404);
    assert.equal(await latest('x'), 400);
  });

  it('a consent is refused when another key or another text was signed, by a revoked certificate, or for more than ten years', async (test) => {
    const authority = await startTestAuthority(test, { only: ['taro', 'hanako', 'jiro'] });
    const refused = async (signs: { card?: string; text?: string }) =>
      refusalOf(await consent(authority, 'taro', ['name'], { signs }));
    const until = lastDayOf(authority.clock());
    const invalid = [400, 'consent_document_invalid'];
    assert.deepEqual(await refused({ card: 'jiro' }), invalid);
    assert.deepEqual(await refused({ text: latestConsentStatement({ items: ['name', 'address'], until }) }), invalid);
    assert.deepEqual(await refused({ text: `not ${latestConsentStatement({ items: ['name'], until })}` }), invalid);
    assert.deepEqual(await refusalOf(await consent(authority, 'hanako', ['name'])), [409, 'certificate_ended']);
    const tooLate = lastDayOf(authority.clock() + DAY);
    assert.deepEqual(await refusalOf(await consent(authority, 'taro', ['name'], { until: tooLate })), [
      400,
      'consent_expiry_invalid',
    ]);
    assert.deepEqual(await refusalOf(await consent(authority, 'taro', ['name', 'name'])), [400, 'invalid_request']);
    const { signing } = await authority.card('taro');
    const unsigned = { ...referenceOf('signing', signing), items: ['name'], until, document: 'AAAA' };
    assert.deepEqual(await refusalOf(await authority.post('/consents', unsigned)), invalid);
    assert.deepEqual(await refusalOf(await authority.post('/consents', {}, { authorization: '' })), [
      401,
      'unauthorized',
    ]);
  });
});
