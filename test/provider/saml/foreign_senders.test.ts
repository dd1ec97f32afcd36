import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { SignedXml } from 'xml-crypto';
import { systemClock } from '../../../provider/world.ts';
import { fixedRsaKey } from '../../fuzz/fixed_keys.ts';
import { attributeQuery, authnRequest, envelope, logoutRequest, SP, SSO } from '../../support/saml/messages.ts';
import { gateAt, gateOf, serviceProvider, signingIdentity } from '../../support/saml/providers.ts';
import { DS, ENVELOPED, EXCLUSIVE, postForm, RSA_SHA256, SHA256, signed } from '../../support/saml/sign.ts';
import { xmlsec1 } from '../../support/saml/xmlsec1.ts';

/* What others sign is read, and what is signed here for the tests is what others take for signed. */

// Without its types: they bring those of the DOM, which then stand in the place of Node's everywhere.
const { IdentityProvider, ServiceProvider, setSchemaValidator } = createRequire(import.meta.url)('samlify');
const sender = await signingIdentity(fixedRsaKey('sender'));
const { certificate } = sender;
const privateKey = sender.key.export({ type: 'pkcs8', format: 'pem' }) as string;
const registered = serviceProvider({ signingCertificates: [certificate] }, { requireSignedRequests: true });
const gate = gateOf(registered);
const gateNow = gateAt(systemClock, registered);
const door = { address: SSO, kinds: ['AuthnRequest', 'LogoutRequest', 'AttributeQuery'] as const };
const pem = `-----BEGIN CERTIFICATE-----\n${certificate.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

describe('a message signed by', () => {
  it('xml-crypto is read, in whatever form its XML is', async () => {
    const messages = [
      logoutRequest(),
      logoutRequest().replaceAll('></', '>\n  </').replace('<saml:Issuer', '\n\t<saml:Issuer'),
      `<?xml version="1.0"?>${logoutRequest().replaceAll('samlp:', '').replace('xmlns:samlp', 'xmlns')}`,
    ];
    for (const message of messages) {
      const signer = new SignedXml({
        privateKey,
        signatureAlgorithm: RSA_SHA256,
        canonicalizationAlgorithm: EXCLUSIVE,
      });
      signer.addReference({ xpath: '/*', digestAlgorithm: SHA256, transforms: [ENVELOPED, EXCLUSIVE] });
      const location = { reference: "/*/*[local-name()='Issuer']", action: 'after' } as const;
      signer.computeSignature(message, { prefix: 'ds', location });
      const { message: read } = await gate.post(postForm(signer.getSignedXml()), door);
      assert.ok(read.kind === 'LogoutRequest' && read.isSigned);
      assert.equal(read.nameId.value, 'genuine-person');
    }
  });

  it('xmlsec1 is read, with broken lines and listed prefixes, in SOAP too', async () => {
    const prefixes = `<c:InclusiveNamespaces xmlns:c="${EXCLUSIVE}" PrefixList="S saml xs #default"/>`;
    const template = `<ds:Signature xmlns:ds="${DS}"><ds:SignedInfo>
      <ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}">${prefixes}</ds:CanonicalizationMethod>
      <ds:SignatureMethod Algorithm="${RSA_SHA256}"/>
      <ds:Reference URI="#_genuine"><ds:Transforms><ds:Transform Algorithm="${ENVELOPED}"/>
        <ds:Transform Algorithm="${EXCLUSIVE}">${prefixes}</ds:Transform></ds:Transforms>
        <ds:DigestMethod Algorithm="${SHA256}"/><ds:DigestValue/></ds:Reference>
      </ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>`;
    const message = attributeQuery().replace('</saml:Issuer>', (end) => end + template);
    const document = envelope(message).replace('<S:Envelope', '<S:Envelope xmlns:xs="urn:xs" xmlns="urn:other"');
    const node = 'urn:oasis:names:tc:SAML:2.0:protocol:AttributeQuery';
    const args = ['--sign', '--privkey-pem', 'key.pem,certificate.pem', '--id-attr:ID', node, 'document.xml'];
    const files = { 'key.pem': privateKey, 'certificate.pem': pem, 'document.xml': document };
    const { code, stdout, stderr } = await xmlsec1(args, files);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /<ds:SignatureValue>[^<]{20,}\n/);
    const { message: read } = await gate.soap(Buffer.from(stdout), door);
    assert.ok(read.kind === 'AttributeQuery' && read.isSigned);
  });

  it('node-saml is read, by redirect and by post', async () => {
    const options = {
      issuer: SP,
      callbackUrl: 'https://sp.example/acs',
      entryPoint: SSO,
      logoutUrl: SSO,
      idpCert: certificate,
      privateKey,
      signatureAlgorithm: 'sha256',
      digestAlgorithm: 'sha256',
      validateInResponseTo: ValidateInResponseTo.never,
      racComparison: 'minimum',
      forceAuthn: true,
    } as const;
    const saml = new SAML(options);
    const address = new URL(await saml.getAuthorizeUrlAsync('state', undefined, {}));
    const byRedirect = await gateNow.redirect(address.search.slice(1), door);
    assert.equal(byRedirect.relayState, 'state');
    assert.ok(byRedirect.message.kind === 'AuthnRequest' && byRedirect.message.isSigned);
    assert.equal(byRedirect.message.requestedAuthnContext?.comparison, 'minimum');
    assert.equal(byRedirect.message.assertionConsumerServiceUrl, 'https://sp.example/acs');

    const posting = new SAML({ ...options, authnRequestBinding: 'HTTP-POST', skipRequestCompression: true });
    const form = await posting.getAuthorizeMessageAsync('state');
    const byPost = await gateNow.post(new URLSearchParams(form as Record<string, string>), door);
    assert.ok(byPost.message.kind === 'AuthnRequest' && byPost.message.isSigned && byPost.message.forceAuthn);

    const profile = { issuer: SP, nameID: 'a<b', nameIDFormat: 'urn:f', sessionIndex: 's' };
    const logout = new URL(await saml.getLogoutUrlAsync(profile, 'state', {}));
    const { message } = await gateNow.redirect(logout.search.slice(1), door);
    assert.ok(message.kind === 'LogoutRequest' && message.isSigned);
    assert.deepEqual([message.nameId.value, message.sessionIndexes], ['a<b', ['s']]);
  });

  it('samlify is read, by redirect and by post', async () => {
    setSchemaValidator({ validate: async () => 'not asked here' });
    const sp = ServiceProvider({
      entityID: SP,
      authnRequestsSigned: true,
      privateKey,
      signingCert: certificate,
      requestSignatureAlgorithm: RSA_SHA256,
      assertionConsumerService: [
        { Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: 'https://sp.example/acs' },
      ],
    });
    const idp = IdentityProvider({
      entityID: 'https://hub.example/saml/metadata',
      signingCert: certificate,
      wantAuthnRequestsSigned: true,
      singleSignOnService: ['Redirect', 'POST'].map((each) => ({
        Binding: `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${each}`,
        Location: SSO,
      })),
    });
    const { context } = sp.createLoginRequest(idp, 'redirect');
    const byRedirect = await gateNow.redirect(new URL(context).search.slice(1), door);
    assert.ok(byRedirect.message.isSigned);
    const posted = sp.createLoginRequest(idp, 'post');
    const byPost = await gateNow.post(new URLSearchParams({ SAMLRequest: posted.context }), door);
    assert.ok(byPost.message.kind === 'AuthnRequest' && byPost.message.isSigned);
  });
});

describe('what the tests sign', () => {
  it('is signed in the eyes of xmlsec1 and of xml-crypto', async () => {
    for (const [message, kind] of [
      [authnRequest(), 'AuthnRequest'],
      [logoutRequest(), 'LogoutRequest'],
    ] as const) {
      const document = signed(message, { key: sender.key });
      const node = `urn:oasis:names:tc:SAML:2.0:protocol:${kind}`;
      const args = ['--verify', '--pubkey-cert-pem', 'certificate.pem', '--id-attr:ID', node, 'document.xml'];
      const { code, stderr } = await xmlsec1(args, { 'certificate.pem': pem, 'document.xml': document });
      assert.equal(code, 0, stderr);
      const verifier = new SignedXml({ publicCert: pem });
      verifier.loadSignature(/<ds:Signature .*<\/ds:Signature>/s.exec(document)?.[0] ?? '');
      assert.ok(verifier.checkSignature(document));
    }
  });
});
