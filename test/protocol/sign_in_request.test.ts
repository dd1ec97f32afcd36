import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { enErrors } from '../../views/words/en_errors.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  answerOf,
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  open,
  type Parameters,
  presentCard,
  type RelyingParty,
  sendForm,
  subOf,
  type Tokens,
} from './relying_party.ts';

let hub: TestHub;
let party: RelyingParty;
/** Taro has signed in here and agreed to `openid`. */
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub();
  party = await createRelyingParty(hub);
});
after(() => hub?.stop());
beforeEach(async () => {
  browser = createHttpBrowser();
  await party.signIn({ browser });
});

async function visit(parameters: Parameters, { asker = party, inBrowser = browser } = {}) {
  const attempt = await asker.attempt(parameters);
  return { attempt, visited: await open(asker.authorizationUrl(attempt), inBrowser) };
}

const signIn = (parameters: Parameters, asker = party): Promise<Tokens> => asker.signIn({ browser, parameters });
const acrOf = (tokens: Tokens): unknown => tokens.claims()?.acr;
const acrClaim = (want: Record<string, unknown>): Parameters => ({
  claims: JSON.stringify({ id_token: { acr: want } }),
});

describe('the level of a sign-in', () => {
  it('is told without being asked for: card and PIN', async () => {
    const claims = (await signIn({})).claims();
    assert.equal(claims?.acr, 'aal3');
    assert.deepEqual(claims?.amr, ['sc', 'pin', 'hwk', 'mfa']);
  });

  it('is told in the form that was asked for', async () => {
    assert.equal(acrOf(await signIn({ acr_values: 'aal3' })), 'aal3');
    assert.equal(acrOf(await signIn({ acr_values: 'aal3 crl' })), 'aal3 crl');
    assert.equal(acrOf(await signIn({ acr_values: 'aal3 ocsp' })), 'aal3 ocsp');
  });

  it('asks for the card again when the session was checked over another channel, and not otherwise', async () => {
    assert.equal((await visit({ acr_values: 'aal3 crl' })).visited.status, 0);
    assert.equal((await visit({})).visited.status, 0);
    assert.ok(isSignInPage((await visit({ acr_values: 'aal3 ocsp' })).visited));
    await signIn({ acr_values: 'aal3 ocsp' });
    assert.equal((await visit({ acr_values: 'aal3 ocsp' })).visited.status, 0);
    assert.ok(isSignInPage((await visit({ acr_values: 'aal3 crl' })).visited));
  });

  it('over another channel is not assumed when no page may be shown', async () => {
    const { visited } = await visit({ acr_values: 'aal3 ocsp', prompt: 'none' });
    assert.equal(answerOf(visited).error, 'login_required');
  });

  it('is met when it is essential and known', async () => {
    for (const want of [
      { essential: true, value: 'aal3' },
      { essential: true, values: ['aal9', 'aal3'] },
    ]) {
      assert.equal(acrOf(await signIn(acrClaim(want))), 'aal3');
    }
    assert.equal(acrOf(await signIn(acrClaim({ essential: true, value: 'aal3 ocsp' }))), 'aal3 ocsp');
  });

  it('that nobody here can meet is an error when it is essential', async () => {
    for (const want of [
      { essential: true, value: 'aal9' },
      { essential: true, values: ['aal9', 'urn:loa:4'] },
    ]) {
      for (const inBrowser of [browser, createHttpBrowser()]) {
        const { visited } = await visit(acrClaim(want), { inBrowser });
        assert.equal(answerOf(visited).error, 'unmet_authentication_requirements');
      }
    }
  });

  it('that nobody here can meet is not asserted when it is voluntary', async () => {
    assert.equal(acrOf(await signIn({ acr_values: 'urn:loa:4' })), 'aal3');
    assert.equal(acrOf(await signIn(acrClaim({ values: ['urn:loa:4'] }))), 'aal3');
  });
});

describe('max_age', () => {
  it('lets a young session in and tells when it was made', async () => {
    const before = Math.floor(Date.now() / 1000);
    const claims = (await signIn({ max_age: '3600' })).claims();
    assert.ok(Math.abs(Number(claims?.auth_time) - before) < 60);
    assert.equal((await visit({ max_age: '3600' })).visited.status, 0);
  });

  it('of zero asks for the card again, and is login_required where no page may be shown', async () => {
    assert.ok(isSignInPage((await visit({ max_age: '0' })).visited));
    assert.equal(answerOf((await visit({ max_age: '0', prompt: 'none' })).visited).error, 'login_required');
    assert.ok(subOf(await signIn({ max_age: '0' })));
  });

  it('that is no number of seconds is refused', async () => {
    for (const max_age of ['-1', 'soon', '1.5']) {
      assert.equal(answerOf((await visit({ max_age })).visited).error, 'invalid_request');
    }
  });
});

describe('prompt', () => {
  it('none signs in silently where everything is decided', async () => {
    assert.ok(answerOf((await visit({ prompt: 'none' })).visited).code);
  });

  it('none is login_required without a session', async () => {
    const { visited } = await visit({ prompt: 'none' }, { inBrowser: createHttpBrowser() });
    assert.equal(answerOf(visited).error, 'login_required');
  });

  it('none is consent_required where the person has not decided', async () => {
    const asker = await createRelyingParty(hub);
    assert.equal(answerOf((await visit({ prompt: 'none' }, { asker })).visited).error, 'consent_required');
    const wider = await visit({ prompt: 'none', scope: 'openid card_status' });
    assert.equal(answerOf(wider.visited).error, 'consent_required');
  });

  it('login asks for the card again, and the tokens tell the new time', async () => {
    const { visited } = await visit({ prompt: 'login' });
    assert.ok(isSignInPage(visited));
    assert.ok((await signIn({ prompt: 'login' })).claims()?.auth_time);
  });

  it('consent asks for the decision again and not for the card', async () => {
    const { visited } = await visit({ prompt: 'consent' });
    assert.ok(isConsentPage(visited));
  });

  it('none beside another, or of an unknown kind, is refused', async () => {
    for (const prompt of ['none login', 'select_account', 'create']) {
      const { error } = answerOf((await visit({ prompt })).visited);
      assert.match(String(error), /^(invalid_request|interaction_required)$/, prompt);
    }
  });
});

describe('a person that the relying party names', () => {
  it('by id_token_hint is let in when they are there', async () => {
    const hint = String((await signIn({})).id_token);
    assert.ok(answerOf((await visit({ id_token_hint: hint, prompt: 'none' })).visited).code);
  });

  it('by id_token_hint is asked for when somebody else is there, told so when they come again, and let in', async () => {
    const taro = await signIn({});
    const others = createHttpBrowser();
    await party.signIn({ browser: others, card: 'ichiro' });
    const hint = { id_token_hint: String(taro.id_token), ui_locales: 'en' };

    const silent = await visit({ ...hint, prompt: 'none' }, { inBrowser: others });
    assert.equal(answerOf(silent.visited).error, 'login_required');

    const { attempt, visited } = await visit(hint, { inBrowser: others });
    assert.ok(isSignInPage(visited));
    const again = await presentCard(hub, others, visited, { card: 'ichiro' });
    assert.ok(isSignInPage(again));
    assert.ok(again.text.includes(enErrors.other_person.title));
    // The engine closes the other person's session with a form of its own, which leads on to the relying party.
    const closing = await presentCard(hub, others, again, { card: 'taro' });
    assert.match(String(closing.headers.get('content-security-policy')), /form-action 'self' https:\/\/rp\.example;/);
    const callback = await sendForm(others, closing);
    const tokens = await party.exchange(attempt, new URL(callback.url));
    assert.equal(subOf(tokens), subOf(taro));
  });

  it('by the sub of the claims parameter is nobody else', async () => {
    const taro = await signIn({});
    const others = createHttpBrowser();
    await party.signIn({ browser: others, card: 'ichiro' });
    const claims = JSON.stringify({ id_token: { sub: { value: subOf(taro) } } });
    const silent = await visit({ claims, prompt: 'none' }, { inBrowser: others });
    assert.equal(answerOf(silent.visited).error, 'login_required');
    const { visited } = await visit({ claims }, { inBrowser: others });
    assert.ok(isSignInPage(await presentCard(hub, others, visited, { card: 'ichiro' })));
    assert.ok(answerOf((await visit({ claims, prompt: 'none' })).visited).code);
  });

  it('by a hint that is no id_token of this hub is refused', async () => {
    const tokens = await signIn({});
    const tampered = `${String(tokens.id_token).slice(0, -8)}AAAAAAAA`;
    for (const hint of ['nonsense', tampered, tokens.access_token]) {
      const { error } = answerOf((await visit({ id_token_hint: hint })).visited);
      assert.equal(error, 'invalid_request');
    }
  });

  it('by login_hint is asked for a card as everybody, and the hint is not shown', async () => {
    const hint = '<script>taro@example.jp</script>';
    const { visited } = await visit({ login_hint: hint }, { inBrowser: createHttpBrowser() });
    assert.ok(isSignInPage(visited));
    assert.equal(visited.text.includes('taro@example.jp'), false);
    assert.ok(subOf(await party.signIn({ parameters: { login_hint: hint } })));
  });
});

describe('ui_locales', () => {
  for (const [locales, language] of [
    ['en', 'en'],
    ['ja', 'ja'],
    ['fr en', 'en'],
    ['en-GB ja', 'en'],
    ['xx', 'ja'],
  ] as const) {
    it(`${locales} gives pages in ${language}`, async () => {
      const { visited } = await visit({ ui_locales: locales }, { inBrowser: createHttpBrowser() });
      assert.match(visited.text, new RegExp(`<html[^>]* lang="${language}"`));
      const asked = await createRelyingParty(hub);
      const consent = await visit({ ui_locales: locales }, { asker: asked });
      assert.ok(isConsentPage(consent.visited));
      assert.match(consent.visited.text, new RegExp(`<html[^>]* lang="${language}"`));
    });
  }
});

describe('the claims parameter', () => {
  const claims = (request: Record<string, unknown>): Parameters => ({ claims: JSON.stringify(request) });
  let asker: RelyingParty;
  beforeEach(async () => {
    asker = await createRelyingParty(hub);
  });

  it('puts a claim where it was asked for, and nowhere else', async () => {
    const inToken = await signIn(claims({ id_token: { card_status: null } }), asker);
    assert.ok(inToken.claims()?.card_status);
    assert.equal((await asker.userinfo(inToken)).card_status, undefined);

    const inUserinfo = await signIn(claims({ userinfo: { card_status: null } }), asker);
    assert.equal(inUserinfo.claims()?.card_status, undefined);
    assert.ok((await asker.userinfo(inUserinfo)).card_status);
  });

  it('releases a voluntary claim only when it is ticked', async () => {
    const parameters = claims({ userinfo: { card_status: null } });
    const tokens = await asker.signIn({ browser, parameters, agree: [] });
    assert.deepEqual(Object.keys(await asker.userinfo(tokens)), ['sub']);
  });

  it('releases an essential claim with the agreement as a whole, and shows it as required', async () => {
    const parameters = claims({ userinfo: { card_status: { essential: true } } });
    const { visited } = await visit(parameters, { asker });
    assert.ok(isConsentPage(visited));
    assert.equal(/<input[^>]*type="checkbox"[^>]*value="card_status"[^>]*>/.test(visited.text), false);
    const tokens = await asker.signIn({ browser, parameters, agree: [] });
    assert.ok((await asker.userinfo(tokens)).card_status);
  });

  it('does not fail for a claim that is not held for this person, essential or not', async () => {
    const tokens = await signIn(claims({ userinfo: { name: { essential: true }, birthdate: null } }), asker);
    assert.deepEqual(Object.keys(await asker.userinfo(tokens)), ['sub']);
  });

  it('does not release what the catalogue does not know', async () => {
    const unknown = { serial: { essential: true }, certificate: null, __proto__: null, sid: null };
    const tokens = await signIn(claims({ userinfo: unknown }), asker);
    assert.deepEqual(Object.keys(await asker.userinfo(tokens)), ['sub']);
  });

  it('is refused when it cannot be read', async () => {
    for (const value of ['{', '[]', '"x"', 'null', '{}', '{"userinfo":[]}', '{"id_token":"sub"}']) {
      assert.equal(answerOf((await visit({ claims: value })).visited).error, 'invalid_request', value);
    }
  });

  it('is refused or ignored, never an error of the hub, whatever it holds', async () => {
    for (const value of [
      '{"id_token":{"acr":{"essential":true,"values":"aal3"}}}',
      '{"id_token":{"acr":{"essential":true,"value":{"a":1}}}}',
      '{"id_token":{"acr":{"essential":true,"values":[null,1,{}]}}}',
      '{"id_token":{"acr":"aal3"}}',
      '{"id_token":{"sub":{"value":null}}}',
      '{"userinfo":{"card_status":5}}',
      '{"userinfo":{"card_status":{"essential":"yes"}}}',
      '{"userinfo":{"__proto__":{"essential":true},"constructor":null}}',
      `{"userinfo":${'{"a":'.repeat(500)}null${'}'.repeat(500)}}`,
    ]) {
      const { visited } = await visit({ claims: value });
      assert.ok(visited.status < 500, value);
    }
  });
});
