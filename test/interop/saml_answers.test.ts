import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { writePostField } from '../../provider/saml/answers/bindings.ts';
import { createOwnMetadata, samlEntityId } from '../../provider/saml/metadata/own_metadata.ts';
import { BINDING_URIS, NAME_ID_FORMATS, STATUS } from '../../provider/saml/names.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import {
  ACS,
  answeringHub,
  attributeOfPerson,
  HUB_URL,
  PERSON,
  SP,
  signInResponse,
} from '../support/saml/answering_hub.ts';

/* What the hub sends, read by service providers that others wrote. They go by the system's clock. */

const { answers, keys, certificatePem } = await answeringHub();
const { privateKey: encryptionKey } = await rsaKey('service provider');
const encryptionKeyPem = encryptionKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const metadata = createOwnMetadata({
  publicUrl: HUB_URL,
  names: { ja: 'さくら医療ID', en: 'Sakura <Medical> & ID' },
  keys: () => keys,
  clock: Date.now,
});

const VALUES = ['見本　太郎', '<&>"\'', ']]>', 'a\r\nb\tc', '𠮷野家'];
const NAME = 'urn:example:hostile';
const response = signInResponse({
  attributes: [attributeOfPerson('hostile', ...VALUES), attributeOfPerson('given_name', 'Tarō')],
});
const inClear = await answers.response(response);
const encrypted = await answers.response({ ...response, encryptFor: createPublicKey(encryptionKey) });

for (const [how, message] of [
  ['in the clear', inClear],
  ['encrypted', encrypted],
] as const) {
  const SAMLResponse = writePostField(message.xml);

  describe(`a sign-in, ${how}`, () => {
    it('is read by node-saml, which wants both signatures', async () => {
      const { profile } = await nodeSaml().validatePostResponseAsync({ SAMLResponse });
      assert.equal(profile?.nameID, PERSON);
      assert.equal(profile?.nameIDFormat, NAME_ID_FORMATS.persistent);
      assert.equal(profile?.sessionIndex, response.sessionIndex);
      assert.deepEqual(profile?.[NAME], VALUES);
    });

    it('is read by samlify as a service provider with the hub’s metadata', async () => {
      const { extract } = await samlifyReads(message === encrypted);
      assert.equal(extract.nameID, PERSON);
      assert.equal(extract.sessionIndex.sessionIndex, response.sessionIndex);
      assert.equal(extract.response.inResponseTo, response.inResponseTo);
      assert.deepEqual({ ...extract.attributes }, { [NAME]: '<&>]]>', 'urn:example:given_name': 'Tarō' });
    });
  });
}

describe('node-saml', () => {
  it('refuses what is for somebody else, and what says no', async () => {
    const SAMLResponse = writePostField(inClear.xml);
    await assert.rejects(nodeSaml({ audience: 'https://other.example' }).validatePostResponseAsync({ SAMLResponse }));
    const { xml } = await answers.errorResponse({
      ...{ destination: ACS, inResponseTo: '_request1', codes: [STATUS.requester, STATUS.requestDenied] },
      message: 'the person declined',
    });
    await assert.rejects(
      nodeSaml().validatePostResponseAsync({ SAMLResponse: writePostField(xml) }),
      /Requester|RequestDenied|declined/,
    );
  });

  it('follows a logout by redirect in both directions', async () => {
    const nameId = { value: PERSON, format: NAME_ID_FORMATS.persistent, spNameQualifier: SP };
    const slo = 'https://sp.example/slo';
    const request = answers.logoutRequest({ destination: slo, nameId, sessionIndexes: ['session-1'] });
    const asked = await readRedirect(await answers.redirectUrl(request, 'state 1'));
    assert.equal(asked.profile?.nameID, PERSON);
    assert.equal(asked.profile?.sessionIndex, 'session-1');
    const answer = answers.logoutResponse({ destination: slo, inResponseTo: '_logout1', codes: [STATUS.success] });
    assert.ok((await readRedirect(await answers.redirectUrl(answer, undefined))).loggedOut);
  });

  async function readRedirect(url: string) {
    const { searchParams, search } = new URL(url);
    return nodeSaml().validateRedirectAsync(Object.fromEntries(searchParams), search.slice(1));
  }
});

describe('pysaml2', () => {
  it('reads sign-ins in the clear and encrypted, refuses one that was changed, and finds every message in its schemas', async () => {
    const nameId = { value: PERSON, format: NAME_ID_FORMATS.persistent };
    const logout = answers.logoutRequest({ destination: 'https://sp.example/slo', nameId, sessionIndexes: ['s'] });
    const status = { destination: ACS, inResponseTo: '_1', codes: [STATUS.responder, STATUS.noPassive], message: 'no' };
    const documents = await Promise.all([
      inClear,
      encrypted,
      metadata(),
      answers.attributeResponse({ ...response, inResponseTo: '_query1' }),
      answers.attributeResponse({ ...response, inResponseTo: '_query1', attributes: [] }),
      answers.errorResponse(status),
      answers.sign(logout),
      answers.sign(answers.logoutResponse(status)),
    ]);
    const { xml: metadataXml } = await metadata();
    const output = execFileSync('/usr/bin/python3', [join(import.meta.dirname, 'pysaml2_reads.py')], {
      input: JSON.stringify({
        ...{ metadata: metadataXml, entityId: SP, acs: ACS, key: encryptionKeyPem },
        outstanding: { [String(response.inResponseTo)]: '/' },
        responses: [inClear.xml, encrypted.xml, inClear.xml.replace('Tarō', 'Jirō')].map(writePostField),
        documents: documents.map(({ xml }) => xml),
      }),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const read = JSON.parse(output.toString()) as { responses: Record<string, unknown>[]; documents: unknown[] };
    const expected = {
      nameId: PERSON,
      sessionIndex: response.sessionIndex,
      classRef: response.authnContextClass,
      attributes: { [NAME]: VALUES, 'urn:example:given_name': ['Tarō'] },
    };
    assert.deepEqual(read.responses[0], expected);
    // After it has decrypted and verified, it writes the document anew and loses carriage returns itself.
    const withoutReturns = VALUES.map((value) => value.replaceAll('\r', ''));
    const attributes = { ...expected.attributes, [NAME]: withoutReturns };
    assert.deepEqual(read.responses[1], { ...expected, attributes });
    assert.match(String(read.responses[2]?.error), /Signature/);
    assert.deepEqual(read.documents, Array(documents.length).fill(null));
  });
});

function nodeSaml(over: { audience?: string } = {}): SAML {
  return new SAML({
    ...{ idpCert: certificatePem, issuer: SP, callbackUrl: ACS, audience: SP, entryPoint: `${HUB_URL}/saml/sso` },
    ...{ wantAssertionsSigned: true, wantAuthnResponseSigned: true, decryptionPvk: encryptionKeyPem },
    ...{ idpIssuer: samlEntityId(HUB_URL), validateInResponseTo: ValidateInResponseTo.never },
    ...over,
  });
}

/** What is used of it: its own types would bring those of a browser into every file here. */
interface Samlify {
  setSchemaValidator(validator: { validate(xml: string): Promise<string> }): void;
  IdentityProvider(settings: Record<string, unknown>): unknown;
  ServiceProvider(settings: Record<string, unknown>): {
    parseLoginResponse(
      hub: unknown,
      binding: 'post',
      request: { body: { SAMLResponse: string } },
    ): Promise<{
      extract: {
        nameID: string;
        sessionIndex: { sessionIndex: string };
        response: { inResponseTo: string };
        attributes: Record<string, string | string[]>;
      };
    }>;
  };
}

async function samlifyReads(isEncrypted: boolean) {
  const samlify: Samlify = createRequire(import.meta.url)('samlify');
  // No value with a carriage return: it writes the document anew before it verifies, and forgets to escape those.
  const { xml } = await answers.response({
    ...response,
    attributes: [attributeOfPerson('hostile', '<&>]]>'), attributeOfPerson('given_name', 'Tarō')],
    encryptFor: isEncrypted ? createPublicKey(encryptionKey) : undefined,
  });
  // It reads nothing until somebody vouches for the schema; pysaml2 does so below.
  samlify.setSchemaValidator({ validate: async () => 'checked elsewhere' });
  const hub = samlify.IdentityProvider({
    metadata: (await metadata()).xml,
    isAssertionEncrypted: isEncrypted,
    messageSigningOrder: 'encrypt-then-sign',
  });
  const serviceProvider = samlify.ServiceProvider({
    entityID: SP.replaceAll('&', '&amp;').replaceAll('"', '&quot;'),
    assertionConsumerService: [{ Binding: BINDING_URIS.post, Location: 'https://sp.example/acs' }],
    ...{ wantAssertionsSigned: true, wantMessageSigned: true, encPrivateKey: encryptionKeyPem },
    clockDrifts: [-1000, 1000],
  });
  return serviceProvider.parseLoginResponse(hub, 'post', { body: { SAMLResponse: writePostField(xml) } });
}
