import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decrypt } from 'xml-encryption';
import type { NameId } from '../../provider/saml/messages.ts';
import { ATTRIBUTE_NAME_FORMATS, NAME_ID_FORMATS, PAIRWISE_ID } from '../../provider/saml/names.ts';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  assertSigned,
  attributesIn,
  callSoap,
  faultIn,
  QUERY_PATH,
  type QueryOptions,
  type SoapAnswer,
  signedQuery,
  statusIn,
} from '../support/saml/query_party.ts';
import { isConsentPage, lastConsent, later, presentCard, withdrawConsent } from './relying_party.ts';
import { createSamlParty, hubCertificates, type SamlParty, type SamlPartyOptions } from './saml_party.ts';

const CONSENT_SECONDS = 3_600;
const SESSION_SECONDS = 600;
const CALLS = 150;
const DISPLAY_NAME = 'urn:oid:2.16.840.1.113730.3.1.241';
const POSTAL_ADDRESS = 'urn:oid:2.5.4.16';
const EIDAS = 'http://eidas.europa.eu/attributes/naturalperson/';
const HOME = '東京都千代田区永田町９－９－９';
const NAME = '見本　太郎 <&>';

let hub: TestHub;
let party: SamlParty;
/** What the party knows the person by who signed in there. */
let nameId: NameId;

before(async () => {
  hub = await startTestHub({
    settings: {
      lifetimes: { consentSeconds: CONSENT_SECONDS, sessionSeconds: SESSION_SECONDS },
      rateLimits: { relyingPartyCalls: CALLS },
      metrics: { listen: 'same' },
    },
  });
  await hub.authority.authority.citizens.issue({ name: 'kikuko', attributes: { name: NAME, address: HOME } });
  await hub.refreshLists();
  party = await joined('sp.example', { services: requesting(DISPLAY_NAME, POSTAL_ADDRESS, 'birthdate', 'gender') });
  await enrol('kikuko');
  nameId = await signInAs('kikuko', party, ['name', 'address', 'birthdate']);
});
after(() => hub?.stop());

function requesting(...names: string[]): string {
  const asked = names.map((name) => `<md:RequestedAttribute Name="${name}"/>`).join('');
  return `<md:AttributeConsumingService index="0"><md:ServiceName xml:lang="ja">窓口</md:ServiceName>${asked}</md:AttributeConsumingService>`;
}

function joined(host: string, options: SamlPartyOptions = {}): Promise<SamlParty> {
  return createSamlParty(hub, { host, ...options });
}

async function enrol(card: string): Promise<void> {
  const browser = createHttpBrowser();
  const signIn = await browser.get(await party.saml.getAuthorizeUrlAsync('', undefined, {}));
  assert.ok(signIn.text.includes('data-sign-in-form'), signIn.text);
  const consent = await presentCard(hub, browser, signIn, { card });
  assert.ok(isConsentPage(consent), consent.text);
  const path = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
  const form = await browser.get(new URL(`${path}/enrolment`, consent.url).href);
  const page = await fillIn(browser, form, formOf(hub, card));
  assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
}

async function signInAs(card: string, at: SamlParty, agree?: readonly string[]): Promise<NameId> {
  const profile = await at.signIn({ card, ...(agree && { agree }) });
  return {
    value: profile.nameID,
    format: profile.nameIDFormat,
    nameQualifier: profile.nameQualifier,
    spNameQualifier: profile.spNameQualifier,
  };
}

function ask(options: Partial<QueryOptions> = {}, at: SamlParty = party): Promise<SoapAnswer> {
  const queryer = { entityId: at.entityId, key: at.key.privateKey };
  return callSoap(`${hub.issuer}${QUERY_PATH}`, signedQuery(hub, queryer, { nameId, ...options }));
}

/** What went out by queries to this service provider, newest first. */
async function disclosed({ entityId }: SamlParty = party): Promise<readonly (readonly string[])[]> {
  const { subjectId } = await lastConsent(hub, entityId);
  const all = await hub.hub.storage.consents.listDisclosures(subjectId, 1000);
  return all
    .filter(({ clientId, exit }) => clientId === entityId && exit === 'attribute_query')
    .map(({ claims }) => claims);
}

describe('an attribute query', () => {
  it('is answered with everything that the person agreed to, signed twice, and the disclosure is written down', async () => {
    const earlier = await disclosed();
    const answer = await ask({ over: { ID: '_a-query' } });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/xml; charset=utf-8$/);
    assert.match(answer.headers.get('cache-control') ?? '', /no-store/);
    assert.deepEqual(statusIn(answer), ['Success']);
    const { xml } = answer;
    assertSigned(xml, (await hubCertificates(hub))[0] ?? '', ['Response', 'Assertion']);
    assert.match(xml, /<samlp:Response [^>]*InResponseTo="_a-query"/);
    assert.match(xml, /<saml:Audience>https:\/\/sp\.example\/saml<\/saml:Audience>/);
    // Nobody presents it and nobody signs in by it.
    assert.doesNotMatch(xml, /SubjectConfirmation|AuthnStatement|Destination/);

    const { claims_provenance, [PAIRWISE_ID]: pairwiseId, ...told } = attributesIn(xml);
    assert.deepEqual(told, {
      [DISPLAY_NAME]: [NAME.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')],
      [POSTAL_ADDRESS]: [HOME],
      'urn:oid:1.3.6.1.4.1.25178.1.2.3': [birthdate().replaceAll('-', '')],
    });
    assert.deepEqual(pairwiseId, [`${Buffer.from(nameId.value, 'base64url').toString('hex')}@localhost`]);
    assert.match(String(claims_provenance), /"current":true/);
    const rows = await disclosed();
    assert.equal(rows.length, earlier.length + 1);
    assert.deepEqual([...(rows[0] ?? [])].sort(), ['address', 'birthdate', 'name', 'sub']);
  });

  it('names the person as it did, letter by letter', async () => {
    for (const named of [
      nameId,
      { value: nameId.value },
      { value: nameId.value, format: NAME_ID_FORMATS.unspecified },
    ]) {
      const { xml } = await ask({ nameId: named });
      const { value, format, nameQualifier, spNameQualifier } = named as Partial<NameId>;
      const written = [
        ...(format ? [` Format="${format}"`] : []),
        ...(nameQualifier ? [` NameQualifier="${nameQualifier}"`] : []),
        ...(spNameQualifier ? [` SPNameQualifier="${spNameQualifier}"`] : []),
      ].join('');
      assert.ok(xml.includes(`<saml:Subject><saml:NameID${written}>${value}</saml:NameID></saml:Subject>`), xml);
    }
  });

  it('gets what it names, under the very names, and nothing beside', async () => {
    const answer = await ask({
      attributes: [
        { name: `${EIDAS}DateOfBirth`, nameFormat: ATTRIBUTE_NAME_FORMATS.uri },
        { name: 'birthdate' },
        { name: POSTAL_ADDRESS, nameFormat: ATTRIBUTE_NAME_FORMATS.basic },
        { name: POSTAL_ADDRESS, nameFormat: ATTRIBUTE_NAME_FORMATS.uri },
        // Asked for at the sign-in and not agreed to; nothing of ours; names that scripts stumble over.
        ...['gender', 'urn:oid:2.5.4.42', 'sub', '__proto__', 'constructor', 'toString'].map((name) => ({ name })),
      ],
    });
    assert.deepEqual(attributesIn(answer.xml), {
      [`${EIDAS}DateOfBirth`]: [birthdate()],
      birthdate: [birthdate()],
      [POSTAL_ADDRESS]: [HOME],
    });
    assert.equal(answer.xml.split(POSTAL_ADDRESS).length, 2, 'each once');
    assert.deepEqual([...((await disclosed())[0] ?? [])].sort(), ['address', 'birthdate']);
    assert.deepEqual(attributesIn((await ask({ attributes: [{ name: PAIRWISE_ID }] })).xml), {
      [PAIRWISE_ID]: [`${Buffer.from(nameId.value, 'base64url').toString('hex')}@localhost`],
    });
    assert.deepEqual((await disclosed())[0], ['sub']);
  });

  it('says Success and states nothing when nothing of what it names may be told', async () => {
    const earlier = await disclosed();
    const answer = await ask({ attributes: [{ name: 'gender' }, { name: 'card_status' }] });
    assert.deepEqual(statusIn(answer), ['Success']);
    assert.doesNotMatch(answer.xml, /Assertion /);
    assert.deepEqual(await disclosed(), earlier);
  });

  it('gets no claim that the operator has taken away since', async () => {
    const allowed = await joined('allowed.example', { settings: { claims: ['address', 'birthdate'] } });
    const known = await signInAs('kikuko', allowed);
    assert.deepEqual(
      Object.keys(attributesIn((await ask({ nameId: known }, allowed)).xml)).sort(),
      [
        'claims_provenance',
        'urn:oasis:names:tc:SAML:attribute:pairwise-id',
        'urn:oid:1.3.6.1.4.1.25178.1.2.3',
        POSTAL_ADDRESS,
      ].sort(),
    );
    await hub.hub.serviceProviders.set(allowed.entityId, { claims: ['birthdate'] });
    await later(10_000, async () => {
      const { xml } = await ask({ nameId: known, attributes: [{ name: 'address' }, { name: 'birthdate' }] }, allowed);
      assert.deepEqual(Object.keys(attributesIn(xml)), ['birthdate']);
    });
  });

  it('may name the person by a transient identifier, while that lives, and learns no lasting one', async () => {
    const profile = await party.signIn({ card: 'kikuko', saml: { identifierFormat: NAME_ID_FORMATS.transient } });
    const transient = { value: profile.nameID, format: NAME_ID_FORMATS.transient };
    const answer = await ask({ nameId: transient });
    assert.deepEqual(attributesIn(answer.xml)[POSTAL_ADDRESS], [HOME]);
    assert.doesNotMatch(answer.xml, /pairwise-id/);
    assert.deepEqual(statusIn(await ask({ nameId: transient, attributes: [{ name: PAIRWISE_ID }] })), ['Success']);
    const other = await joined('curious.example');
    await signInAs('kikuko', other);
    assert.deepEqual(statusIn(await ask({ nameId: transient }, other)), UNKNOWN);
    await later(SESSION_SECONDS * 1000 + 1000, async () => {
      assert.deepEqual(statusIn(await ask({ nameId: transient })), UNKNOWN);
      assert.deepEqual(statusIn(await ask()), ['Success']);
    });
  });

  it('is answered in an encrypted assertion by the settings', async () => {
    const careful = await joined('careful.example', {
      hasEncryptionKey: true,
      settings: { encryptAssertions: 'always', claims: ['address'] },
    });
    const known = await signInAs('kikuko', careful);
    const { xml } = await ask({ nameId: known }, careful);
    assert.doesNotMatch(xml, /NameID|AttributeValue/);
    assertSigned(xml, (await hubCertificates(hub))[0] ?? '', ['Response']);
    const [encrypted = ''] = /<xenc:EncryptedData .*<\/xenc:EncryptedData>/s.exec(xml) ?? [];
    const key = careful.key.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const assertion = await new Promise<string>((resolve, reject) => {
      decrypt(encrypted, { key }, (error, text) => (error ? reject(error) : resolve(String(text))));
    });
    assert.deepEqual(attributesIn(assertion)[POSTAL_ADDRESS], [HOME]);
    assertSigned(assertion, (await hubCertificates(hub))[0] ?? '', ['Assertion']);
  });

  it('is counted, whatever came of it', async () => {
    const count = async (outcome: string) => {
      const metrics = await (await fetch(`http://127.0.0.1:${hub.port}/metrics`)).text();
      return Number(
        new RegExp(`^musubi_saml_answers_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0,
      );
    };
    const [answered, unknown] = [await count('success'), await count('UnknownPrincipal')];
    await ask();
    await ask({ nameId: { value: 'nobody' } });
    assert.deepEqual([await count('success'), await count('UnknownPrincipal')], [answered + 1, unknown + 1]);
  });
});

const UNKNOWN = ['Responder', 'UnknownPrincipal'];

describe('a person of whom nothing may be told', () => {
  /** What is left of an answer when everything is taken out that differs between two of the same. */
  const face = ({ status, xml }: SoapAnswer) => [
    status,
    xml
      .replaceAll(/ (?:ID|InResponseTo|IssueInstant|URI)="[^"]*"/g, '')
      .replaceAll(/(?:Digest|Signature)Value>[^<]*</g, ''),
  ];

  it('looks the same: never heard of, never agreed, withdrawn, expired, another service provider’s', async () => {
    const fickle = await joined('fickle.example', { settings: { claims: ['address'] } });
    const known = await signInAs('kikuko', fickle);
    assert.deepEqual(statusIn(await ask({ nameId: known }, fickle)), ['Success']);
    const expired = await later(CONSENT_SECONDS * 1000 + 1000, () => ask({ nameId: known }, fickle));
    await withdrawConsent(hub, fickle.entityId);
    const answers = [
      await ask({ nameId: known }, fickle),
      expired,
      await ask({ nameId: { ...known, value: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' } }, fickle),
      await ask({ nameId }, fickle),
      await ask({ nameId: { ...known, nameQualifier: 'https://other.example/idp' } }, fickle),
      await ask({ nameId: { ...known, spNameQualifier: party.entityId } }, fickle),
      await ask({ nameId: { ...known, format: NAME_ID_FORMATS.emailAddress } }, fickle),
      await ask({ nameId: { ...known, value: `${known.value} ` } }, fickle),
      await ask({ nameId: { value: 'x'.repeat(200), format: NAME_ID_FORMATS.transient } }, fickle),
    ];
    for (const answer of answers) {
      assert.deepEqual(statusIn(answer), UNKNOWN);
      assert.deepEqual(face(answer), face(answers[0] ?? answer));
    }
    assert.equal((await disclosed(fickle)).length, 1);
  });

  it('is also somebody who has agreed at another member of the organisation only', async () => {
    const one = await joined('one.example', { settings: { sector: 'org.example', claims: ['address'] } });
    const two = await joined('two.example', { settings: { sector: 'org.example', claims: ['address'] } });
    const { value } = await signInAs('kikuko', one);
    assert.deepEqual(statusIn(await ask({ nameId: { value } }, one)), ['Success']);
    assert.deepEqual(statusIn(await ask({ nameId: { value } }, two)), UNKNOWN);
  });
});

describe('a query that comes again', () => {
  it('is refused', async () => {
    const body = signedQuery(hub, { entityId: party.entityId, key: party.key.privateKey }, { nameId });
    const earlier = await disclosed();
    assert.deepEqual(statusIn(await callSoap(`${hub.issuer}${QUERY_PATH}`, body)), ['Success']);
    const again = await callSoap(`${hub.issuer}${QUERY_PATH}`, body);
    assert.deepEqual(statusIn(again), ['Requester', 'RequestDenied']);
    const [, id] = / ID="([^"]+)"/.exec(body) ?? [];
    assert.match(again.xml, new RegExp(`InResponseTo="${id}"`));
    assert.equal((await disclosed()).length, earlier.length + 1);
  });

  it('is answered once of twenty at the same moment', async () => {
    const body = signedQuery(hub, { entityId: party.entityId, key: party.key.privateKey }, { nameId });
    const earlier = await disclosed();
    const answers = await Promise.all(Array.from({ length: 20 }, () => callSoap(`${hub.issuer}${QUERY_PATH}`, body)));
    assert.equal(answers.filter((answer) => statusIn(answer).join() === 'Success').length, 1);
    assert.equal(answers.filter((answer) => statusIn(answer).join() === 'Requester,RequestDenied').length, 19);
    assert.equal((await disclosed()).length, earlier.length + 1);
  });

  it('is another’s when another service provider uses the same id', async () => {
    const other = await joined('twin.example', { settings: { claims: ['address'] } });
    const known = await signInAs('kikuko', other);
    const over = { ID: '_the-same-id' };
    assert.deepEqual(statusIn(await ask({ over })), ['Success']);
    assert.deepEqual(statusIn(await ask({ nameId: known, over }, other)), ['Success']);
  });
});

function birthdate(): string {
  return hub.authority.authority.store.state.citizens.find(({ name }) => name === 'kikuko')?.attributes.birthDate ?? '';
}

describe('how much a service provider may ask', () => {
  it('is counted by service provider, once it has signed', async () => {
    const eager = await joined('eager.example');
    for (let call = 0; call < CALLS; call += 1) {
      assert.deepEqual(statusIn(await ask({ nameId: { value: 'nobody' } }, eager)), UNKNOWN);
    }
    const refused = await ask({ nameId: { value: 'nobody' } }, eager);
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
    assert.match(faultIn(refused) ?? '', /^too_many_requests: /);
    assert.deepEqual(statusIn(await ask()), ['Success']);
  });
});
