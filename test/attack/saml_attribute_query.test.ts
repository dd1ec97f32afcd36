import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PAIRWISE_ID } from '../../provider/saml/names.ts';
import { createSamlParty, newPartyKey, type PartyKey, type SamlParty } from '../protocol/saml_party.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { assertionElement, envelope, messageText } from '../support/saml/messages.ts';
import {
  callSoap,
  faultIn,
  QUERY_PATH,
  type Queryer,
  type QueryOptions,
  queryOf,
  type SoapAnswer,
  signedQuery,
  statusIn,
} from '../support/saml/query_party.ts';
import { signed } from '../support/saml/sign.ts';

/*
 * What reaches the attribute service over HTTP. What a signature may be wrapped into is in the tests of the gate, which
 * judges these messages as all others.
 */

let hub: TestHub;
let party: SamlParty;
let self: Queryer;
let stranger: PartyKey;
let known: QueryOptions;

before(async () => {
  hub = await startTestHub();
  party = await createSamlParty(hub, { settings: { claims: ['card_status'] } });
  self = { entityId: party.entityId, key: party.key.privateKey };
  stranger = newPartyKey();
  known = { nameId: { value: (await party.signIn()).nameID } };
});
after(() => hub?.stop());

const send = (body: string | Uint8Array, type?: string) => callSoap(`${hub.issuer}${QUERY_PATH}`, body, type);

const minutes = (count: number) => new Date(Date.now() + count * 60_000).toISOString();

/** A refusal without signature, in which nothing of the hub is: whoever sent this has not shown who they are. */
function assertFault(answer: SoapAnswer, status: number, code: string): void {
  assert.equal(answer.status, status);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/xml/);
  assert.match(faultIn(answer) ?? '', new RegExp(`^${code}: `));
  assert.match(answer.xml, /<faultcode>soap11:Client<\/faultcode>/);
  assert.doesNotMatch(answer.xml, /Signature|Assertion|samlp:/);
}

describe('an attribute query by somebody who is not its sender', () => {
  it('is refused in the very words that a sender nobody knows gets', async () => {
    const other = { entityId: 'https://nobody.example/saml', key: stranger.privateKey };
    const answers = [
      await send(signedQuery(hub, other, known)),
      await send(envelope(queryOf(hub, self, known))),
      await send(signedQuery(hub, { ...self, key: stranger.privateKey }, known)),
      await send(signedQuery(hub, self, known).replace(known.nameId.value ?? '', 'somebody-else')),
    ];
    for (const answer of answers) {
      assertFault(answer, 400, 'saml_service_unknown');
      assert.equal(answer.xml, answers[0]?.xml);
    }
  });

  it('does not spend the id of a query that is still to come', async () => {
    const over = { ID: '_still-to-come' };
    await send(envelope(queryOf(hub, self, { ...known, over })));
    await send(signedQuery(hub, { ...self, key: stranger.privateKey }, { ...known, over }));
    assert.deepEqual(statusIn(await send(signedQuery(hub, self, { ...known, over }))), ['Success']);
  });
});

describe('an attribute query by its sender is told by a status that it', () => {
  for (const [title, over, codes] of [
    ['is stale', () => ({ IssueInstant: minutes(-6) }), ['Requester', 'RequestDenied']],
    ['comes from the future', () => ({ IssueInstant: minutes(2) }), ['Requester', 'RequestDenied']],
    ['is for another hub', () => ({ Destination: 'https://x.example/' }), ['Requester', 'RequestDenied']],
    ['is for another door', () => ({ Destination: `${hub.issuer}/saml/sso` }), ['Requester', 'RequestDenied']],
  ] as const) {
    it(title, async () => {
      const answer = await send(signedQuery(hub, self, { ...known, over: over() }));
      assert.equal(answer.status, 200);
      assert.deepEqual(statusIn(answer), codes);
      assert.match(answer.xml, /<samlp:StatusMessage>/);
      assert.doesNotMatch(answer.xml, /Assertion /);
    });
  }

  it('names somebody in a way that only the hub’s key could open, which there is none of', async () => {
    const rest = assertionElement('Subject', '<saml:EncryptedID>x</saml:EncryptedID>');
    const answer = await send(signedQuery(hub, self, { ...known, rest }));
    assert.deepEqual(statusIn(answer), ['Requester', 'RequestUnsupported']);
  });
});

describe('what is no attribute query', () => {
  const subject = () => assertionElement('Subject', `<saml:NameID>${known.nameId.value}</saml:NameID>`);
  const attribute = (name: string, content = '') => assertionElement('Attribute', content, ` Name="${name}"`);
  const bySelf = (rest: string, kind = 'AttributeQuery') => {
    const attributes = { ID: `_${Math.random()}`, IssueInstant: minutes(0), Destination: hub.issuer + QUERY_PATH };
    return signed(messageText(kind, { attributes, issuer: self.entityId, rest }), { key: self.key });
  };

  for (const [title, body] of Object.entries<() => string>({
    'is empty': () => '',
    'is no XML': () => 'SAMLRequest=x',
    'is no SOAP': () => bySelf(subject()),
    'has a document type': () => `<!DOCTYPE x [<!ENTITY a "b">]>${envelope(bySelf(subject()))}`,
    'has two messages': () => envelope(bySelf(subject()) + bySelf(subject())),
    'must have a header understood': () =>
      envelope(bySelf(subject()), '<S:Header><x:y xmlns:x="urn:x" S:mustUnderstand="1"></x:y></S:Header>'),
    'is a request to sign in': () => envelope(bySelf('', 'AuthnRequest')),
    'asks for two people': () => envelope(bySelf(subject() + subject())),
    'asks for nobody': () => envelope(bySelf('')),
    'asks whether a value is this one': () =>
      envelope(bySelf(subject() + attribute('gender', '<saml:AttributeValue>female</saml:AttributeValue>'))),
    'asks for an attribute twice': () => envelope(bySelf(subject() + attribute('gender') + attribute('gender'))),
    'asks for a name that has no end': () => envelope(bySelf(subject() + attribute('n'.repeat(5000)))),
    'asks for more names than there are': () =>
      envelope(bySelf(subject() + Array.from({ length: 101 }, (_, at) => attribute(`n${at}`)).join(''))),
  })) {
    it(`${title}: a fault`, async () => assertFault(await send(body()), 400, 'saml_malformed'));
  }

  it('is too large, or something else by its own word: a fault', async () => {
    assertFault(await send(Buffer.alloc(100 * 1024 + 1, ' ')), 413, 'request_too_large');
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'application/xml']) {
      assertFault(await send(signedQuery(hub, self, known), type), 415, 'unsupported_media_type');
    }
  });

  it('comes by another method, or to no service: a fault, and no page', async () => {
    for (const path of [QUERY_PATH, '/saml/soap/nothing']) {
      const answer = await fetch(hub.issuer + path);
      assertFault({ status: answer.status, headers: answer.headers, xml: await answer.text() }, 404, 'not_found');
    }
  });

  it('asks under hostile names for nothing that there is', async () => {
    const names = [
      '__proto__',
      'constructor',
      'hasOwnProperty',
      '$1',
      "' OR 1=1",
      '&lt;x&gt;',
      'sub',
      'serial',
      '証明書',
    ];
    const attributes = names.map((name) => ({ name }));
    const answer = await send(signedQuery(hub, self, { ...known, attributes: [...attributes, { name: PAIRWISE_ID }] }));
    assert.deepEqual(statusIn(answer), ['Success']);
    assert.equal(answer.xml.split('<saml:Attribute ').length, 2, 'the pairwise identifier alone');
  });

  it('leaves no mark of a bug', () => {
    assert.deepEqual(
      hub.log.filter((line) => JSON.parse(line).level === 'error' || line.includes('"err"')),
      [],
    );
  });
});
