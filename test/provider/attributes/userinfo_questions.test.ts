import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createVault } from '../../../adapters/database/encryption.ts';
import {
  type OpenIdProvider,
  REFUSED,
  RefusedByProvider,
} from '../../../provider/attributes/providers/openid_providers.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import { createUserinfoQuestions } from '../../../provider/attributes/providers/userinfo_questions.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const SECONDS = NOW / 1000;
const vault = createVault([randomBytes(32)]);
const membership = { id: 'm', sealedReference: vault.seal('membership.reference', Buffer.from('customer-1')) };
const names = ['card_customer_valid', 'spending_category', 'payment_token'];

/** What is asked of a provider whose userinfo is this. */
async function told(
  info: Record<string, unknown>,
  { claims = {}, asOf }: { claims?: Record<string, string>; asOf?: string } = {},
) {
  const there = { userinfo: async () => info } as Partial<OpenIdProvider> as OpenIdProvider;
  return questionsAt(there, async () => 'access').attributes(providerWith(claims, asOf), membership, names);
}

function questionsAt(there: OpenIdProvider, access: (spent?: string) => Promise<string>) {
  return createUserinfoQuestions({
    openIdProviders: { visit: (_provider, work) => work(there) },
    tokens: { access: (_there, _id, _subject, spent) => access(spent) },
    ...{ vault, clock: () => NOW },
  });
}

const providerWith = (claims: Record<string, string> = {}, asOf?: string) => ({
  ...{ id: 'points', url: 'https://points.example' },
  userinfo: { clientId: 'hub', authentication: 'private_key_jwt' as const, scope: 'openid', claims, asOf },
});

describe('what a userinfo tells', () => {
  it('stands under the catalogue’s name, the provider’s, or at a JSON Pointer; what is not there is left out', async () => {
    const info = {
      card_customer_valid: true,
      'https://points.example/spending': [],
      tokens: [{ 'a/b~c': { brand: 'x' } }],
    };
    const claims = { spending_category: 'https://points.example/spending', payment_token: '/tokens/0/a~1b~0c' };
    assert.deepEqual(await told(info, { claims }), {
      card_customer_valid: { value: true, as_of: SECONDS },
      spending_category: { value: [], as_of: SECONDS },
      payment_token: { value: { brand: 'x' }, as_of: SECONDS },
    });
    const nowhere = [
      '/tokens/1',
      '/tokens/length',
      '/tokens/00',
      '/__proto__',
      'constructor',
      '/card_customer_valid/x',
    ];
    for (const place of nowhere) {
      const { payment_token: value } = await told(info, { claims: { payment_token: place } });
      assert.equal(value, undefined, place);
    }
  });

  it('is as of when it was changed last, where the provider says so', async () => {
    const asOf = async (info: Record<string, unknown>, place?: string) => {
      const settings = place === undefined ? {} : { asOf: place };
      return (await told({ card_customer_valid: true, ...info }, settings)).card_customer_valid?.as_of;
    };
    assert.equal(await asOf({ updated_at: SECONDS - 100 }), SECONDS - 100);
    assert.equal(
      await asOf({ updated_at: SECONDS - 100, card: { at: '2026-11-29T00:00:00Z' } }, '/card/at'),
      SECONDS - 86_400,
    );
    assert.equal(await asOf({}, '/card/at'), SECONDS);
    assert.equal(await asOf({ updated_at: null }), SECONDS);
    for (const updated_at of ['yesterday', -1, true, {}]) {
      await assert.rejects(asOf({ updated_at }), (error) => error instanceof ProviderSilent);
    }
  });

  it('is asked once more with another token, when the one that seemed good is not taken', async () => {
    const used: string[] = [];
    const there = {
      async userinfo(token: string) {
        used.push(token);
        if (token === 'old') throw new RefusedByProvider(REFUSED.access);
        return { sub: 'customer-1', card_customer_valid: true };
      },
    } as Partial<OpenIdProvider> as OpenIdProvider;
    const answer = await questionsAt(there, async (spent) => (spent === 'old' ? 'new' : 'old')).attributes(
      providerWith(),
      membership,
      names,
    );
    assert.equal(answer.card_customer_valid?.value, true);
    assert.deepEqual(used, ['old', 'new']);
    used.length = 0;
    const never = questionsAt(there, async () => 'old').attributes(providerWith(), membership, names);
    await assert.rejects(never, (error) => error instanceof RefusedByProvider && error.code === REFUSED.access);
    assert.equal(used.length, 2);
  });
});
