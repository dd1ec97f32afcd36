import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SamlKeySet } from '../../../provider/saml/key_set.ts';
import { createOwnMetadata, samlEntityId } from '../../../provider/saml/metadata/own_metadata.ts';
import { BINDING_URIS, NAMESPACES } from '../../../provider/saml/names.ts';
import { readXml } from '../../../provider/saml/xml/read_xml.ts';
import { attributeOf, childElements, textOf, type XmlElement } from '../../../provider/saml/xml/xml_element.ts';
import { answeringHub, HUB_URL, samlKey } from '../../support/saml/answering_hub.ts';
import { verifiesWithXmlsec1 } from '../../support/saml/verify_with_xmlsec1.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 10, 30, 12);
const names = { ja: 'さくら医療ID', en: 'Sakura <Medical> & ID' };
const { keys, publicKey } = await answeringHub();
const successor = await samlKey('successor');

/** A process of the hub whose clock and keys can be set. */
function hubProcess(publicUrl = HUB_URL) {
  const now = { clock: NOON, keys };
  const document = createOwnMetadata({ publicUrl, names, keys: () => now.keys, clock: () => now.clock });
  return { now, document, read: async () => readXml(Buffer.from((await document()).xml)) };
}

function every(element: XmlElement, local: string): XmlElement[] {
  const below = childElements(element).flatMap((child) => every(child, local));
  return element.local === local ? [element, ...below] : below;
}

const endpoints = (root: XmlElement, local: string) =>
  every(root, local).map((each) => [attributeOf(each, 'Binding'), attributeOf(each, 'Location')]);

describe('the hub’s own metadata', () => {
  it('is signed by the key that signs messages: xmlsec1 verifies it, and not when it is changed', async () => {
    const { xml } = await hubProcess().document();
    assert.ok(await verifiesWithXmlsec1(xml, 'EntityDescriptor', publicKey));
    assert.ok(!(await verifiesWithXmlsec1(xml.replace('/saml/slo', '/saml/sso'), 'EntityDescriptor', publicKey)));
  });

  it('says where requests go, by which bindings, and how people are named', async () => {
    const root = await hubProcess().read();
    assert.equal(attributeOf(root, 'entityID'), samlEntityId(HUB_URL));
    const at = (binding: keyof typeof BINDING_URIS, path: string) => [BINDING_URIS[binding], `${HUB_URL}${path}`];
    assert.deepEqual(endpoints(root, 'SingleSignOnService'), [at('redirect', '/saml/sso'), at('post', '/saml/sso')]);
    // Requests may list attributes by themselves.
    const lists = every(root, 'SingleSignOnService').map((each) =>
      attributeOf(each, 'supportsRequestedAttributes', NAMESPACES.reqAttr),
    );
    assert.deepEqual(lists, ['true', 'true']);
    assert.deepEqual(endpoints(root, 'SingleLogoutService'), [
      ...[at('redirect', '/saml/slo'), at('post', '/saml/slo'), at('soap', '/saml/soap/slo')],
    ]);
    assert.deepEqual(endpoints(root, 'AttributeService'), [at('soap', '/saml/soap/attributes')]);
    for (const role of ['IDPSSODescriptor', 'AttributeAuthorityDescriptor']) {
      const [descriptor] = every(root, role);
      assert.ok(descriptor);
      assert.deepEqual(
        every(descriptor, 'NameIDFormat').map((format) => textOf(format)?.split(':').at(-1)),
        ['persistent', 'transient'],
      );
      assert.deepEqual(every(descriptor, 'Scope').map(textOf), ['hub.example']);
    }
  });

  it('says what to sign with, since a Shibboleth SP that is not told signs posted requests with SHA-1', async () => {
    const [role] = every(await hubProcess().read(), 'IDPSSODescriptor');
    assert.ok(role);
    const told = ['DigestMethod', 'SigningMethod'].flatMap((local) =>
      every(role, local).filter(({ namespace }) => namespace === NAMESPACES.alg),
    );
    assert.deepEqual(
      told.map((each) => attributeOf(each, 'Algorithm')),
      ['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'],
    );
  });

  it('names the hub in both languages as its pages do, whatever is in the name', async () => {
    const root = await hubProcess().read();
    assert.deepEqual(
      every(root, 'DisplayName').map((name) => [languageOf(name), textOf(name)]),
      [
        ['ja', names.ja],
        ['en', names.en],
      ],
    );
  });

  it('is of one name and port with the origin, whatever it is', async () => {
    const root = await hubProcess('https://id.example.jp:8443').read();
    assert.equal(attributeOf(root, 'entityID'), 'https://id.example.jp:8443/saml/metadata');
    assert.deepEqual(new Set(every(root, 'Scope').map(textOf)), new Set(['id.example.jp']));
  });

  it('publishes every key of the set in both roles, and signs with the one of now', async () => {
    const hub = hubProcess();
    const both: SamlKeySet = {
      signing: keys.signing,
      publishedCertificates: [keys.signing.certificate, successor.certificate],
    };
    hub.now.keys = both;
    for (const role of ['IDPSSODescriptor', 'AttributeAuthorityDescriptor']) {
      const [descriptor] = every(await hub.read(), role);
      assert.ok(descriptor);
      assert.deepEqual(every(descriptor, 'X509Certificate').map(textOf), both.publishedCertificates);
      for (const key of every(descriptor, 'KeyDescriptor')) assert.equal(attributeOf(key, 'use'), 'signing');
    }
    assert.ok(await verifiesWithXmlsec1((await hub.document()).xml, 'EntityDescriptor', publicKey));
  });

  it('is made anew when the keys change and each day, and given out as it is in between', async () => {
    const hub = hubProcess();
    const first = await hub.document();
    hub.now.clock += 12 * 3_600_000 - 1;
    assert.equal(await hub.document(), first);
    hub.now.clock += 1;
    const nextDay = await hub.document();
    assert.notEqual(nextDay.etag, first.etag);
    hub.now.keys = { ...keys, publishedCertificates: [keys.signing.certificate, successor.certificate] };
    const rotated = await hub.document();
    assert.notEqual(rotated.etag, nextDay.etag);
    assert.ok(rotated.xml.includes(successor.certificate));
  });

  it('is valid for a week at least from whenever it is fetched, and asks to be looked at every six hours', async () => {
    const hub = hubProcess();
    for (const time of [NOON, NOON + 12 * 3_600_000 - 1, NOON + 12 * 3_600_000]) {
      hub.now.clock = time;
      const root = await hub.read();
      const left = Date.parse(attributeOf(root, 'validUntil') ?? '') - time;
      assert.ok(left > 7 * DAY && left <= 8 * DAY, `${left / DAY} days`);
      assert.equal(attributeOf(root, 'cacheDuration'), 'PT6H');
    }
  });

  it('is the same document in every process, so that any of them can say that nothing has changed', async () => {
    assert.deepEqual(await hubProcess().document(), await hubProcess().document());
  });
});

function languageOf(element: XmlElement): string | undefined {
  return element.attributes.find((attribute) => attribute.prefix === 'xml' && attribute.local === 'lang')?.value;
}
