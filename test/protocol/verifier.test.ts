import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { userCertificateOf } from '../support/certificate_browser.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { mutualTlsFetch } from '../support/mutual_tls_fetch.ts';
import {
  createRelyingParty,
  lastConsent,
  newKeyPair,
  open,
  presentCard,
  subOf,
  withdrawConsent,
} from './relying_party.ts';
import { callJson, statusParty } from './status_party.ts';
import { leafOf, ORIGIN, startWebsite, type VerifierParty, verifierParty } from './verifier_party.ts';

let hub: TestHub;
/** Registered for challenges. */
let shop: VerifierParty;
/** Accredited: the operator trusts its word about handshakes. */
let bank: VerifierParty;

before(async () => {
  hub = await startTestHub({ settings: { rateLimits: { relyingPartyCalls: 200 } } });
  shop = await verifierParty(hub, 'challenge');
  bank = await verifierParty(hub, 'tls_statement', { redirect_uris: ['https://bank.example/cb'] });
});
after(() => hub.stop());

const events = async (kind: string) =>
  (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);

/** A person who has agreed to be known to this relying party. */
const agreed = async (party: VerifierParty, card: string) => subOf(await party.signIn({ card }));

async function withChallenge(party: VerifierParty, card: string) {
  return party.authenticate([await leafOf(hub, card)], await party.signedChallenge(card));
}

async function withStatement(card: string, over?: Parameters<VerifierParty['statement']>[1]) {
  const leaf = await leafOf(hub, card);
  return bank.authenticate([leaf], await bank.statement(leaf, over));
}

describe('a relying party that is shown a certificate', () => {
  it('learns by a signed challenge who the holder is, by the identifier that its id_tokens have', async () => {
    const sub = await agreed(shop, 'taro');
    const before = Math.floor(Date.now() / 1000);
    const { status, json, headers } = await withChallenge(shop, 'taro');
    assert.equal(status, 200, JSON.stringify(json));
    const { auth_time: authTime, ...rest } = json;
    assert.deepEqual(rest, { sub, acr: 'aal3', amr: ['sc', 'pin', 'hwk', 'mfa'], iss: hub.issuer });
    assert.ok(authTime >= before && authTime <= Date.now() / 1000);
    assert.equal(headers.get('cache-control'), 'no-store');

    const { subjectId } = await lastConsent(hub, shop.clientId);
    const [newest] = await hub.hub.storage.consents.listDisclosures(subjectId, 1);
    assert.deepEqual([newest?.exit, newest?.claims, newest?.clientId], ['verifier', ['sub'], shop.clientId]);
    const event = (await events('verifier.authenticated')).at(-1);
    assert.deepEqual(
      [event?.actor, event?.subjectId, event?.data],
      [`client:${shop.clientId}`, subjectId, { proof: 'challenge' }],
    );
  });

  it('learns it from a handshake at its own TLS listener, and each relying party another identifier', async () => {
    const sub = await agreed(bank, 'taro');
    const website = await startWebsite(hub, bank);
    const browse = async (card: string) =>
      mutualTlsFetch({
        ca: readFileSync(hub.tls.authorityFile, 'utf8'),
        ...(await userCertificateOf(hub.authority.cardsFolder, card)),
      })(website.url, {});
    const answer = (await (await browse('taro')).json()) as Record<string, unknown>;
    assert.deepEqual([answer.sub, answer.acr], [sub, 'aal3']);
    assert.notEqual(sub, await agreed(shop, 'taro'));
    const refused = await browse('umeko');
    assert.deepEqual(
      [refused.status, ((await refused.json()) as { error: string }).error],
      [403, 'certificate_revoked'],
    );
    await website.close();
  });

  it('may prove by a challenge too when it is accredited for statements', async () => {
    const sub = await agreed(bank, 'ichiro');
    const proof = await bank.signedChallenge('ichiro', 'https://bank.example');
    assert.equal((await bank.authenticate([await leafOf(hub, 'ichiro')], proof)).json.sub, sub);
  });

  it('goes on knowing the person whose card was renewed, and who comes with a phone', async () => {
    const { citizens } = hub.authority.authority;
    await citizens.issue({ name: 'verified' });
    await citizens.addPhone({ name: 'verified' });
    await hub.refreshLists();
    const sub = await agreed(shop, 'verified');
    await citizens.renew({ name: 'verified' });
    await hub.refreshLists();
    assert.equal((await withChallenge(shop, 'verified')).json.sub, sub);
    assert.equal((await withChallenge(shop, 'verified-phone')).json.sub, sub);
  });

  it('is told nothing about a person who has not agreed, known or not, and where to send them', async () => {
    const never = await withChallenge(shop, 'hanako');
    assert.deepEqual(
      [never.status, never.json.error, never.json.authorization_endpoint],
      [403, 'consent_required', `${hub.issuer}/authorize`],
    );
    await agreed(bank, 'hanako');
    assert.deepEqual((await withChallenge(shop, 'hanako')).json, never.json);
    const sub = await agreed(shop, 'hanako');
    assert.equal((await withChallenge(shop, 'hanako')).json.sub, sub);
    const { subjectId } = await lastConsent(hub, shop.clientId);
    const rows = async () => (await hub.hub.storage.consents.listDisclosures(subjectId, 1000)).length;
    await withdrawConsent(hub, shop.clientId);
    const before = await rows();
    assert.deepEqual((await withChallenge(shop, 'hanako')).json, never.json);
    assert.equal(await rows(), before);
    assert.equal((await events('verifier.refused')).at(-1)?.data?.code, 'consent_required');
  });
});

describe('a certificate that is refused', () => {
  const refusals = {
    umeko: 'certificate_revoked',
    // A lost card looks like any other end.
    jiro: 'certificate_revoked',
    'keiko-old': 'certificate_superseded',
    saburo: 'certificate_expired',
  };
  for (const [card, code] of Object.entries(refusals)) {
    it(`of ${card} gives ${code}, whatever the proof, and is in the audit chain`, async () => {
      const answers = [await withChallenge(shop, card), await withStatement(card)];
      for (const { status, json } of answers) assert.deepEqual([status, json.error], [403, code]);
      assert.deepEqual(answers[0]?.json, answers[1]?.json);
      const noted = (await events('verifier.refused')).slice(-2);
      assert.deepEqual(
        noted.map(({ clientId, data }) => [clientId, data?.proof]),
        [
          [shop.clientId, 'challenge'],
          [bank.clientId, 'tls_statement'],
        ],
      );
    });
  }

  it('says the same words for a lost card as for an ended one', async () => {
    assert.deepEqual((await withChallenge(shop, 'jiro')).json, (await withChallenge(shop, 'umeko')).json);
  });

  it('is the signing certificate, or none at all', async () => {
    const { signing } = await readSoftCardFile(hub.authority.cardsFolder, 'taro');
    const leaf = signing?.certificate ?? '';
    const answer = await bank.authenticate([leaf], await bank.statement(leaf));
    assert.deepEqual([answer.status, answer.json.error], [403, 'certificate_is_signing']);
    const noise = Buffer.from('no certificate').toString('base64');
    const none = await bank.authenticate([noise], await bank.statement(noise));
    assert.deepEqual([none.status, none.json.error], [403, 'certificate_malformed']);
  });

  it('leaves neither certificate nor serial in answers and log', async () => {
    const leaf = await leafOf(hub, 'taro');
    const { serialNumber } = new X509Certificate(Buffer.from(leaf, 'base64'));
    const answers = [await withChallenge(shop, 'taro'), await withStatement('umeko')];
    const text = JSON.stringify(answers.map(({ json }) => json)) + hub.log.join('\n');
    assert.ok(!text.includes(leaf.slice(100, 200)));
    assert.ok(!text.toLowerCase().includes(serialNumber.toLowerCase()));
  });
});

describe('a challenge', () => {
  it('counts once, whatever came of it', async () => {
    await agreed(shop, 'taro');
    const leaf = await leafOf(hub, 'taro');
    const proof = await shop.signedChallenge('taro');
    const answers = await Promise.all(Array.from({ length: 5 }, () => shop.authenticate([leaf], proof)));
    const outcomes = answers.map(({ status, json }) => (status === 200 ? 'known' : json.error)).sort();
    assert.deepEqual(outcomes, [...Array(4).fill('challenge_spent'), 'known'].sort());
    const wrong = await shop.signedChallenge('taro');
    const token = JSON.stringify({ ...JSON.parse(wrong.token), signature: 'AAAA' });
    assert.equal((await shop.authenticate([leaf], { ...wrong, token })).json.error, 'token_signature_invalid');
    assert.equal((await shop.authenticate([leaf], wrong)).json.error, 'challenge_spent');
  });

  it('is for the relying party that asked for it and is spent by anybody else’s attempt', async () => {
    const leaf = await leafOf(hub, 'taro');
    const proof = await shop.signedChallenge('taro');
    const thief = await bank.authenticate([leaf], proof);
    assert.deepEqual([thief.status, thief.json.error], [400, 'challenge_wrong_session']);
    assert.equal((await shop.authenticate([leaf], proof)).json.error, 'challenge_spent');
  });

  it('is for a page of the relying party, and for that one', async () => {
    for (const origin of ['https://bank.example', `${ORIGIN}/`, 'https://rp.example.evil', 'null', hub.issuer]) {
      const { status, json } = await shop.call('/verifier/challenge', { origin });
      assert.deepEqual([status, json.error], [400, 'origin_not_registered'], origin);
    }
    const leaf = await leafOf(hub, 'taro');
    const proof = await shop.signedChallenge('taro');
    const moved = await shop.authenticate([leaf], { ...proof, origin: 'https://evil.example' });
    assert.equal(moved.json.error, 'challenge_wrong_session');
  });

  it('is not one of the hub’s own sign-in page, nor the other way round, nor made up', async () => {
    const leaf = await leafOf(hub, 'taro');
    const browser = createHttpBrowser();
    const page = await open(shop.authorizationUrl(await shop.attempt()), browser);
    const nonce = hiddenFields(page.text).nonce ?? '';
    const signed = { type: 'challenge', origin: hub.issuer, nonce, token: await hub.sign('taro', nonce) };
    assert.equal((await shop.authenticate([leaf], signed)).json.error, 'challenge_wrong_session');

    const ours = await shop.signedChallenge('taro');
    const again = await open(shop.authorizationUrl(await shop.attempt()), browser);
    const refused = await presentCard(hub, browser, again, { over: { nonce: ours.nonce, token: ours.token } });
    assert.notEqual(refused.status, 0);
    assert.equal((await events('sign_in.refused')).at(-1)?.data?.code, 'challenge_wrong_session');

    const made = { ...ours, nonce: Buffer.alloc(72, 1).toString('base64') };
    assert.equal((await shop.authenticate([leaf], made)).json.error, 'challenge_unknown');
  });

  it('proves nothing about another certificate', async () => {
    const proof = await shop.signedChallenge('ichiro');
    const answer = await shop.authenticate([await leafOf(hub, 'taro')], proof);
    assert.deepEqual([answer.status, answer.json.error], [403, 'certificate_mismatch']);
    const other = await shop.signedChallenge('ichiro');
    const leaf = await leafOf(hub, 'taro');
    const token = JSON.stringify({ ...JSON.parse(other.token), unverifiedCertificate: leaf });
    assert.equal((await shop.authenticate([leaf], { ...other, token })).json.error, 'token_signature_invalid');
  });
});

describe('the statement of a handshake', () => {
  it('counts once, also when it arrives five times at the same moment', async () => {
    await agreed(bank, 'taro');
    const leaf = await leafOf(hub, 'taro');
    const proof = await bank.statement(leaf);
    const answers = await Promise.all(Array.from({ length: 5 }, () => bank.authenticate([leaf], proof)));
    const outcomes = answers.map(({ status, json }) => (status === 200 ? 'known' : json.error)).sort();
    assert.deepEqual(outcomes, ['known', ...Array(4).fill('statement_used')]);
  });

  it('is believed of accredited relying parties only', async () => {
    const leaf = await leafOf(hub, 'taro');
    const answer = await shop.authenticate([leaf], await shop.statement(leaf));
    assert.deepEqual([answer.status, answer.json.error], [403, 'proof_not_allowed']);
  });

  it('is refused when it is not by the relying party, about this certificate, now and for this hub', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stranger = await newKeyPair('ES256');
    const other = await shop.statement(await leafOf(hub, 'taro'));
    const wrong: Record<string, Parameters<VerifierParty['statement']>[1]> = {
      'another certificate': { claims: { 'x5t#S256': 'A'.repeat(43) } },
      'no certificate': { claims: { 'x5t#S256': undefined } },
      'another audience': { claims: { aud: hub.issuer } },
      'several audiences': { claims: { aud: [`${hub.issuer}/verifier/authenticate`, 'https://other.example'] } },
      'another relying party': { claims: { iss: shop.clientId } },
      'an hour old': { claims: { iat: now - 3600, exp: now - 3540 } },
      'two minutes long': { claims: { exp: now + 120 } },
      'two minutes old with a minute to go': { claims: { iat: now - 120, exp: now + 30 } },
      tomorrow: { claims: { iat: now + 86_400, exp: now + 86_460 } },
      'without an end': { claims: { exp: undefined } },
      'without a beginning': { claims: { iat: undefined } },
      'not to be told apart': { claims: { jti: undefined } },
      'without the connection': { claims: { tls_exporter: undefined } },
      'with half a connection': { claims: { tls_exporter: 'AAAA' } },
      'another kind of token': { header: { typ: 'JWT' } },
      'a stranger’s key': { key: stranger.privateKey },
      'a key that is not there': { header: { kid: 'other' } },
    };
    const leaf = await leafOf(hub, 'taro');
    for (const [what, over] of Object.entries(wrong)) {
      const { status, json } = await bank.authenticate([leaf], await bank.statement(leaf, over));
      assert.deepEqual([status, json.error], [403, 'statement_invalid'], what);
    }
    assert.equal((await bank.authenticate([leaf], other)).json.error, 'statement_invalid');
    const unsigned = { type: 'tls_statement', statement: 'eyJhbGciOiJub25lIn0.e30.' };
    assert.equal((await bank.authenticate([leaf], unsigned)).json.error, 'statement_invalid');
  });
});

describe('who may ask', () => {
  it('has an access token in its own name, for this and nothing else', async () => {
    const url = `${hub.issuer}/verifier/authenticate`;
    const body = { certificate: [await leafOf(hub, 'taro')], proof: await shop.signedChallenge('taro') };
    const person = await shop.signIn({ card: 'taro' });
    const status = await statusParty(hub, { redirect_uris: ['https://status.example/cb'] });
    const foreign = await status.token();
    for (const token of [undefined, 'x', person.access_token, foreign]) {
      const { status, json, headers } = await callJson(url, { body, ...(token === undefined ? {} : { token }) });
      assert.deepEqual([status, json.error], [401, 'invalid_token']);
      assert.match(headers.get('www-authenticate') ?? '', /scope="verifier"/);
    }
    await assert.rejects(status.token({ resource: `${hub.issuer}/verifier`, scope: 'verifier' }));
    assert.equal((await callJson(url, { body, token: await shop.token() })).status, 200);
  });

  it('is registered so by the operator, with a key', async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const jwks = { keys: [await exportJWK(publicKey)] };
    const good = {
      redirect_uris: ['https://new.example/cb'],
      grant_types: ['authorization_code', 'client_credentials'],
      verifier: { proof: 'tls_statement' },
      ...{ token_endpoint_auth_method: 'private_key_jwt', jwks },
    };
    const wrong: Record<string, unknown>[] = [
      { verifier: true },
      { verifier: {} },
      { verifier: [] },
      { verifier: { proof: 'trust me' } },
      { verifier: { proof: 'challenge', more: 1 } },
      { grant_types: ['authorization_code'] },
      { token_endpoint_auth_method: 'client_secret_basic' },
      { verifier: undefined },
      { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'new.example', jwks: undefined },
    ];
    for (const over of wrong) {
      const metadata = Object.fromEntries(
        Object.entries({ ...good, ...over }).filter(([, value]) => value !== undefined),
      );
      await assert.rejects(
        createRelyingParty(hub, metadata),
        { code: 'invalid_client_metadata' },
        JSON.stringify(over),
      );
    }
    assert.ok(await createRelyingParty(hub, good));
  });

  it('is told what is wrong with the request, and sends no more than there is to send', async () => {
    const leaf = await leafOf(hub, 'taro');
    const proof = { type: 'tls_statement', statement: 'x' };
    const wrong: [body: unknown, status: number, error: string][] = [
      [{}, 400, 'invalid_request'],
      [[], 400, 'invalid_request'],
      ['{', 400, 'invalid_request'],
      [{ certificate: [], proof }, 400, 'invalid_request'],
      [{ certificate: leaf, proof }, 400, 'invalid_request'],
      [{ certificate: Array(12).fill('AAAA'), proof }, 400, 'invalid_request'],
      [{ certificate: ['A'.repeat(24 * 1024 + 4)], proof }, 400, 'invalid_request'],
      [{ certificate: ['<>'], proof }, 400, 'invalid_request'],
      [{ certificate: [leaf], proof: { type: 'trust' } }, 400, 'invalid_request'],
      [{ certificate: [leaf], proof: { ...proof, statement: 'x'.repeat(8 * 1024 + 1) } }, 400, 'invalid_request'],
      [{ certificate: [leaf], proof, more: 1 }, 400, 'invalid_request'],
      [{ certificate: [leaf], proof, filler: 'x'.repeat(128 * 1024) }, 413, 'request_too_large'],
    ];
    for (const [body, status, error] of wrong) {
      const answer = await bank.call('/verifier/authenticate', body);
      assert.deepEqual([answer.status, answer.json.error], [status, error]);
      assert.ok(!JSON.stringify(answer.json).includes(leaf.slice(0, 40)));
    }
    for (const path of ['/verifier', '/verifier/authenticate', '/verifier/x']) {
      const { status, json } = await callJson(`${hub.issuer}${path}`, { method: 'GET' });
      assert.deepEqual([status, json.error], [404, 'not_found']);
    }
  });

  it('is one of too many, after a while', async () => {
    const busy = await verifierParty(hub, 'challenge', { redirect_uris: ['https://busy.example/cb'] });
    const token = await busy.token();
    const ask = () => callJson(`${hub.issuer}/verifier/challenge`, { token, body: { origin: 'https://busy.example' } });
    const answers = await Promise.all(Array.from({ length: 201 }, ask));
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200).map(({ status, json }) => [status, json.error]),
      [[429, 'too_many_requests']],
    );
  });
});

describe('the OpenAPI description of the verifier', () => {
  it('is 3.1, and describes what is really sent and answered', async () => {
    const { json: description } = await callJson(`${hub.issuer}/openapi/verifier.json`, { method: 'GET' });
    assert.match(description.openapi, /^3\.1\./);
    assert.deepEqual(Object.keys(description.paths), ['/verifier/challenge', '/verifier/authenticate']);
    const schemaNamed = (name: string) => z.fromJSONSchema(description.components.schemas[name]);
    const fits = (name: string, value: unknown) => assert.ok(schemaNamed(name).safeParse(value).success, name);
    fits('ChallengeQuestion', { origin: ORIGIN });
    fits('ChallengeAnswer', (await shop.call('/verifier/challenge', { origin: ORIGIN })).json);
    await agreed(shop, 'taro');
    const question = { certificate: [await leafOf(hub, 'taro')], proof: await shop.signedChallenge('taro') };
    fits('AuthenticationQuestion', question);
    fits('AuthenticationAnswer', (await shop.call('/verifier/authenticate', question)).json);
    fits('Error', (await shop.call('/verifier/authenticate', question)).json);
    fits('ConsentRequired', (await withChallenge(shop, 'tanaka-sub')).json);
  });
});
