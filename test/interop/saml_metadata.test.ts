import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { generateServiceProviderMetadata } from '@node-saml/node-saml';
import { readMetadata } from '../../provider/saml/metadata/read_metadata.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { signingIdentity } from '../support/saml/providers.ts';

/* Metadata as service providers make it that others wrote. */

const folder = mkdtempSync(join(tmpdir(), 'musubi-metadata-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const { key, publicKey, certificate } = await signingIdentity(await rsaKey('service provider'));
const pem = `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
const read = (text: string | Uint8Array, pinnedKeys?: readonly (typeof publicKey)[]) =>
  readMetadata(Buffer.from(text), undefined, { now: Date.now(), allowLoopback: false, pinnedKeys }).metadata;
const addresses = ({ assertionConsumerServices, singleLogoutServices }: ReturnType<typeof read>) => ({
  answers: assertionConsumerServices.map(({ location, index }) => [index, location]),
  signOuts: singleLogoutServices.map(({ binding, location }) => [binding, location]),
});

describe('metadata of a service provider is read as it is made by', () => {
  it('Shibboleth SP', () => {
    writeFileSync(join(folder, 'shibboleth.crt'), pem);
    const args = ['-2', '-L', '-N', '-c', join(folder, 'shibboleth.crt'), '-h', 'shibboleth.example'];
    const metadata = read(execFileSync('/usr/bin/shib-metagen', args));
    assert.equal(metadata.entityId, 'https://shibboleth.example/shibboleth');
    const site = 'https://shibboleth.example/Shibboleth.sso';
    assert.deepEqual(addresses(metadata), {
      answers: [[1, `${site}/SAML2/POST`]],
      signOuts: [
        ['soap', `${site}/SLO/SOAP`],
        ['redirect', `${site}/SLO/Redirect`],
        ['post', `${site}/SLO/POST`],
      ],
    });
    assert.deepEqual([metadata.signingCertificates, metadata.encryptionCertificates], [[certificate], [certificate]]);
  });

  it('mod_auth_mellon', () => {
    const entityId = 'https://mellon.example/mellon';
    execFileSync('/usr/sbin/mellon_create_metadata', [entityId, entityId], { cwd: folder, stdio: 'ignore' });
    const name = readdirSync(folder).find((file) => file.endsWith('.xml')) ?? '';
    const metadata = read(readFileSync(join(folder, name)));
    assert.equal(metadata.entityId, entityId);
    assert.equal(metadata.authnRequestsSigned, true);
    assert.deepEqual(addresses(metadata).answers, [[0, `${entityId}/postResponse`]]);
    assert.deepEqual([metadata.signingCertificates.length, metadata.encryptionCertificates.length], [1, 1]);
  });

  it('pysaml2, which signs it', () => {
    const site = 'https://pysaml2.example';
    const input = JSON.stringify({
      ...{ entityId: `${site}/metadata`, acs: `${site}/acs`, slo: `${site}/slo` },
      ...{ key: keyPem, certificate: pem },
    });
    const script = new URL('pysaml2_metadata.py', import.meta.url).pathname;
    const metadata = read(execFileSync('/usr/bin/python3', [script], { input }), [publicKey]);
    assert.equal(metadata.entityId, `${site}/metadata`);
    assert.deepEqual(addresses(metadata), { answers: [[1, `${site}/acs`]], signOuts: [['redirect', `${site}/slo`]] });
    assert.equal(metadata.authnRequestsSigned, true);
    assert.deepEqual(metadata.display.names, { ja: 'みんなの医院' });
    assert.deepEqual(metadata.display.privacyStatementUrls, { ja: `${site}/privacy` });
    assert.deepEqual(
      metadata.attributeConsumingServices[0]?.requested.map(({ name, isRequired }) => [name, isRequired]),
      [['urn:oid:2.16.840.1.113730.3.1.241', true]],
    );
  });

  it('node-saml, signed and unsigned', () => {
    const options = {
      issuer: 'https://node-saml.example/metadata',
      callbackUrl: 'https://node-saml.example/acs',
      logoutCallbackUrl: 'https://node-saml.example/slo',
      decryptionPvk: keyPem,
      publicCerts: pem,
      wantAssertionsSigned: true,
    };
    const unsigned = read(generateServiceProviderMetadata({ ...options, decryptionCert: pem }));
    assert.deepEqual(addresses(unsigned), {
      answers: [[1, 'https://node-saml.example/acs']],
      signOuts: [['post', 'https://node-saml.example/slo']],
    });
    const signing = { privateKey: keyPem, signatureAlgorithm: 'sha256', digestAlgorithm: 'sha256' } as const;
    const signed = generateServiceProviderMetadata({
      ...{ ...options, ...signing, decryptionCert: pem, signMetadata: true },
      xmlSignatureTransforms: [
        'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
        'http://www.w3.org/2001/10/xml-exc-c14n#',
      ],
    });
    assert.deepEqual(read(signed, [publicKey]).signingCertificates, [certificate]);
  });

  it('samlify', () => {
    const require = createRequire(import.meta.url);
    const samlify = require('samlify') as {
      ServiceProvider(settings: Record<string, unknown>): { getMetadata(): string };
    };
    const post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
    const provider = samlify.ServiceProvider({
      entityID: 'https://samlify.example/metadata',
      authnRequestsSigned: true,
      wantAssertionsSigned: true,
      ...{ signingCert: pem, encryptCert: pem },
      assertionConsumerService: [{ Binding: post, Location: 'https://samlify.example/acs', isDefault: true }],
      singleLogoutService: [{ Binding: post, Location: 'https://samlify.example/slo' }],
    });
    const metadata = read(provider.getMetadata());
    assert.deepEqual(addresses(metadata), {
      answers: [[0, 'https://samlify.example/acs']],
      signOuts: [['post', 'https://samlify.example/slo']],
    });
    assert.deepEqual([metadata.authnRequestsSigned, metadata.wantAssertionsSigned], [true, true]);
  });
});
