import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { HubError } from '../../../../provider/errors.ts';
import { fixedEcKey, fixedRsaKey } from '../../../fuzz/fixed_keys.ts';
import { authnRequest, logoutRequest, SSO } from '../../../support/saml/messages.ts';
import { gateOf, serviceProvider, signingIdentity } from '../../../support/saml/providers.ts';
import { DS, MORE, postForm, RSA_SHA256, redirectQuery, signed, signText } from '../../../support/saml/sign.ts';

const sender = await signingIdentity(fixedRsaKey('sender'));
const curve = await signingIdentity(fixedEcKey('sender'));
const { key } = sender;
const gate = gateOf(serviceProvider({ signingCertificates: [sender.certificate, curve.certificate] }));
const door = { address: SSO, kinds: ['AuthnRequest', 'LogoutRequest'] as const };

const receive = (query: string) => gate.redirect(query, door);
const whole = redirectQuery(logoutRequest(), { key, relayState: 'a+b c/d=é' });
const value = (query: string, name: string) => new RegExp(`(?:^|&)${name}=([^&]*)`).exec(query)?.[1] ?? '';
const parameters = whole.split('&');

async function refuses(query: string, code = 'saml_malformed'): Promise<void> {
  await assert.rejects(receive(query), (error) => {
    assert.ok(error instanceof HubError, String(error));
    assert.equal(error.code, code, String(error.details.why));
    return true;
  });
}

/** A signed query of these raw parts: signed as they stand. */
function signedQuery(...parts: string[]): string {
  const text = [...parts, `SigAlg=${encodeURIComponent(RSA_SHA256)}`].join('&');
  return `${text}&Signature=${encodeURIComponent(signText(text, { key }).toString('base64'))}`;
}

describe('a message in an address', () => {
  it('is verified in the order of the specification, whatever that of the address', async () => {
    for (const order of [parameters, parameters.toReversed(), ['x=y', ...parameters, 'SAMLEncodings=z', '']]) {
      const { message, relayState } = await receive(order.join('&'));
      assert.ok(message.isSigned);
      assert.equal(relayState, 'a+b c/d=é');
    }
  });

  it('is verified over the octets that arrived, not over another spelling of them', async () => {
    const lowerCase = whole.replace(/%[0-9A-F]{2}/g, (each) => each.toLowerCase());
    assert.notEqual(lowerCase, whole);
    await refuses(lowerCase, 'saml_service_unknown');
    const message = value(whole, 'SAMLRequest');
    const signedInLowerCase = signedQuery(`SAMLRequest=${message.replace(/%../g, (each) => each.toLowerCase())}`);
    assert.ok(await receive(signedInLowerCase));
    await refuses(
      whole.replace(
        message,
        message.replace(/^./, (each) => `%${each.charCodeAt(0).toString(16)}`),
      ),
      'saml_service_unknown',
    );
  });

  it('covers RelayState when there is one, and its absence', async () => {
    await refuses(whole.replace(/&RelayState=[^&]*/, ''), 'saml_service_unknown');
    await refuses(whole.replace('RelayState=', 'RelayState=x'), 'saml_service_unknown');
    const without = redirectQuery(logoutRequest(), { key });
    await refuses(`${without}&RelayState=x`, 'saml_service_unknown');
    await refuses(`${without}&RelayState=`, 'saml_service_unknown');
    assert.ok(await receive(redirectQuery(logoutRequest(), { key, relayState: '' })));
  });

  for (const name of ['SAMLRequest', 'RelayState', 'SigAlg', 'Signature']) {
    it(`has ${name} once, and written plainly`, async () => {
      const raw = value(whole, name);
      await refuses(`${whole}&${name}=${raw}`);
      await refuses(`${name}=x&${whole}`);
      await refuses(`${whole}&${name}`);
      const disguised = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
      await refuses(whole.replace(`${name}=`, `${disguised}=`));
      await refuses(`${whole}&${disguised}=x`);
    });
  }

  it('is one message', async () => {
    await refuses('');
    await refuses('RelayState=x');
    await refuses(`${whole}&SAMLResponse=${value(whole, 'SAMLRequest')}`);
    await refuses(`${whole}&SAMLart=x&SAMLRequest=`);
  });

  it('has SigAlg and Signature together or not at all', async () => {
    for (const name of ['SigAlg', 'Signature'])
      await refuses(parameters.filter((each) => !each.startsWith(name)).join('&'));
    await refuses(parameters.slice(0, 2).join('&'), 'saml_service_unknown');
    await refuses(whole.replace(/Signature=.*/, 'Signature='));
  });

  it('is refused when any character of the signature is another', async () => {
    const signature = decodeURIComponent(value(whole, 'Signature'));
    for (const at of [0, 100, 200, 341]) {
      const other = signature[at] === 'A' ? 'B' : 'A';
      const changed = encodeURIComponent(`${signature.slice(0, at)}${other}${signature.slice(at + 1)}`);
      await assert.rejects(receive(whole.replace(/Signature=.*/, `Signature=${changed}`)), HubError);
    }
    for (const odd of [
      signature.slice(0, -1),
      `${signature}=`,
      `${signature}\n`,
      signature.replaceAll('+', '-'),
      ` ${signature}`,
    ]) {
      await assert.rejects(receive(whole.replace(/Signature=.*/, `Signature=${encodeURIComponent(odd)}`)), HubError);
    }
  });

  it('is refused when its algorithm is not allowed, or is not the key’s', async () => {
    for (const uri of [`${DS}rsa-sha1`, `${MORE}rsa-md5`, `${MORE}rsa-sha224`, '', 'none', `${MORE}ecdsa-sha256`]) {
      const text = `SAMLRequest=${value(whole, 'SAMLRequest')}&SigAlg=${encodeURIComponent(uri)}`;
      const digest = uri.endsWith('sha1')
        ? 'sha1'
        : uri.endsWith('md5')
          ? 'md5'
          : uri.endsWith('224')
            ? 'sha224'
            : 'sha256';
      const signature = encodeURIComponent(sign(digest, Buffer.from(text), key).toString('base64'));
      await refuses(`${text}&Signature=${signature}`, 'saml_service_unknown');
    }
    const hmac = redirectQuery(logoutRequest(), { key: sender.publicKey, algorithm: `${MORE}hmac-sha256` });
    await refuses(hmac, 'saml_service_unknown');
    const sha512 = redirectQuery(logoutRequest(), { key, algorithm: `${MORE}rsa-sha512` });
    assert.ok(await receive(sha512));
    await refuses(sha512.replace('rsa-sha512', 'rsa-sha256'), 'saml_service_unknown');
  });

  it('may be signed with a curve, in both spellings that senders have', async () => {
    const text = `SAMLRequest=${value(whole, 'SAMLRequest')}&SigAlg=${encodeURIComponent(`${MORE}ecdsa-sha256`)}`;
    for (const dsaEncoding of ['ieee-p1363', 'der'] as const) {
      const signature = sign('sha256', Buffer.from(text), { key: curve.key, dsaEncoding }).toString('base64');
      const { message } = await receive(`${text}&Signature=${encodeURIComponent(signature)}`);
      assert.ok(message.isSigned);
    }
  });

  it('has no signature inside: that one counts for nothing here', async () => {
    const embedded = signed(logoutRequest(), { key });
    await refuses(redirectQuery(embedded), 'saml_service_unknown');
    await refuses(redirectQuery(embedded, { key }), 'saml_service_unknown');
    await refuses(redirectQuery(signed(authnRequest(), { key })), 'saml_service_unknown');
  });

  it('is of no use by post, nor a posted one here', async () => {
    const query = new URLSearchParams(whole);
    await assert.rejects(gate.post(query, door), { code: 'saml_malformed' });
    const form = postForm(logoutRequest());
    for (const name of ['SigAlg', 'Signature']) form.set(name, query.get(name) ?? '');
    await assert.rejects(gate.post(form, door), { code: 'saml_service_unknown' });
    await refuses(String(postForm(signed(logoutRequest(), { key }))));
  });

  it('is raw DEFLATE, whole, and nothing behind it', async () => {
    const encode = (octets: Uint8Array) => encodeURIComponent(Buffer.from(octets).toString('base64'));
    const deflated = deflateRawSync(authnRequest());
    assert.ok(await receive(`SAMLRequest=${encode(deflated)}`));
    assert.ok(await receive(`SAMLRequest=${encode(deflateRawSync(authnRequest(), { level: 0 }))}`));
    const wrong = [
      Buffer.from(authnRequest()),
      deflateSync(authnRequest()),
      deflated.subarray(0, -1),
      Buffer.concat([deflated, Uint8Array.of(0)]),
      Buffer.concat([deflated, deflated]),
      deflateRawSync(''),
    ];
    for (const octets of wrong) await refuses(`SAMLRequest=${encode(octets)}`);
    const base64 = deflated.toString('base64');
    for (const odd of [base64.slice(0, -1), ` ${base64}`, base64.replace(/.{20}/, '$&\n'), `${base64}!`, '====']) {
      await refuses(`SAMLRequest=${encodeURIComponent(odd)}`);
    }
  });

  it('has no other encoding', async () => {
    const deflate = 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE';
    assert.ok(await receive(`${whole}&SAMLEncoding=${encodeURIComponent(deflate)}`));
    await refuses(`${whole}&SAMLEncoding=`);
    await refuses(`${whole}&SAMLEncoding=urn:x`);
  });

  it('is refused with what addresses do not have', async () => {
    for (const odd of ['é', ' ', '\n', '\t', '\0', '\u00C3\u00A9', '\u{1F600}', '\x7f']) {
      await refuses(`SAMLRequest=${value(whole, 'SAMLRequest')}&RelayState=${odd}`);
      await refuses(signedQuery(`SAMLRequest=${value(whole, 'SAMLRequest')}`, `RelayState=${odd}`));
    }
  });

  it('is refused where percent-encoding is broken', async () => {
    for (const odd of ['%', '%zz', '%ff', '%c0%a0']) {
      await refuses(`SAMLRequest=${value(whole, 'SAMLRequest')}&RelayState=${odd}`);
      await refuses(`${odd}=x&SAMLRequest=${value(whole, 'SAMLRequest')}`);
    }
  });
});
