import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { systemClock } from '../../../provider/world.ts';
import { fixedRsaKey } from '../../fuzz/fixed_keys.ts';
import { logoutRequest, SP, SSO } from '../../support/saml/messages.ts';
import { signingIdentity } from '../../support/saml/providers.ts';
import { signed } from '../../support/saml/sign.ts';
import { GENUINE_PERSON, OTHER_PERSON, respelled, type Shape, wrapped } from '../../support/saml/wrapping.ts';

/*
 * The shapes that the gate must refuse are no inventions: a library that many rely on takes a part of them, and this is why
 * none stands between the gate and what it reads. A newer version in which these tests fail is good news; drop them then.
 */

const { IdentityProvider, ServiceProvider, setSchemaValidator } = createRequire(import.meta.url)('samlify');
const sender = await signingIdentity(fixedRsaKey('sender'));
const IssueInstant = new Date(systemClock()).toISOString();
const whole = signed(logoutRequest({ attributes: { IssueInstant } }), { key: sender.key });

/** Whom samlify takes a shape to name; undefined when it refuses. */
async function readBySamlify({ document }: Shape): Promise<string | undefined> {
  setSchemaValidator({ validate: async () => 'not asked here' });
  const post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
  const sp = ServiceProvider({
    entityID: SP,
    signingCert: sender.certificate,
    assertionConsumerService: [{ Binding: post, Location: 'https://sp.example/acs' }],
  });
  const idp = IdentityProvider({
    entityID: 'https://hub.example/saml/metadata',
    wantLogoutRequestSigned: true,
    singleSignOnService: [{ Binding: post, Location: SSO }],
    singleLogoutService: [{ Binding: post, Location: SSO }],
  });
  const body = { SAMLRequest: Buffer.from(document).toString('base64') };
  return idp.parseLogoutRequest(sp, 'post', { body }).then(
    ({ extract }: { extract: { nameID: string } }) => extract.nameID,
    () => undefined,
  );
}

describe('samlify alone', () => {
  it('reads somebody else in a message that is wrapped around the genuine one', async () => {
    const shape = wrapped(whole).find(({ name }) => name.includes('in Extensions') && name.includes('moved'));
    assert.ok(shape);
    assert.equal(await readBySamlify(shape), OTHER_PERSON);
  });

  it('reads half of a name that has a comment in it', async () => {
    const shape = respelled(whole).find(({ name }) => name === 'a comment in the name');
    assert.ok(shape);
    const read = await readBySamlify(shape);
    assert.ok(read !== undefined && read !== GENUINE_PERSON && GENUINE_PERSON.startsWith(read), read);
  });
});
