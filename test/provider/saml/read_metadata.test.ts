import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { generateEcKey, generateRsaKey, keyPairOf } from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import {
  ENTITY_LIMITS,
  FEED_LIMITS,
  type FeedFilter,
  type MetadataRules,
  readFeed,
  readMetadata,
} from '../../../provider/saml/metadata/read_metadata.ts';
import { NOW, SP } from '../../support/saml/messages.ts';
import {
  ARTIFACT,
  consumer,
  element,
  entitiesText,
  entityAttribute,
  entityText,
  keyDescriptor,
  localized,
  logoutService,
  POST,
  REDIRECT,
  registeredBy,
  SOAP,
  signedMetadata,
  uiInfo,
} from '../../support/saml/metadata.ts';
import { type SigningIdentity, signingIdentity } from '../../support/saml/providers.ts';

let rsa: SigningIdentity;
let ec: SigningIdentity;
let foreign: SigningIdentity;

before(async () => {
  rsa = await signingIdentity(await generateRsaKey());
  ec = await signingIdentity(await generateEcKey());
  foreign = await signingIdentity(await generateEcKey('P-384'));
});

const rulesOf = (over: Partial<MetadataRules> = {}): MetadataRules => ({
  ...{ now: NOW, allowLoopback: false, pinnedKeys: undefined },
  ...over,
});
const read = (text: string, over: Partial<MetadataRules> = {}, entityId?: string) =>
  readMetadata(Buffer.from(text), entityId, rulesOf(over)).metadata;

function refused(
  text: string | Uint8Array,
  code: string,
  message: RegExp,
  over: Partial<MetadataRules> = {},
  entityId?: string,
) {
  const octets = typeof text === 'string' ? Buffer.from(text) : text;
  const started = performance.now();
  assert.throws(
    () => readMetadata(octets, entityId, rulesOf(over)),
    (error) => {
      assert.ok(error instanceof HubError, String(error));
      assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
      return true;
    },
  );
  assert.ok(performance.now() - started < 1_000);
}
const invalid = (text: string | Uint8Array, message: RegExp, over: Partial<MetadataRules> = {}) =>
  refused(text, 'saml_metadata_invalid', message, over);

describe('metadata of a service provider', () => {
  it('is read whole', () => {
    const services = element(
      'md:AttributeConsumingService',
      { index: '3', isDefault: '1' },
      localized('md:ServiceName', 'en', 'Records') +
        localized('md:ServiceDescription', 'ja', '診療記録の閲覧') +
        element('md:RequestedAttribute', { Name: 'urn:oid:2.5.4.42', NameFormat: 'uri-format', isRequired: 'true' }) +
        element('md:RequestedAttribute', { Name: 'name' }),
    );
    const metadata = read(
      entityText({
        entity: { validUntil: '2026-12-24T00:00:00Z' },
        role: { AuthnRequestsSigned: 'true', WantAssertionsSigned: '1' },
        extensions: entityAttribute('urn:oasis:names:tc:SAML:profiles:subject-id:req', 'pairwise-id'),
        roleExtensions: uiInfo(
          localized('mdui:DisplayName', 'en-GB', 'Clinic') +
            localized('mdui:DisplayName', 'ja', 'みんなの医院') +
            localized('mdui:Description', 'de', 'Eine Klinik') +
            localized('mdui:PrivacyStatementURL', 'en', 'https://sp.example/privacy') +
            localized('mdui:InformationURL', 'ja', 'https://sp.example/') +
            element('mdui:Logo', { height: '10', width: '10' }, 'https://sp.example/logo.svg'),
        ),
        keys: keyDescriptor(ec.certificate, 'signing') + keyDescriptor(rsa.certificate),
        logout:
          logoutService(REDIRECT, 'https://sp.example/slo', { ResponseLocation: 'https://sp.example/slo-answer' }) +
          logoutService(SOAP, 'https://sp.example/soap') +
          logoutService(ARTIFACT, 'javascript:nobody-sends-by-it'),
        services,
      }).replace(
        '<md:AssertionConsumerService',
        '<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>$&',
      ),
    );
    assert.deepEqual(metadata, {
      entityId: SP,
      signingCertificates: [ec.certificate, rsa.certificate],
      encryptionCertificates: [rsa.certificate],
      authnRequestsSigned: true,
      wantAssertionsSigned: true,
      assertionConsumerServices: [{ binding: 'post', location: 'https://sp.example/acs', index: 0, isDefault: true }],
      singleLogoutServices: [
        {
          binding: 'redirect',
          location: 'https://sp.example/slo',
          responseLocation: 'https://sp.example/slo-answer',
        },
        { binding: 'soap', location: 'https://sp.example/soap', responseLocation: undefined },
      ],
      nameIdFormats: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
      attributeConsumingServices: [
        {
          index: 3,
          isDefault: true,
          names: { en: 'Records' },
          descriptions: { ja: '診療記録の閲覧' },
          requested: [
            { name: 'urn:oid:2.5.4.42', nameFormat: 'uri-format', isRequired: true },
            { name: 'name', nameFormat: undefined, isRequired: false },
          ],
        },
      ],
      subjectIdRequirement: 'pairwise-id',
      display: {
        names: { en: 'Clinic', ja: 'みんなの医院' },
        descriptions: { other: 'Eine Klinik' },
        logoUrl: 'https://sp.example/logo.svg',
        informationUrls: { ja: 'https://sp.example/' },
        privacyStatementUrls: { en: 'https://sp.example/privacy' },
      },
      validUntil: Date.parse('2026-12-24T00:00:00Z'),
    });
  });

  it('may be as little as one address', () => {
    const metadata = read(entityText());
    assert.deepEqual(metadata.signingCertificates, []);
    assert.equal(metadata.authnRequestsSigned, false);
    assert.equal(metadata.validUntil, undefined);
    assert.equal(metadata.subjectIdRequirement, undefined);
    assert.deepEqual(metadata.display.names, {});
  });

  const defaults: [string, (string | undefined)[], number][] = [
    ['the one that says so', [undefined, 'true', undefined], 1],
    ['the first of two that say so', [undefined, 'true', '1'], 1],
    ['the first that does not deny it', ['false', undefined, undefined], 1],
    ['the first, when all deny it', ['false', '0', 'false'], 0],
    ['the first, when none says anything', [undefined, undefined], 0],
  ];
  for (const [what, flags, chosen] of defaults) {
    it(`has as its default address ${what}, and that first`, () => {
      const consumers = flags.map((isDefault, index) =>
        consumer(`https://sp.example/${index}`, String(index), { isDefault }),
      );
      const services = read(entityText({ consumers: consumers.join('') })).assertionConsumerServices;
      assert.equal(services[0]?.index, chosen);
      assert.deepEqual(
        services.map(({ isDefault }) => isDefault),
        flags.map((_, place) => place === 0),
      );
    });
  }

  it('is sent answers by POST only: other bindings are passed over, and may not be all there is', () => {
    const artifact = consumer('https://sp.example/artifact', '1', { Binding: ARTIFACT, isDefault: 'true' });
    const both = read(entityText({ consumers: artifact + consumer('https://sp.example/acs', '2') }));
    assert.deepEqual(
      both.assertionConsumerServices.map(({ location, isDefault }) => [location, isDefault]),
      [['https://sp.example/acs', true]],
    );
    invalid(entityText({ consumers: artifact }), /no AssertionConsumerService with the binding HTTP-POST/);
  });

  it('may have plain http on this machine only, where the operator allows it', () => {
    for (const address of ['http://localhost:8080/acs', 'http://127.0.0.1/acs', 'http://[::1]:1/acs']) {
      const text = entityText({ consumers: consumer(address) });
      assert.equal(read(text, { allowLoopback: true }).assertionConsumerServices[0]?.location, address);
      invalid(text, /must be https/);
    }
    invalid(entityText({ consumers: consumer('http://sp.example/acs') }), /must be https, or http on/, {
      allowLoopback: true,
    });
  });

  it('shows its organisation where it has no name of its own', () => {
    const organization = (content: string) => element('md:Organization', {}, content);
    const rest = organization(
      localized('md:OrganizationName', 'en', 'legal') +
        localized('md:OrganizationDisplayName', 'ja', '医療法人') +
        localized('md:OrganizationURL', 'ja', 'https://organization.example/'),
    );
    const { display } = read(entityText({ rest }));
    assert.deepEqual(display.names, { ja: '医療法人' });
    assert.deepEqual(display.informationUrls, { ja: 'https://organization.example/' });
    const named = read(entityText({ rest, roleExtensions: uiInfo(localized('mdui:DisplayName', 'fr', 'Clinique')) }));
    assert.deepEqual(named.display.names, { other: 'Clinique' });
  });

  it('has left out of what people are shown whatever would lead or deceive them', () => {
    const { display } = read(
      entityText({
        roleExtensions: uiInfo(
          localized('mdui:DisplayName', 'en', 'Clinic\u202egro.live') +
            localized('mdui:DisplayName', 'ja', '  みんなの\n   医院 ') +
            localized('mdui:PrivacyStatementURL', 'en', 'javascript:alert(1)') +
            localized('mdui:InformationURL', 'en', 'https://user:secret@sp.example/') +
            element('mdui:Logo', {}, 'data:image/png;base64,AAAA') +
            element('mdui:Logo', {}, 'http://sp.example/logo.png') +
            element('mdui:Logo', {}, 'https://sp.example/logo.png'),
        ),
      }),
    );
    assert.deepEqual(display.names, { ja: 'みんなの 医院' });
    assert.deepEqual(display.privacyStatementUrls, {});
    assert.deepEqual(display.informationUrls, {});
    assert.equal(display.logoUrl, 'https://sp.example/logo.png');
    const long = read(entityText({ roleExtensions: uiInfo(localized('mdui:DisplayName', 'en', '𠮷'.repeat(500))) }));
    assert.equal([...(long.display.names.en ?? '')].length, 200);
  });

  it('is read as it is found in the world: comments, a style sheet, unknown extensions, white space, a byte order mark', () => {
    const text = entityText({
      extensions: '<x:Thing xmlns:x="urn:x"><x:Deep>1</x:Deep></x:Thing>',
      keys: keyDescriptor(`\n      ${rsa.certificate.replace(/.{64}/g, '$&\n      ')}\n    `, 'signing'),
    });
    const dressed =
      `\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<?xml-stylesheet href="sp.xsl"?>\n<!-- ours -->\n` +
      `${text.replace('<md:SPSSODescriptor', '\n  <!-- the role -->\n  $&')}\n<!-- end -->\n`;
    const metadata = read(dressed);
    assert.deepEqual(metadata.signingCertificates, [rsa.certificate]);
  });

  it('is found in a document about many by its entity id, however deep', () => {
    const other = entityText({ entityId: 'https://other.example/sp' });
    const text = entitiesText([
      other,
      entitiesText([entityText(), entityText({ entityId: 'urn:idp', consumers: consumer('https://x.example/') })]),
    ]);
    assert.equal(read(text, {}, SP).entityId, SP);
    refused(text, 'saml_metadata_invalid', /about 3 entities/);
    refused(text, 'saml_entity_not_found', /says nothing of/, {}, 'https://nobody.example/');
    refused(entityText(), 'saml_entity_not_found', /says nothing of/, {}, 'https://nobody.example/');
  });

  it('ends with what ends first around it', () => {
    const text = entitiesText(
      [entityText({ entity: { validUntil: '2026-12-24T00:00:00Z' }, role: { validUntil: '2026-12-31T00:00:00' } })],
      {
        validUntil: '2026-12-10T09:00:00+09:00',
      },
    );
    assert.equal(read(text).validUntil, Date.parse('2026-12-10T00:00:00Z'));
    const cached = entitiesText([entityText({ entity: { cacheDuration: 'PT1H30M' } })], { cacheDuration: 'P1D' });
    assert.equal(readMetadata(Buffer.from(cached), undefined, rulesOf()).cacheDuration, 5_400_000);
    const nonsense = entityText({ entity: { cacheDuration: 'a while' } });
    assert.equal(readMetadata(Buffer.from(nonsense), undefined, rulesOf()).cacheDuration, undefined);
  });
});

describe('metadata is refused', () => {
  const over = '2026-11-30T09:00:00Z'; // this very moment
  it('when it has expired, itself or around it', () => {
    for (const text of [
      entityText({ entity: { validUntil: over } }),
      entityText({ role: { validUntil: over } }),
      entitiesText([entityText()], { validUntil: over }),
    ]) {
      refused(text, 'saml_metadata_expired', /has expired/);
    }
  });

  const addresses: Record<string, string> = {
    'a javascript: address': 'javascript:alert(1)',
    'a javascript: address that is hidden from the eye': 'java\tscript:alert(1)',
    'a javascript: address behind white space': ' javascript:alert(1)',
    'a data: address': 'data:text/html,x',
    'a plain http address': 'http://sp.example/acs',
    'an address with user info': 'https://hub.example@evil.example/acs',
    'an address with a fragment': 'https://sp.example/acs#x',
    'a relative address': '/acs',
    'an address that is no ASCII': 'https://ｓｐ.example/acs',
    'an address that is too long': `https://sp.example/${'a'.repeat(2048)}`,
    'an empty address': '',
  };
  for (const [what, address] of Object.entries(addresses)) {
    it(`with ${what}, for answers and for sign-outs`, () => {
      invalid(entityText({ consumers: consumer(address) }), /AssertionConsumerService/);
      invalid(entityText({ logout: logoutService(POST, address) }), /SingleLogoutService/);
      const responses = { ResponseLocation: address };
      invalid(entityText({ logout: logoutService(POST, 'https://sp.example/', responses) }), /ResponseLocation/);
    });
  }

  const documents: Record<string, [() => string, RegExp]> = {
    'two addresses with one index': [
      () => entityText({ consumers: consumer('https://sp.example/1', '1') + consumer('https://sp.example/2', '01') }),
      /two AssertionConsumerService elements with the index 1/,
    ],
    'an address without index': [
      () => entityText({ consumers: consumer('https://sp.example/1', '0', { index: undefined }) }),
      /without index/,
    ],
    'an index that is no number': [() => entityText({ consumers: consumer('https://sp.example/1', '-1') }), /index/],
    'an index that is too large': [() => entityText({ consumers: consumer('https://sp.example/1', '65536') }), /index/],
    'an address without Location': [
      () => entityText({ consumers: consumer('x', '0', { Location: undefined }) }),
      /without Location/,
    ],
    'no address': [() => entityText({ consumers: '' }), /no AssertionConsumerService/],
    'no entity id': [() => entityText({ entity: { entityID: undefined } }), /entityID/],
    'an entity id that is no URI': [() => entityText({ entity: { entityID: 'my-service' } }), /entityID/],
    'an entity id that is too long': [
      () => entityText({ entity: { entityID: `https://sp.example/${'a'.repeat(1024)}` } }),
      /entityID/,
    ],
    'an entity id that is no ASCII': [() => entityText({ entity: { entityID: 'https://病院.example/' } }), /entityID/],
    'an entity id with white space': [() => entityText({ entity: { entityID: 'https://sp.example/ ' } }), /entityID/],
    'two entities with one id': [() => entitiesText([entityText(), entityText()]), /twice/],
    'a role for SAML 1.1 only': [
      () => entityText({ role: { protocolSupportEnumeration: 'urn:oasis:names:tc:SAML:1.1:protocol' } }),
      /no such SPSSODescriptor/,
    ],
    'two roles of the kind': [
      () => entityText().replace(/<md:SPSSODescriptor.*<\/md:SPSSODescriptor>/, (role) => role + role),
      /more than one SPSSODescriptor/,
    ],
    'the role of an identity provider only': [
      () => entityText().replaceAll('SPSSODescriptor', 'IDPSSODescriptor'),
      /no such SPSSODescriptor/,
    ],
    'signed requests and no key': [
      () => entityText({ role: { AuthnRequestsSigned: 'true' } }),
      /no certificate for signing/,
    ],
    'signed requests and a key for encryption only': [
      () => entityText({ role: { AuthnRequestsSigned: '1' }, keys: keyDescriptor(rsa.certificate, 'encryption') }),
      /no certificate for signing/,
    ],
    'a flag that is neither': [() => entityText({ role: { AuthnRequestsSigned: 'yes' } }), /neither true nor false/],
    'a time that is none': [() => entityText({ entity: { validUntil: 'tomorrow' } }), /not a time/],
    'a day that is not in the calendar': [
      () => entityText({ entity: { validUntil: '2026-13-45T00:00:00Z' } }),
      /not a time/,
    ],
    'a key for a use that does not exist': [() => entityText({ keys: keyDescriptor(ec.certificate, 'both') }), /use=/],
    'a certificate that is not base64': [() => entityText({ keys: keyDescriptor('MIIB-_') }), /base64/],
    'a certificate that is none': [() => entityText({ keys: keyDescriptor('AAAA') }), /cannot be read/],
    'a certificate that is too large': [() => entityText({ keys: keyDescriptor('A'.repeat(24_000)) }), /too large/],
    'two certificates for one key': [
      () =>
        entityText({
          keys: keyDescriptor(ec.certificate).replace(
            '</ds:X509Data>',
            `<ds:X509Certificate>${rsa.certificate}</ds:X509Certificate></ds:X509Data>`,
          ),
        }),
      /more than one certificate/,
    ],
    'more keys than anybody has': [
      () => entityText({ keys: keyDescriptor(ec.certificate).repeat(21) }),
      /more than 20 KeyDescriptor/,
    ],
    'a requested attribute without name': [
      () =>
        entityText({
          services: element('md:AttributeConsumingService', { index: '1' }, '<md:RequestedAttribute/>'),
        }),
      /RequestedAttribute without Name/,
    ],
    'a root of another kind': [() => '<md:EntityDescriptor xmlns:md="urn:x"/>', /not SAML metadata/],
    'a document type': [() => `<!DOCTYPE md:EntityDescriptor>${entityText()}`, /a document type/],
    'entities that swell': [
      () => `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${entityText().replace('/acs', '/&b;')}`,
      /a document type/,
    ],
    'an entity that nobody declared': [() => entityText().replace('/acs', '/&x;'), /cannot be read/],
    'a processing instruction inside': [
      () => entityText().replace('<md:SPSSODescriptor', '<?x y?>$&'),
      /a processing instruction/,
    ],
    'a comment inside a value': [
      () => entityText({ roleExtensions: uiInfo('<mdui:DisplayName xml:lang="en">a<!-- -->b</mdui:DisplayName>') }),
      /a comment beside text/,
    ],
    'a comment inside a certificate': [
      () => entityText({ keys: keyDescriptor(`${rsa.certificate}<!-- -->`) }),
      /a comment beside text/,
    ],
    'two roots': [() => entityText() + entityText(), /cannot be read/],
    'another encoding': [() => `<?xml version="1.0" encoding="UTF-7"?>${entityText()}`, /not in UTF-8/],
    'deep nesting': [() => entityText({ extensions: '<x>'.repeat(1000) + '</x>'.repeat(1000) }), /nested deeper/],
    'a thousand attributes': [
      () => entityText({ entity: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`a${n}`, ''])) }),
      /attributes/,
    ],
    'a million elements': [() => entityText({ extensions: '<x/>'.repeat(200_000) }), /elements/],
    'no XML': [() => '{"entityID":"x"}', /cannot be read/],
    'nothing in it': [() => '', /cannot be read/],
  };
  for (const [what, [text, message]] of Object.entries(documents)) {
    it(`with ${what}`, () => invalid(text(), message));
  }

  it('when it is too long, before it is looked at', () => {
    invalid(Buffer.alloc(ENTITY_LIMITS.octets + 1, 0x20), /octets/);
    refused(Buffer.alloc(FEED_LIMITS.octets + 1, 0x20), 'saml_metadata_invalid', /octets/, { limits: FEED_LIMITS });
  });

  it('in another encoding than it says', () => {
    invalid(Buffer.from(entityText(), 'utf16le'), /UTF-8|cannot be read/);
    invalid(Buffer.concat([Buffer.from(entityText()), Buffer.from([0xff])]), /UTF-8/);
  });

  it('with a key that is too weak or of another kind', async () => {
    const weak = await signingIdentity(await generateRsaKey({ bits: 1024 }));
    const small = await signingIdentity(await generateRsaKey({ exponent: 3 }));
    for (const use of ['signing', 'encryption', undefined]) {
      invalid(entityText({ keys: keyDescriptor(weak.certificate, use) }), /RSA of 1024 bits/);
      invalid(entityText({ keys: keyDescriptor(small.certificate, use) }), /exponent/);
    }
    const curve = await signingIdentity(keyPairOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey));
    invalid(entityText({ keys: keyDescriptor(curve.certificate) }), /neither RSA nor on one of the curves/);
  });

  it('never quotes a document at length', () => {
    const text = entityText({ consumers: consumer(`http://sp.example/${'a'.repeat(1500)}`) });
    assert.throws(
      () => read(text),
      (error) => error instanceof HubError && error.message.length < 250,
    );
  });
});

describe('keys of metadata', () => {
  it('are for both uses unless it says which, and assertions are encrypted for RSA only', () => {
    const metadata = read(
      entityText({
        keys:
          keyDescriptor(rsa.certificate, 'encryption') +
          keyDescriptor(ec.certificate) +
          keyDescriptor(foreign.certificate, 'encryption'),
      }),
    );
    assert.deepEqual(metadata.signingCertificates, [ec.certificate]);
    assert.deepEqual(metadata.encryptionCertificates, [rsa.certificate]);
  });

  it('that stand there by name only are passed over', () => {
    const keys = `<md:KeyDescriptor><ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo></md:KeyDescriptor>`;
    assert.deepEqual(read(entityText({ keys })).signingCertificates, []);
  });
});

describe('metadata that must be signed', () => {
  const pinned = () => ({ pinnedKeys: [rsa.publicKey] });
  const unsigned = (text: string) => refused(text, 'saml_metadata_signature_invalid', /not signed by/, pinned());

  it('is read from what was signed, one entity or many, comments or not', () => {
    const text = entityText().replace('<md:SPSSODescriptor', '\n <!-- the role -->\n $&');
    assert.equal(read(signedMetadata(text, rsa.key), pinned()).entityId, SP);
    const many = entitiesText([text, entityText({ entityId: 'https://other.example/' })]);
    assert.equal(read(signedMetadata(many, rsa.key), pinned(), SP).entityId, SP);
  });

  it('may be signed by any of the pinned keys, and by no other', () => {
    const text = signedMetadata(entityText(), rsa.key);
    assert.equal(read(text, { pinnedKeys: [ec.publicKey, rsa.publicKey] }).entityId, SP);
    refused(text, 'saml_metadata_signature_invalid', /not signed by/, { pinnedKeys: [ec.publicKey] });
    refused(text, 'saml_metadata_signature_invalid', /not signed by/, { pinnedKeys: [] });
  });

  it('is refused without signature, and with one of which a value was changed', () => {
    unsigned(entityText());
    unsigned(signedMetadata(entityText(), rsa.key).replace('https://sp.example/acs', 'https://evil.example/acs'));
  });

  it('is refused when only an entity inside is signed', () => {
    const inside = signedMetadata(entityText(), rsa.key);
    unsigned(
      `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${inside}</md:EntitiesDescriptor>`,
    );
  });

  it('is refused when what was signed is wrapped in something else', () => {
    const genuine = signedMetadata(entityText(), rsa.key);
    const [signature = ''] = /<ds:Signature.*<\/ds:Signature>/s.exec(genuine) ?? [];
    const evil = entityText({ consumers: consumer('https://evil.example/acs') });
    const hidden = `<md:Extensions>${genuine}</md:Extensions>`;
    unsigned(evil.replace(/<md:EntityDescriptor[^>]*>/, `$&${signature}${hidden}`));
    unsigned(evil.replace(/<md:EntityDescriptor[^>]*>/, `$&${hidden}`));
    const renamed = evil.replace('ID="_document"', 'ID="_evil"');
    unsigned(renamed.replace(/<md:EntityDescriptor[^>]*>/, `$&${signature}${hidden}`));
  });

  it('is refused with a comment that hides part of a signed value', () => {
    const text = signedMetadata(
      entityText({ roleExtensions: uiInfo(localized('mdui:DisplayName', 'en', 'trusted.evil')) }),
      rsa.key,
    );
    invalid(text.replace('trusted.evil', 'trusted<!-- -->.evil'), /a comment beside text/, pinned());
  });
});

describe('a feed', () => {
  const category = 'http://macedir.org/entity-category';
  const entity = (name: string, extensions = '', rest = {}) =>
    entityText({ entityId: `https://${name}.example/sp`, extensions, ...rest });
  const text = () =>
    entitiesText([
      entity('one', registeredBy('https://gakunin.example') + entityAttribute(category, 'urn:medical')),
      entitiesText([entity('two', registeredBy('https://gakunin.example'))], { validUntil: '2026-12-01T00:00:00Z' }),
      entity('three', entityAttribute(category, 'urn:medical')),
      entity('bad', '', { consumers: consumer('http://bad.example/acs') }),
      entity('idp').replaceAll('SPSSODescriptor', 'IDPSSODescriptor'),
    ]);
  const feed = (filter: FeedFilter, document = text()) =>
    readFeed(Buffer.from(document), filter, rulesOf({ limits: FEED_LIMITS }));
  const names = (filter: FeedFilter) => [...feed(filter).entities.keys()].map((id) => id.slice(8, -11));

  it('gives every service provider that can be used, and says of the others why not', () => {
    const { entities, refused: unusable } = feed({});
    assert.deepEqual([...entities.keys()].length, 3);
    assert.deepEqual([...unusable.keys()], ['https://bad.example/sp']);
    assert.match(unusable.get('https://bad.example/sp') ?? '', /must be https/);
    assert.equal(entities.get('https://two.example/sp')?.metadata.validUntil, Date.parse('2026-12-01T00:00:00Z'));
  });

  const filters: [string, FeedFilter, string[]][] = [
    ['entity id', { entityIds: ['https://two.example/sp', 'https://nobody.example/'] }, ['two']],
    ['registration authority', { registrationAuthorities: ['https://gakunin.example'] }, ['one', 'two']],
    ['entity category', { entityCategories: ['urn:medical', 'urn:x'] }, ['one', 'three']],
    [
      'all of what is asked',
      { registrationAuthorities: ['https://gakunin.example'], entityCategories: ['urn:medical'] },
      ['one'],
    ],
    ['nothing that is there', { entityIds: [] }, []],
  ];
  for (const [what, filter, expected] of filters) {
    it(`is filtered by ${what}`, () => assert.deepEqual(names(filter), expected));
  }

  it('is refused whole for what concerns the whole: it has expired, or has one entity twice', () => {
    const refusedFeed = (document: string, code: string) =>
      assert.throws(
        () => feed({}, document),
        (error) => error instanceof HubError && error.code === code,
      );
    refusedFeed(entitiesText([entity('one')], { validUntil: '2026-11-29T00:00:00Z' }), 'saml_metadata_expired');
    refusedFeed(entitiesText([entity('one'), entity('one')]), 'saml_metadata_invalid');
  });
});
