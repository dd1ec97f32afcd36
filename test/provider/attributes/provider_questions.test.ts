import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { decodeJwt, exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from 'jose';
import { createProviderKeys } from '../../../provider/attributes/providers/provider_keys.ts';
import {
  createProviderQuestions,
  type ProviderQuestions,
  ProviderSilent,
} from '../../../provider/attributes/providers/provider_questions.ts';
import type { AttributeProvider } from '../../../provider/attributes/providers/provider_store.ts';
import { createStatementSigner } from '../../../provider/oidc/statement_signer.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const SECONDS = NOW / 1000;
const ISSUER = 'https://hub.example';
const URL = 'https://kenpo.example/musubi';
const QUESTION = { customer: 'c-1', consent: 'consent-1', claims: { health_insurance_valid: {} } };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

describe('a question to an attribute provider', () => {
  let keys: Keys;
  let strangers: Keys;
  let provider: AttributeProvider;
  let asked: { url: string; message: JWTPayload };
  /** What the provider changes of the answer that it should give. */
  let change: { payload?: JWTPayload; header?: Record<string, unknown>; key?: Keys['privateKey']; body?: string };
  let questions: ProviderQuestions;

  before(async () => {
    keys = await generateKeyPair('ES256', { extractable: true });
    strangers = await generateKeyPair('ES256');
    const hubKeys = await generateKeyPair('ES256', { extractable: true });
    provider = {
      ...{ id: 'kenpo', kind: 'insurer', names: { ja: '保険者', en: 'Insurer' }, url: URL, entries: [], forms: [] },
      keys: {
        keys: [{ ...(await exportJWK(keys.publicKey)), kid: '1', alg: 'ES256' }] as JSONWebKeySet['keys'],
      },
      ...{ isActive: true, createdAt: NOW },
    };
    const jwk = { ...(await exportJWK(hubKeys.privateKey)), kid: 'hub', alg: 'ES256' };
    const current = async () => ({ jwks: [jwk], samlKeys: [], cookieSecrets: [], version: '' });
    questions = createProviderQuestions({
      issuer: ISSUER,
      statements: createStatementSigner({ keys: { current }, clock: () => NOW }),
      keys: createProviderKeys({
        source: { fetch: () => assert.fail('pinned keys are not fetched') },
        clock: () => NOW,
      }),
      clock: () => NOW,
      random: randomBytes,
      transport: {
        async exchange(_provider, url, message, read) {
          asked = { url, message: decodeJwt(message) };
          const payload = {
            ...{ iss: URL, aud: ISSUER, in_reply_to: asked.message.jti, iat: SECONDS, exp: SECONDS + 60, sub: 'c-1' },
            claims: { health_insurance_valid: { value: true, as_of: SECONDS } },
            ...change.payload,
          };
          const header = { alg: 'ES256', typ: 'attributes-answer+jwt', kid: '1', ...change.header };
          const token = await new SignJWT(payload as JWTPayload)
            .setProtectedHeader(header)
            .sign(change.key ?? keys.privateKey);
          return read(change.body ?? token);
        },
      },
    });
  });

  const ask = (over: typeof change = {}) => {
    change = over;
    return questions.attributes(provider, QUESTION);
  };

  it('goes to its address, from the hub, for a minute, and says no more than it has to', async () => {
    assert.deepEqual(await ask(), { health_insurance_valid: { value: true, as_of: SECONDS } });
    const { jti, ...message } = asked.message;
    assert.ok(jti && jti.length >= 20);
    assert.equal(asked.url, `${URL}/attributes`);
    assert.deepEqual(message, { iss: ISSUER, aud: URL, iat: SECONDS, exp: SECONDS + 60, ...QUESTION });
    await ask();
    assert.notEqual(asked.message.jti, jti);
  });

  const lies: Readonly<Record<string, readonly [code: string, () => typeof change]>> = {
    'is signed by a stranger': ['answer_not_verified', () => ({ key: strangers.privateKey })],
    'is not signed': [
      'answer_not_verified',
      () => ({ body: `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.` }),
    ],
    'is no token': ['answer_not_verified', () => ({ body: '{}' })],
    'is of another type': ['answer_not_verified', () => ({ header: { typ: 'customer-answer+jwt' } })],
    'is from another provider': ['answer_not_verified', () => ({ payload: { iss: 'https://other.example' } })],
    'is for another hub': ['answer_not_verified', () => ({ payload: { aud: 'https://other.example' } })],
    'has expired': ['answer_not_verified', () => ({ payload: { exp: SECONDS - 61 } })],
    'never expires': ['answer_not_verified', () => ({ payload: { exp: undefined } as JWTPayload })],
    'was made earlier': ['answer_stale', () => ({ payload: { iat: SECONDS - 61 } })],
    'was made later': ['answer_not_verified', () => ({ payload: { iat: SECONDS + 3600, nbf: SECONDS + 3600 } })],
    'answers something else': ['answer_to_another_question', () => ({ payload: { in_reply_to: 'x' } })],
    'is about somebody else': ['answer_malformed', () => ({ payload: { sub: 'c-2' } })],
    'says no time': ['answer_malformed', () => ({ payload: { claims: { health_insurance_valid: { value: true } } } })],
    'says too much': [
      'answer_malformed',
      () => ({
        payload: { claims: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`c${n}`, { as_of: 1 }])) },
      }),
    ],
  };
  for (const [what, [code, lie]] of Object.entries(lies)) {
    it(`has no answer when it ${what}`, () =>
      assert.rejects(ask(lie()), (error) => error instanceof ProviderSilent && error.code === code));
  }

  it('takes a confirmation only with a reference', async () => {
    const customer = (payload: JWTPayload) => {
      change = { header: { typ: 'customer-answer+jwt' }, payload };
      return questions.customer(provider, {
        entered: { number: '1' },
        attributes: { name: '見本', address: '東京都', birthdate: '1990-01-01' },
      });
    };
    assert.equal(await customer({ outcome: 'confirmed', customer: 'c-9' }), 'c-9');
    assert.equal(await customer({ outcome: 'not_confirmed', customer: 'c-9' }), undefined);
    await assert.rejects(customer({ outcome: 'confirmed' }), ProviderSilent);
    await assert.rejects(customer({}), ProviderSilent);
  });
});
