import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, beforeEach, describe, it } from 'node:test';
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { builtInCatalogue, type CatalogueClaim } from '../../../provider/attributes/catalogue/catalogue.ts';
import { type CarriedForm, sealingKey } from '../../../provider/attributes/delivery.ts';
import { readCarriedClaim } from '../../../provider/attributes/providers/carried_claims.ts';
import { createProviderKeys } from '../../../provider/attributes/providers/provider_keys.ts';
import type { AttributesAnswer } from '../../../provider/attributes/providers/provider_messages.ts';
import { createProviderQuestions, ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import type { AttributeProvider } from '../../../provider/attributes/providers/provider_store.ts';

const NOW = Date.parse('2026-12-01T00:00:00Z');
const SECONDS = NOW / 1000;
const URL = 'https://kenpo.example/musubi';
const DELIVERY = 'the-delivery';
const CLAIM = builtInCatalogue.find('health_insurance_valid') as CatalogueClaim;

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
interface Change {
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: Keys['privateKey'];
}

let keys: Keys;
let strangers: Keys;
let provider: AttributeProvider;
let sealFor: JWK;
const clock = () => NOW;
const questions = createProviderQuestions({
  keys: createProviderKeys({ source: { fetch: () => assert.fail('nothing is fetched') }, clock }),
  ...{ issuer: 'https://hub.example', clock, random: randomBytes },
  transport: { exchange: () => assert.fail('nothing is asked') },
  statements: { sign: () => assert.fail('nothing is signed') },
});

before(async () => {
  keys = await generateKeyPair('ES256', { extractable: true });
  strangers = await generateKeyPair('ES256');
  const enc = await generateKeyPair('ECDH-ES', { extractable: true });
  sealFor = { ...(await exportJWK(enc.publicKey)), kid: 'enc-1', alg: 'ECDH-ES' };
  provider = {
    ...{ id: 'kenpo', kind: 'insurer', names: { ja: '保険者', en: 'Insurer' }, url: URL, entries: [], forms: [] },
    keys: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: '1', alg: 'ES256' }] } as AttributeProvider['keys'],
    ...{ isActive: true, createdAt: NOW },
  };
});

const read = (form: CarriedForm, answered: AttributesAnswer['claims'][string]) =>
  readCarriedClaim({ questions, clock }, provider, { claim: CLAIM, form, delivery: DELIVERY, sealFor }, answered);

const silent = (code: string) => (error: unknown) => error instanceof ProviderSilent && error.code === code;

async function signed(typ: string, content: Readonly<Record<string, unknown>>, change: Change): Promise<string> {
  const payload = {
    ...{ iss: URL, iat: SECONDS, exp: SECONDS + 300, delivery: DELIVERY },
    claims_provenance: { [CLAIM.name]: { as_of: SECONDS } },
    ...content,
    ...change.payload,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ, kid: '1', ...change.header })
    .sign(change.key ?? keys.privateKey);
}

/** Each is a change of a token that is right. */
const lies: Readonly<Record<string, readonly [code: string, change: () => Change]>> = {
  'is signed by a stranger': ['answer_not_verified', () => ({ key: strangers.privateKey })],
  'is of the other type': ['answer_not_verified', () => ({ header: { typ: 'attributes-answer+jwt' } })],
  'is from another provider': ['answer_not_verified', () => ({ payload: { iss: 'https://other.example' } })],
  'has expired': ['answer_not_verified', () => ({ payload: { exp: SECONDS - 61 } })],
  'never expires': ['answer_not_verified', () => ({ payload: { exp: undefined } })],
  'was made for an earlier question': ['answer_stale', () => ({ payload: { iat: SECONDS - 61 } })],
  'is of another delivery': ['token_for_another_delivery', () => ({ payload: { delivery: 'another' } })],
  'says a second claim, which nobody agreed to': ['token_malformed', () => ({ payload: { medical_costs: [] } })],
  'says who the customer is': ['token_malformed', () => ({ payload: { sub: 'c-1' } })],
  'says more in its header': ['token_malformed', () => ({ header: { customer: 'c-1' } })],
  'has no times': ['token_malformed', () => ({ payload: { claims_provenance: {} } })],
  'has times of another claim': [
    'token_malformed',
    () => ({ payload: { claims_provenance: { name: { as_of: SECONDS } } } }),
  ],
};

describe('an aggregated claim', () => {
  const token = (change: Change = {}) => signed('aggregated-claims+jwt', { [CLAIM.name]: true }, change);

  it('is handed on as it came', async () => {
    const made = await token();
    const { carried, times } = await read('aggregated', { token: made });
    assert.deepEqual(carried, {
      ...{ claim: CLAIM.name, form: 'aggregated', source: 'kenpo', issuer: URL, delivery: DELIVERY, token: made },
    });
    assert.deepEqual(times, { as_of: SECONDS });
  });

  for (const [what, [code, lie]] of Object.entries(lies)) {
    it(`is not handed on when it ${what}`, async () =>
      assert.rejects(read('aggregated', { token: await token(lie()) }), silent(code)));
  }

  it('is not handed on when it is not of its type, or missing', async () => {
    const lied = { token: await token({ payload: { [CLAIM.name]: 'yes' } }) };
    await assert.rejects(read('aggregated', lied), silent(`claim_not_usable ${CLAIM.name}`));
    const empty = { token: await token({ payload: { [CLAIM.name]: undefined } }) };
    await assert.rejects(read('aggregated', empty), silent('token_malformed'));
  });

  it('is not made of a plain value', () =>
    assert.rejects(read('aggregated', { value: true, as_of: SECONDS }), silent('claim_in_another_form')));
});

describe('a sealed claim', () => {
  async function sealed(header: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const key = await importJWK(sealFor, String(header.alg ?? 'ECDH-ES'));
    return new CompactEncrypt(Buffer.from('{}'))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'enc-1', ...header })
      .encrypt(key);
  }
  let jwe: string;
  beforeEach(async () => {
    jwe = await sealed();
  });
  const token = (change: Change = {}) => signed('sealed-claims+jwt', { sealed: jwe }, change);

  it('is handed on as it came', async () => {
    const made = await token();
    assert.equal((await read('sealed', { token: made })).carried.token, made);
  });

  for (const [what, [code, lie]] of Object.entries(lies)) {
    it(`is not handed on when it ${what}`, async () =>
      assert.rejects(read('sealed', { token: await token(lie()) }), silent(code)));
  }

  it('is not handed on in the clear, also not beside what is sealed', async () => {
    const plain = { token: await token({ payload: { [CLAIM.name]: true } }) };
    await assert.rejects(read('sealed', plain), silent('token_malformed'));
    await assert.rejects(read('sealed', { value: true, as_of: SECONDS }), silent('claim_in_another_form'));
    const notSealed = { token: await token({ payload: { sealed: '{"health_insurance_valid":true}' } }) };
    await assert.rejects(read('sealed', notSealed), silent(`claim_not_usable ${CLAIM.name}`));
  });

  it('is not handed on when it is for another key, in another way, or says more in its header', async () => {
    for (const header of [{ kid: 'enc-2' }, { kid: undefined }, { alg: 'ECDH-ES+A256KW' }, { apv: 'bW9yZQ' }]) {
      jwe = await sealed(header);
      await assert.rejects(read('sealed', { token: await token() }), silent(`claim_not_usable ${CLAIM.name}`));
    }
    const [, ...parts] = jwe.split('.');
    for (const header of ['{"alg":"dir","enc":"A256GCM","kid":"enc-1"}', '{"alg":', '5']) {
      jwe = [Buffer.from(header).toString('base64url'), ...parts].join('.');
      await assert.rejects(read('sealed', { token: await token() }), silent(`claim_not_usable ${CLAIM.name}`));
    }
  });
});

describe('a distributed claim', () => {
  const reference = { endpoint: `${URL}/claims`, access_token: 'token', expires_at: SECONDS + 300 };

  it('is an address of the provider’s own, for a short while', async () => {
    const { carried } = await read('distributed', reference);
    assert.deepEqual([carried.endpoint, carried.token], [`${URL}/claims`, 'token']);
    for (const endpoint of ['https://other.example/claims', `${URL}.example/claims`, URL]) {
      await assert.rejects(read('distributed', { ...reference, endpoint }), silent('reference_elsewhere'));
    }
    for (const expires_at of [SECONDS, SECONDS + 301]) {
      await assert.rejects(read('distributed', { ...reference, expires_at }), silent('reference_lifetime'));
    }
    await assert.rejects(read('distributed', { token: 'x' }), silent('claim_in_another_form'));
  });
});

describe('a key to seal to', () => {
  const EC: JWK = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1', use: 'enc' };
  const RSA: JWK = { kty: 'RSA', n: 'n'.repeat(342), e: 'AQAB', alg: 'RSA-OAEP-256' };

  it('is the first that is meant for it, with its public members alone', () => {
    const { use: _use, ...key } = EC;
    assert.deepEqual(sealingKey([{ ...EC, use: 'sig' }, { ...EC, d: 'secret' }, RSA]), key);
    assert.deepEqual(sealingKey([RSA, EC]), RSA);
  });

  it('is none that is weak, for something else, or of no use', () => {
    const useless: JWK[] = [
      ...[
        { ...RSA, n: 'short' },
        { ...RSA, alg: 'RSA1_5' },
        { ...RSA, alg: 'ECDH-ES' },
        { ...EC, crv: 'secp256k1' },
      ],
      ...[
        { ...EC, alg: 'ES256' },
        { ...EC, alg: 'RSA-OAEP-256' },
        { kty: 'oct', k: 'secret' },
      ],
    ];
    for (const key of useless) assert.equal(sealingKey([key]), undefined, JSON.stringify(key));
  });
});
