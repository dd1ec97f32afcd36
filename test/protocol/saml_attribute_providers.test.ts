import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Profile } from '@node-saml/node-saml';
import type { Behaviour, RunningProvider } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import type { NameId } from '../../provider/saml/messages.ts';
import { NAMESPACES } from '../../provider/saml/names.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import type { HttpBrowser, Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { enrolAtPortal, joinProvider } from '../support/insured.ts';
import { attributesIn, callSoap, QUERY_PATH, signedQuery, statusIn } from '../support/saml/query_party.ts';
import { isConsentPage, withdrawConsent } from './relying_party.ts';
import { createSamlParty, type SamlParty, type SamlPartyOptions, type SamlSignIn } from './saml_party.ts';

/*
 * Claims of insurers and card issuers over SAML: what attribute_providers.test.ts shows over OpenID Connect, by the two
 * ways that a service provider has, the assertion and the attribute query.
 */

const VALID = 'health_insurance_valid';
const CARD = 'card_customer_valid';
const DISPLAY_NAME = 'urn:oid:2.16.840.1.113730.3.1.241';
const DAY_BEFORE = '2012-03-31';

/** Milliseconds by which the insurer's clock is behind. */
let behind = 0;
let hub: TestHub;
let insurer: RunningProvider;
let issuer: RunningProvider;
/** Taro, enrolled and a customer of both, signed in. */
let browser: HttpBrowser;
let taro: string;
let clinic: SamlParty;
let nameId: Partial<NameId>;

before(async () => {
  hub = await startTestHub({ settings: { attributes: { providerTimeoutSeconds: 1 } } });
  insurer = await joinProvider(hub, 'kenpo', () => Date.now() - behind);
  issuer = await joinProvider(hub, 'card');
  ({ subjectId: taro, browser } = await enrolAtPortal(hub, 'taro'));
  await hub.hub.memberships.bind(taro, 'musubi-kenpo', { symbol: '12345', number: '6789' });
  await hub.hub.memberships.bind(taro, 'musubi-card', { last_digits: '4242' });
  const wanted = `${requested(VALID, true)}${requested(CARD)}${requested(DISPLAY_NAME)}`;
  clinic = await joined('clinic.example', {
    services: service(wanted),
    settings: { purpose: { ja: '受付に使います' } },
  });
  nameId = { value: (await clinic.signIn({ browser })).nameID };
});
after(async () => {
  await hub?.stop();
  await insurer?.close();
  await issuer?.close();
});

const service = (attributes: string) =>
  `<md:AttributeConsumingService index="0"><md:ServiceName xml:lang="ja">窓口</md:ServiceName>${attributes}</md:AttributeConsumingService>`;
const requested = (name: string, isRequired = false) =>
  `<md:RequestedAttribute Name="${name}" isRequired="${isRequired}"/>`;

/** A service provider that may be told of both. */
async function joined(host: string, options: SamlPartyOptions): Promise<SamlParty> {
  const party = await createSamlParty(hub, { host, ...options });
  await hub.hub.attributeProviders.accept(party.entityId, [VALID, CARD], true);
  return party;
}

interface Wish {
  readonly targetDate?: string;
  readonly maxAge?: number;
}

/** Signs in with a request that lists these attributes, as node-saml is told to. */
const signIn = (party: SamlParty, attributes: Record<string, Wish>, options: SamlSignIn = {}) =>
  party.answer({ browser, ...options, saml: { ...options.saml, samlAuthnRequestExtensions: listOf(attributes) } });

function listOf(attributes: Readonly<Record<string, Wish>>) {
  return {
    'req-attr:RequestedAttributes': {
      '@xmlns:req-attr': NAMESPACES.reqAttr,
      'md:RequestedAttribute': Object.entries(attributes).map(([name, { targetDate, maxAge }]) => ({
        '@xmlns:md': NAMESPACES.metadata,
        '@xmlns:wish': NAMESPACES.wish,
        '@Name': name,
        ...(targetDate !== undefined && { '@wish:TargetDate': targetDate }),
        ...(maxAge !== undefined && { '@wish:MaxAge': String(maxAge) }),
      })),
    },
  };
}

function query(attributes: Record<string, Wish> = {}, party = clinic, known = nameId) {
  const asked = Object.entries(attributes).map(([name, { targetDate, maxAge }]) => ({ name, targetDate, maxAge }));
  const queryer = { entityId: party.entityId, key: party.key.privateKey };
  return callSoap(`${hub.issuer}${QUERY_PATH}`, signedQuery(hub, queryer, { nameId: known, attributes: asked }));
}

const statusOf = ({ text }: Visited) =>
  statusIn({ xml: Buffer.from(hiddenFields(text).SAMLResponse ?? '', 'base64').toString() });

type Beside = Record<string, Record<string, unknown>>;

/** What stands beside the values, and of it that of the insurer’s claim. */
function besideOf(told: Profile | Record<string, unknown>) {
  const read = (name: string): Beside => {
    const [text] = [told[name]].flat();
    return text === undefined ? {} : JSON.parse(String(text).replaceAll('&quot;', '"'));
  };
  return { provenance: read('claims_provenance')[VALID], unavailable: read('claims_unavailable')[VALID] };
}

const lastRow = async () => (await hub.hub.storage.consents.listDisclosures(taro, 1))[0];

describe('an assertion', () => {
  it('has what the person agreed to, each with its source and times, and a row for it', async () => {
    const asked = insurer.answered;
    const profile = await clinic.signIn({ browser });
    assert.equal(profile[VALID], 'true');
    assert.equal(profile[CARD], 'true');
    assert.equal(profile[DISPLAY_NAME], '山田　太郎');
    const { provenance, unavailable } = besideOf(profile);
    assert.equal(provenance?.source, 'musubi-kenpo');
    assert.ok(Math.abs(Number(provenance?.as_of) - Date.now() / 1000) < 20);
    assert.ok(Number(provenance?.valid_until) > Date.now() / 1000);
    assert.ok(!('target_date' in (provenance ?? {})), 'it is about now');
    assert.equal(unavailable, undefined);
    assert.equal(insurer.answered, asked + 1);
    const row = await lastRow();
    assert.deepEqual([row?.exit, row?.claims.toSorted()], ['assertion', [CARD, VALID, 'name', 'sub']]);
  });

  it('is agreed to on a page that says what is needed and what is a choice, who would answer, and what for', async () => {
    const other = await joined('page.example', {
      services: service(requested(VALID, true) + requested(CARD)),
      settings: { purpose: { ja: '窓口の確認' } },
    });
    const page = await browser.get(await other.saml.getAuthorizeUrlAsync('', undefined, {}));
    assert.ok(isConsentPage(page));
    for (const shown of ['健康保険が有効かどうか', 'むすび健康保険組合', 'むすびカード', '窓口の確認']) {
      assert.ok(page.text.includes(shown), shown);
    }
    const choices = [...page.text.matchAll(/type="checkbox" [^>]*name="claims" value="([^"]+)"/g)].map(
      ([, name]) => name,
    );
    assert.deepEqual(choices, [CARD]);

    // Not a choice: whoever leaves out everything gives what is needed. What is left out, the issuer is not asked for.
    const asked = issuer.answered;
    const profile = await other.accept(await hub.answerPages(page, { browser, agree: [] }));
    assert.deepEqual([profile[VALID], profile[CARD]], ['true', undefined]);
    assert.equal(issuer.answered, asked);
    assert.deepEqual((await lastRow())?.claims.toSorted(), [VALID, 'sub']);
  });

  it('has nothing that the service provider is not accredited to accept', async () => {
    const other = await joined('stranger.example', { settings: { claims: [VALID, CARD] } });
    await hub.hub.attributeProviders.accept(other.entityId, [CARD], false);
    const profile = await other.signIn({ browser });
    assert.deepEqual([profile[VALID], profile[CARD]], ['true', undefined]);
  });
});

describe('a day and an age', () => {
  it('are listed in the request: the insurer is asked for that day, and the answer says which it is about', async () => {
    const told = await clinic.accept(await signIn(clinic, { [VALID]: { targetDate: DAY_BEFORE, maxAge: 60 } }));
    assert.equal(told[VALID], 'false');
    assert.equal(besideOf(told).provenance?.target_date, DAY_BEFORE);
    assert.equal(told[CARD], undefined, 'what is not listed is not asked for');
    const form = await signIn(clinic, { [VALID]: { targetDate: '2012-04-01' }, [CARD]: {} }, { binding: 'post' });
    const posted = await clinic.accept(form);
    assert.deepEqual([posted[VALID], posted[CARD]], ['true', 'true']);
  });

  it('stand in a query as well, by any name of the attribute', async () => {
    const { xml } = await query({ [VALID]: { targetDate: DAY_BEFORE }, claims_provenance: {} });
    const told = attributesIn(xml);
    assert.deepEqual(told[VALID], ['false']);
    assert.equal(besideOf(told).provenance?.target_date, DAY_BEFORE);
    assert.deepEqual(attributesIn((await query({ [VALID]: {} })).xml), { [VALID]: ['true'] });
  });

  it('that cannot be had are told as that, and cost that claim only', async () => {
    behind = 30_000;
    const stale = await clinic.accept(await signIn(clinic, { [VALID]: { maxAge: 10 }, [CARD]: { maxAge: 10 } }));
    assert.deepEqual([stale[VALID], stale[CARD]], [undefined, 'true']);
    assert.deepEqual(besideOf(stale).unavailable, { source: 'musubi-kenpo', reason: 'not_fresh' });
    const row = await lastRow();
    assert.deepEqual(row?.claims.toSorted(), [CARD, 'sub']);
    const asked = attributesIn((await query({ [VALID]: { maxAge: 10 } })).xml);
    assert.deepEqual(Object.keys(asked), ['claims_unavailable']);
    assert.equal((await lastRow())?.sequence, row.sequence, 'nothing has left');
    assert.deepEqual(besideOf(asked).unavailable, { source: 'musubi-kenpo', reason: 'not_fresh' });
    behind = 0;
    const impossible = await clinic.accept(await signIn(clinic, { [CARD]: { targetDate: DAY_BEFORE }, [VALID]: {} }));
    assert.deepEqual([impossible[VALID], impossible[CARD]], ['true', undefined]);
    assert.match(String(impossible.claims_unavailable), /"card_customer_valid":{[^}]*"reason":"not_possible"/);
  });

  it('are the operator’s to register, and hold whatever a request says', async () => {
    const settings = { claims: [VALID], freshness: { [VALID]: 10 } };
    const careful = await joined('careful.example', { settings });
    const { nameID } = await careful.signIn({ browser });
    behind = 30_000;
    const lax = { [VALID]: { maxAge: 3600 } };
    for (const page of [await careful.answer({ browser }), await signIn(careful, lax)]) {
      assert.equal(besideOf(await careful.accept(page)).unavailable?.reason, 'not_fresh');
    }
    const asked = attributesIn((await query(lax, careful, { value: nameID })).xml);
    assert.equal(besideOf(asked).unavailable?.reason, 'not_fresh');
    await hub.hub.serviceProviders.set(careful.entityId, { freshness: null });
    behind = 0;
    assert.equal((await careful.signIn({ browser }))[VALID], 'true');
  });

  it('are not heard of whoever does not sign: who carries the request could name another day', async () => {
    const settings = { claims: [VALID] };
    const careless = await joined('careless.example', { settings, signsRequests: false });
    assert.equal((await careless.signIn({ browser }))[VALID], 'true');
    const refused = await signIn(careless, { [VALID]: { targetDate: '2012-04-01' } });
    assert.deepEqual(statusOf(refused), ['Requester', 'RequestDenied']);
    assert.equal((await careless.accept(await signIn(careless, { [VALID]: {} })))[VALID], 'true');
  });

  it('are refused in a query that says two things of one claim', async () => {
    const twice = { birthdate: { maxAge: 1 }, 'urn:oid:1.3.6.1.4.1.25178.1.2.3': { maxAge: 2 } };
    assert.deepEqual(statusIn(await query(twice)), ['Requester', 'RequestUnsupported']);
  });
});

describe('a provider', () => {
  const LIES: readonly Behaviour[] = [
    ...(['down', 'slow', 'wrong_signature', 'wrong_subject', 'wrong_question', 'stale', 'oversized'] as const),
    'wrong_type',
  ];
  for (const behaviour of LIES) {
    it(`that is ${behaviour.replace('_', ' about the ')} costs its own claim only, at both doors`, async () => {
      insurer.behave(behaviour);
      const profile = await clinic.signIn({ browser });
      const assertionRow = await lastRow();
      const queried = attributesIn((await query()).xml);
      const queryRow = await lastRow();
      insurer.behave('ordinary');
      for (const told of [profile as Record<string, unknown>, queried]) {
        assert.equal(told[VALID], undefined);
        assert.deepEqual(besideOf(told).unavailable, { source: 'musubi-kenpo', reason: 'not_available' });
        assert.deepEqual([told[CARD], told[DISPLAY_NAME]].flat(), ['true', '山田　太郎']);
      }
      for (const row of [assertionRow, queryRow]) assert.deepEqual(row?.claims.toSorted(), [CARD, 'name', 'sub']);
      assert.deepEqual([assertionRow?.exit, queryRow?.exit], ['assertion', 'attribute_query']);
      assert.deepEqual(attributesIn((await query({ [VALID]: {} })).xml), { [VALID]: ['true'] });
    });
  }

  it('that says nothing of a claim is said to have told nothing', async () => {
    insurer.behave('silent');
    const told = await clinic.signIn({ browser });
    insurer.behave('ordinary');
    assert.equal(besideOf(told).unavailable?.reason, 'not_told');
  });
});

describe('a consent that is taken back', () => {
  it('ends what the service provider gets, before any provider is asked', async () => {
    const fickle = await joined('fickle.example', { settings: { claims: [VALID] } });
    const { nameID: value } = await fickle.signIn({ browser });
    assert.deepEqual(statusIn(await query({}, fickle, { value })), ['Success']);
    await withdrawConsent(hub, fickle.entityId);
    const asked = insurer.answered;
    assert.deepEqual(statusIn(await query({}, fickle, { value })), ['Responder', 'UnknownPrincipal']);
    assert.ok(isConsentPage(await browser.get(await fickle.saml.getAuthorizeUrlAsync('', undefined, {}))));
    assert.equal(insurer.answered, asked);
  });
});
