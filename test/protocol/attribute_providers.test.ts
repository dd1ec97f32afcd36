import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Behaviour, RunningProvider } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { type ProviderName, SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { startControlSocket } from '../../provider/command_line/control_socket.ts';
import { controlSocketPath } from '../../provider/command_line/control_socket_path.ts';
import { administrationHandlers } from '../../provider/command_line/hub_commands.ts';
import { type as typeCommand } from '../provider/command_line/terminal.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { enrolAt, startRegisteredProvider } from '../support/providers.ts';
import { createRelyingParty, open, presentCard, type RelyingParty, subOf, type Tokens } from './relying_party.ts';

const NAMES = ['kenpo', 'kokuho', 'card'] as const;
const CLAIMS = 'health_insurance_valid health_insurance card_customer_valid payment_token';
/** Milliseconds by which the hub and the providers are ahead of this process. */
let ahead = 0;
const clock = () => Date.now() + ahead;

let hub: TestHub;
const providers = {} as Record<ProviderName, RunningProvider>;
let clinic: RelyingParty;
let shop: RelyingParty;
/** Taro, enrolled and a customer of kenpo and the card issuer. */
let taro: string;

before(async () => {
  hub = await startTestHub({ clock, settings: { attributes: { providerTimeoutSeconds: 1 } } });
  for (const name of NAMES) providers[name] = await startRegisteredProvider(hub, SANDBOX_PROVIDERS[name], clock);
  const scope = `openid name offline_access ${CLAIMS}`;
  clinic = await createRelyingParty(hub, { scope, 'purpose#ja': '受付に使います。' });
  shop = await createRelyingParty(hub, { scope });
  const { attributeProviders } = hub.hub;
  await attributeProviders.accept(clinic.clientId, ['health_insurance_valid', 'health_insurance'], true);
  await attributeProviders.accept(clinic.clientId, ['card_customer_valid'], true);
  await attributeProviders.accept(shop.clientId, ['payment_token'], true);
  taro = await enrolAt(hub, clinic, 'taro');
  await hub.hub.memberships.bind(taro, 'musubi-kenpo', { symbol: '12345', number: '6789' });
  await hub.hub.memberships.bind(taro, 'musubi-card', { last_digits: '4242' });
});
after(async () => {
  await hub.stop();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
});

async function events(kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);
}

const signIn = (party: RelyingParty, scope: string, userinfo: Record<string, unknown> = {}) =>
  party.signIn({ card: 'taro', parameters: { scope, prompt: 'consent', claims: JSON.stringify({ userinfo }) } });

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe('a membership', () => {
  const bind = (provider: string, entered: Record<string, string>, subject = taro) =>
    hub.hub.memberships.bind(subject, provider, entered);

  it('is there when the provider confirms what was entered, and is audited without it', async () => {
    const list = await hub.hub.memberships.list(taro);
    assert.deepEqual(
      list.map(({ provider }) => provider.names.ja),
      ['むすびカード', 'むすび健康保険組合'],
    );
    const event = (await events('membership.bound')).find(({ data }) => data?.provider === 'musubi-kenpo');
    assert.equal(event?.subjectId, taro);
    assert.doesNotMatch(JSON.stringify(event?.data), /6789|kenpo-0001|12345/);
  });

  it('is not there by a number that is nobody’s, or somebody else’s', async () => {
    for (const number of ['9999', '7001']) {
      await assert.rejects(bind('musubi-kenpo', { symbol: '12345', number }), code('membership_not_confirmed'));
    }
    assert.equal((await events('membership.refused')).at(-1)?.data?.reason, 'not_confirmed');
    // The one that was confirmed stands.
    assert.equal((await hub.hub.memberships.list(taro)).length, 2);
  });

  it('takes what is entered in full width, and refuses what is missing', async () => {
    await bind('musubi-kenpo', { symbol: '１２３４５', number: ' 6789 ' });
    await assert.rejects(bind('musubi-kenpo', { symbol: '12345' }), code('membership_entry_invalid'));
    await assert.rejects(bind('nobody', {}), code('attribute_provider_unknown'));
  });

  it('needs attributes that somebody vouches for', async () => {
    await clinic.signIn({ card: 'keiko', parameters: { scope: 'openid' } });
    const keiko = (await events('subject.created')).at(-1)?.subjectId ?? '';
    assert.notEqual(keiko, taro);
    const entered = { symbol: '12345', number: '7001' };
    await assert.rejects(bind('musubi-kenpo', entered, keiko), code('membership_attributes_needed'));
  });

  it('is not made while the provider is away or lies', async () => {
    for (const behaviour of ['down', 'wrong_signature'] as const) {
      providers.card.behave(behaviour);
      await assert.rejects(bind('musubi-card', { last_digits: '4242' }), code('attribute_provider_unavailable'));
      providers.card.behave('ordinary');
    }
    await bind('musubi-card', { last_digits: '4242' });
  });
});

describe('the clinic', () => {
  it('is told what the person agreed to, fresh and with its source', async () => {
    const browser = createHttpBrowser();
    const claims = { userinfo: { health_insurance_valid: { essential: true } } };
    const attempt = await clinic.attempt({ claims: JSON.stringify(claims), prompt: 'consent' });
    const page = await open(clinic.authorizationUrl(attempt), browser);
    const consent = await presentCard(hub, browser, page, { card: 'taro' });
    // Who would answer, and what it is, before anybody is asked.
    assert.match(consent.text, /健康保険が有効かどうか/);
    assert.match(consent.text, /むすび健康保険組合/);
    const asked = providers.kenpo.answered;

    const tokens = await signIn(clinic, 'openid', claims.userinfo);
    const told = await clinic.userinfo(tokens);
    assert.equal(told.health_insurance_valid, true);
    const { health_insurance_valid: provenance } = told.claims_provenance as Record<string, Record<string, unknown>>;
    const now = Math.floor(clock() / 1000);
    assert.equal(provenance?.source, 'musubi-kenpo');
    assert.equal(provenance?.current, true);
    assert.ok(Math.abs(Number(provenance?.obtained_at) - now) < 20);
    assert.ok(Number(provenance?.valid_until) > now);
    assert.equal(providers.kenpo.answered, asked + 1);
    const [disclosed] = await hub.hub.storage.consents.listDisclosures(taro, 1);
    assert.deepEqual(disclosed?.claims.toSorted(), ['health_insurance_valid', 'sub']);
    // Nothing is kept: the next answer is the provider's again.
    await clinic.userinfo(tokens);
    assert.equal(providers.kenpo.answered, asked + 2);

    const portal = createHttpBrowser();
    const history = await presentCard(hub, portal, await portal.get(`${hub.issuer}/portal/history`), { card: 'taro' });
    assert.match(history.text, /健康保険が有効かどうか（情報元：むすび健康保険組合）/);
  });

  it('is told the certificate as one structured claim, in the id_token when it asks there', async () => {
    const claims = JSON.stringify({ id_token: { health_insurance: null } });
    const tokens = await clinic.signIn({ card: 'taro', parameters: { claims, prompt: 'consent' } });
    const insurance = tokens.claims()?.health_insurance as Record<string, unknown>;
    assert.equal(insurance.insurer_number, '06139992');
    assert.equal(insurance.symbol, '12345');
    assert.equal(insurance.name, '山田　太郎');
  });

  it('asks for a day, and for an age', async () => {
    const of = async (wish: Record<string, unknown>) =>
      clinic.userinfo(await signIn(clinic, 'openid', { health_insurance_valid: wish }));
    assert.equal((await of({ target_date: '2012-03-31' })).health_insurance_valid, false);
    assert.equal((await of({ target_date: '2012-04-01', max_age: 60 })).health_insurance_valid, true);
    for (const wish of [{ target_date: '2012-02-30' }, { target_date: 5 }, { max_age: -1 }]) {
      const { health_insurance_valid: value, claims_unavailable: missing } = await of(wish);
      assert.equal(value, undefined);
      assert.deepEqual(missing, { health_insurance_valid: { source: 'musubi-kenpo', reason: 'not_possible' } });
    }
  });

  it('is told nothing of what the person left out', async () => {
    const parameters = { scope: 'openid health_insurance_valid card_customer_valid', prompt: 'consent' };
    const tokens = await clinic.signIn({ card: 'taro', agree: ['card_customer_valid'], parameters });
    const asked = providers.kenpo.answered;
    const told = await clinic.userinfo(tokens);
    assert.equal(told.card_customer_valid, true);
    assert.ok(!('health_insurance_valid' in told) && !('claims_unavailable' in told));
    assert.equal(providers.kenpo.answered, asked);
  });
});

describe('a provider', () => {
  let tokens: Tokens;
  before(async () => {
    tokens = await signIn(clinic, 'openid name health_insurance_valid card_customer_valid');
  });

  const LIES: readonly Behaviour[] = [
    ...(['down', 'slow', 'wrong_signature', 'wrong_subject', 'wrong_question', 'stale', 'oversized'] as const),
    'wrong_type',
  ];
  for (const behaviour of LIES) {
    it(`that is ${behaviour.replace('_', ' about the ')} costs its own claim only`, async () => {
      providers.kenpo.behave(behaviour);
      const told = await clinic.userinfo(tokens);
      providers.kenpo.behave('ordinary');
      assert.equal(told.health_insurance_valid, undefined);
      assert.deepEqual(told.claims_unavailable, {
        health_insurance_valid: { source: 'musubi-kenpo', reason: 'not_available' },
      });
      assert.equal(told.name, '山田　太郎');
      assert.equal(told.card_customer_valid, true);
      const [disclosed] = await hub.hub.storage.consents.listDisclosures(taro, 1);
      assert.deepEqual(disclosed?.claims.toSorted(), ['card_customer_valid', 'name', 'sub']);
      assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
    });
  }

  it('that says nothing of a claim is said to have told nothing', async () => {
    providers.kenpo.behave('silent');
    const { claims_unavailable: missing } = await clinic.userinfo(tokens);
    providers.kenpo.behave('ordinary');
    assert.deepEqual(missing, { health_insurance_valid: { source: 'musubi-kenpo', reason: 'not_told' } });
  });

  it('that is away is left alone for a while, and nobody waits for it', async () => {
    providers.kenpo.behave('down');
    for (let times = 0; times < 3; times++) await clinic.userinfo(tokens);
    providers.kenpo.behave('ordinary');
    const asked = providers.kenpo.answered;
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, undefined);
    assert.equal(providers.kenpo.answered, asked);
    ahead += 5000;
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
  });

  it('is known by its pinned keys: new ones hold when the operator has registered them', async () => {
    const { keys } = providers.kenpo;
    await hub.hub.attributeProviders.set('musubi-kenpo', { keys: providers.card.keys });
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, undefined);
    await hub.hub.attributeProviders.set('musubi-kenpo', { keys });
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
  });

  it('is known by the keys that it publishes, where the operator has registered their address', async () => {
    const { keys, url } = providers.kenpo;
    await hub.hub.attributeProviders.set('musubi-kenpo', { jwks_uri: `${url}/jwks` });
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
    await hub.hub.attributeProviders.set('musubi-kenpo', { jwks_uri: `${providers.card.url}/jwks` });
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, undefined);
    await hub.hub.attributeProviders.set('musubi-kenpo', { keys });
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
  });

  it('hears no identifier that a relying party knows, and no other customer’s reference', async () => {
    // What it hears is its own reference and the consent: its messages are strict, and the sandbox's provider reads them.
    assert.equal((await clinic.userinfo(tokens)).sub, subOf(tokens));
    assert.doesNotMatch(hub.log.join('\n'), /kenpo-0001|card-0001/);
  });
});

describe('what administrators decide holds at once', () => {
  const SHOP_SCOPE = 'openid payment_token';

  it('a relying party is told what it is accredited to accept, and nothing else', async () => {
    const tokens = await signIn(shop, `${SHOP_SCOPE} health_insurance_valid`);
    const told = await shop.userinfo(tokens);
    assert.deepEqual(told.payment_token, {
      ...{ brand: 'Musubi', masked_number: '************4242', expires: '2029-12' },
    });
    assert.ok(!('health_insurance_valid' in told));
  });

  /** Of what the shop may not be told, what it may, and what is the hub's own to hold. */
  const EVERYTHING = `${SHOP_SCOPE} health_insurance_valid name`;

  it('the person sees why a claim cannot be given: it is not allowed, nobody who has it is connected, or it is not held', async () => {
    const consentPage = async (browser: HttpBrowser, card: string, scope = EVERYTHING) => {
      const attempt = await shop.attempt({ scope, prompt: 'consent' });
      return presentCard(hub, browser, await open(shop.authorizationUrl(attempt), browser), { card });
    };
    const itemOf = ({ text }: { text: string }, claim: string) =>
      text.split('<li class="choice">').find((item) => item.includes(claim)) ?? '';
    const notAllowed = /このサービスは、この情報を受け取ることを認められていません/;
    const notConnected = /まだ連携していません/;
    const notHeld = /Musubiはこの情報を持っていません/;
    const insurance = '健康保険が有効かどうか';
    const payment = '支払いに使うカード';

    const customer = await consentPage(createHttpBrowser(), 'taro');
    assert.match(itemOf(customer, insurance), notAllowed);
    assert.match(itemOf(customer, payment), /<strong>むすびカード<\/strong>[\s\S]*提供するときに、ここへ問い合わせて/);
    assert.match(itemOf(customer, '氏名'), /type="checkbox"/);
    assert.doesNotMatch(
      customer.text,
      new RegExp(`value="health_insurance_valid"|${notConnected.source}|${notHeld.source}`),
    );

    const stranger = await consentPage(createHttpBrowser(), 'ichiro');
    assert.match(itemOf(stranger, insurance), notAllowed);
    assert.match(itemOf(stranger, payment), notConnected);
    assert.match(itemOf(stranger, '氏名'), notHeld);
    assert.doesNotMatch(stranger.text, /type="checkbox"[^>]* name="claims"/);
    // First things first: a provider confirms nobody who has not enrolled.
    assert.match(stranger.text, /href="[^"]*\/enrolment"/);
    assert.doesNotMatch(stranger.text, /href="\/portal\/providers"/);

    const browser = createHttpBrowser();
    const unconnected = await consentPage(browser, 'ichiro', SHOP_SCOPE);
    assert.match(unconnected.text, /href="\/portal\/providers"/);
    const [, reload = ''] = /<a href="(\/interaction\/[^"/]+)">この画面を読み込み直す/.exec(unconnected.text) ?? [];
    assert.match((await browser.get(hub.issuer + reload)).text, /情報の提供に同意しますか/);
  });

  it('the relying party is not told which of the three it is: it gets what it gets of somebody who leaves everything out', async () => {
    const parameters = {
      ...{ scope: EVERYTHING, prompt: 'consent' },
      claims: JSON.stringify({ userinfo: { payment_token: { max_age: 60 }, health_insurance_valid: null } }),
    };
    const stranger = await shop.userinfo(await shop.signIn({ card: 'ichiro', parameters }));
    const careful = await shop.userinfo(await shop.signIn({ card: 'taro', agree: [], parameters }));
    assert.deepEqual(Object.keys(stranger), ['sub']);
    assert.deepEqual(Object.keys(careful), ['sub']);

    // Only of what the person has agreed to it hears why it does not come.
    providers.card.behave('silent');
    const told = await shop.userinfo(await shop.signIn({ card: 'taro', agree: ['payment_token'], parameters }));
    providers.card.behave('ordinary');
    assert.deepEqual(told.claims_unavailable, { payment_token: { source: 'musubi-card', reason: 'not_told' } });
  });

  it('an acceptance, an offer, a provider or a membership that ends ends the claim', async () => {
    const { attributeProviders, memberships } = hub.hub;
    const tokens = await signIn(shop, SHOP_SCOPE);
    const isTold = async () => 'payment_token' in (await shop.userinfo(tokens));
    assert.ok(await isTold());
    await attributeProviders.accept(shop.clientId, ['payment_token'], false);
    assert.ok(!(await isTold()));
    await attributeProviders.accept(shop.clientId, ['payment_token'], true);
    await attributeProviders.offer('musubi-card', ['payment_token'], false);
    assert.ok(!(await isTold()));
    await attributeProviders.offer('musubi-card', ['payment_token'], true);
    await attributeProviders.set('musubi-card', { isActive: false });
    assert.ok(!(await isTold()));
    await attributeProviders.set('musubi-card', { isActive: true });
    assert.ok(await isTold());

    const [membership] = (await memberships.list(taro)).filter(({ provider }) => provider.id === 'musubi-card');
    assert.ok(membership);
    const stranger = (await events('subject.created')).at(-1)?.subjectId ?? '';
    assert.equal(await memberships.end(membership.id, stranger), false);
    assert.equal(await memberships.end(membership.id, taro), true);
    assert.ok(!(await isTold()));
    const kinds = [
      'attribute.accepted',
      'attribute.offered',
      'attribute_provider.changed',
      'membership.ended',
    ] as const;
    for (const kind of kinds) assert.ok((await events(kind)).length > 0, kind);
  });
});

describe('musubi attribute-provider', () => {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-attribute-provider-'));
  let control: Awaited<ReturnType<typeof startControlSocket>>;
  let data: string;

  before(async () => {
    data = dirname(hub.listFolder);
    control = await startControlSocket({ path: controlSocketPath(data), handlers: administrationHandlers(hub.hub) });
  });
  after(async () => {
    await control.close();
    rmSync(folder, { recursive: true });
  });

  const musubi = (...args: string[]) =>
    typeCommand(['attribute-provider', ...args, '--data', data], { workingFolder: folder });
  async function did(...args: string[]): Promise<string> {
    const { code: exit, out, err } = await musubi(...args);
    assert.equal(exit, 0, err);
    return out;
  }

  it('registers one, says what it offers and who may be told, and takes all of it back', async () => {
    const { kind, names, entries } = SANDBOX_PROVIDERS.kokuho;
    const { url, keys } = providers.kokuho;
    const registration = { id: 'kokuho-two', kind, names, entries, url, keys };
    writeFileSync(join(folder, 'kokuho.json'), JSON.stringify(registration));
    assert.equal(JSON.parse(await did('add', 'kokuho.json')).id, 'kokuho-two');
    assert.match(
      await did('list'),
      /^ID +KIND +NAME +ACTIVE +URL\n[\s\S]*kokuho-two +insurer +むすび市国民健康保険 +yes +http/,
    );
    assert.equal(JSON.parse(await did('show', 'kokuho-two')).url, url);

    assert.equal(
      await did('offer', 'kokuho-two', 'pension_record, medical_costs'),
      'kokuho-two offers pension_record, medical_costs.\n',
    );
    await did('accept', clinic.clientId, 'pension_record');
    assert.match(await did('table'), /kokuho-two +pension_record +yes +yes +-\n/);
    assert.match(await did('table'), new RegExp(`${clinic.clientId} +pension_record +- +- +yes\n`));
    await did('offer', 'kokuho-two', 'pension_record', '--end');
    await did('accept', clinic.clientId, 'pension_record', '--end');
    assert.match(await did('table'), /kokuho-two +pension_record +yes +no +-\n/);

    writeFileSync(join(folder, 'change.json'), JSON.stringify({ kind: 'other' }));
    const changed = JSON.parse(await did('set', 'kokuho-two', 'change.json', '--active', 'no'));
    assert.deepEqual([changed.kind, changed.isActive], ['other', false]);
    assert.equal(await did('remove', 'kokuho-two'), 'Removed kokuho-two.\n');
    const missing = await musubi('show', 'kokuho-two', '--json');
    assert.equal(missing.code, 1);
    assert.match(missing.err, /"attribute_provider_unknown"/);
  });
});
