import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { compactDecrypt, createRemoteJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { createSamlKeySet } from '../../provider/saml/key_set.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { answerOf, createRelyingParty, later, open, type RelyingParty, subOf } from './relying_party.ts';

const CARD = { scope: 'openid card_status' };

let hub: TestHub;
let browser: HttpBrowser;
before(async () => {
  hub = await startTestHub();
  browser = createHttpBrowser();
  await (await createRelyingParty(hub)).signIn({ browser });
});
after(() => hub?.stop());

/** The keys that are published now. */
async function published(): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${hub.issuer}/jwks`);
  return ((await response.json()) as { keys: Record<string, unknown>[] }).keys;
}

const keyIdOf = (jwt: string | undefined): string => String(decodeProtectedHeader(String(jwt)).kid);

describe('an id_token', () => {
  it('is signed with ES256 unless something else is registered', async () => {
    const { id_token: idToken } = await (await createRelyingParty(hub)).signIn({ browser });
    assert.equal(decodeProtectedHeader(String(idToken)).alg, 'ES256');
  });

  for (const alg of ['ES256', 'RS256', 'PS256']) {
    it(`is signed with ${alg} for who registered it, and verifies by the published keys`, async () => {
      const party = await createRelyingParty(hub, { id_token_signed_response_alg: alg });
      client.enableNonRepudiationChecks(party.configuration);
      const { id_token: idToken } = await party.signIn({ browser });
      assert.equal(decodeProtectedHeader(String(idToken)).alg, alg);
    });
  }

  it('is never signed with nothing or with a secret', async () => {
    for (const alg of ['none', 'HS256']) {
      await assert.rejects(
        createRelyingParty(hub, { id_token_signed_response_alg: alg }),
        (error) => (error as { code?: string }).code === 'invalid_client_metadata',
      );
    }
  });

  for (const [alg, enc] of [
    ['ECDH-ES', 'A256GCM'],
    ['RSA-OAEP-256', 'A128CBC-HS256'],
  ] as const) {
    it(`is encrypted with ${alg} and ${enc} for who registered it, and nobody else reads it`, async () => {
      const { party, decryptWith, stranger } = await encryptingParty(alg, {
        id_token_encrypted_response_alg: alg,
        id_token_encrypted_response_enc: enc,
      });
      const tokens = await party.signIn({ browser });
      const header = decodeProtectedHeader(String(tokens.id_token));
      assert.deepEqual([header.alg, header.enc], [alg, enc]);
      const { plaintext } = await compactDecrypt(String(tokens.id_token), decryptWith);
      const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
      const { payload } = await jwtVerify(plaintext, keys, { issuer: hub.issuer, audience: party.clientId });
      assert.equal(payload.sub, subOf(tokens));
      await assert.rejects(compactDecrypt(String(tokens.id_token), stranger));
    });
  }
});

describe('userinfo', () => {
  for (const alg of ['ES256', 'RS256', 'PS256']) {
    it(`is signed with ${alg} for who registered it`, async () => {
      const party = await createRelyingParty(hub, { userinfo_signed_response_alg: alg });
      client.enableNonRepudiationChecks(party.configuration);
      const tokens = await party.signIn({ browser, parameters: CARD });
      assert.ok((await party.userinfo(tokens)).card_status);
    });
  }

  for (const [alg, enc] of [
    ['ECDH-ES', 'A256GCM'],
    ['RSA-OAEP-256', 'A256GCM'],
  ] as const) {
    it(`is signed and then encrypted with ${alg} and ${enc} for who registered it`, async () => {
      const { party } = await encryptingParty(alg, {
        userinfo_signed_response_alg: 'ES256',
        userinfo_encrypted_response_alg: alg,
        userinfo_encrypted_response_enc: enc,
      });
      const tokens = await party.signIn({ browser, parameters: CARD });
      const bearer = { authorization: `Bearer ${tokens.access_token}` };
      const response = await fetch(`${hub.issuer}/userinfo`, { headers: bearer });
      assert.match(String(response.headers.get('content-type')), /^application\/jwt/);
      assert.deepEqual(decodeProtectedHeader(await response.text()).enc, enc);
      assert.ok((await party.userinfo(tokens)).card_status);
    });
  }

  it('is not encrypted by methods whose work a stranger could set, or that are broken', async () => {
    for (const alg of ['RSA1_5', 'PBES2-HS256+A128KW']) {
      await assert.rejects(
        createRelyingParty(hub, { userinfo_encrypted_response_alg: alg }),
        (error) => (error as { code?: string }).code === 'invalid_client_metadata',
      );
    }
  });

  it('is answered to GET and POST, by header only, and to nobody without a token', async () => {
    const party = await createRelyingParty(hub);
    const { access_token: token } = await party.signIn({ browser });
    const bearer = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${hub.issuer}/userinfo`, { method: 'POST', headers: bearer })).status, 200);
    assert.equal((await fetch(`${hub.issuer}/userinfo?access_token=${token}`)).status, 400);
    for (const authorization of ['Bearer nonsense', `Bearer ${token}x`, `Basic ${token}`, '']) {
      const response = await fetch(`${hub.issuer}/userinfo`, { headers: { authorization } });
      assert.ok(response.status === 400 || response.status === 401, authorization);
    }
  });
});

describe('the published keys', () => {
  it('hold one key of each algorithm and nothing private', async () => {
    const keys = await published();
    assert.deepEqual(keys.map(({ alg }) => alg).sort(), ['ES256', 'PS256', 'RS256']);
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(secret in key, false);
    }
  });
});

describe('a rotation of the signing keys', () => {
  const HOUR = 3_600_000;

  it('publishes the next keys at once, signs with them after the overlap, and keeps the old ones for a day', async () => {
    const party = await createRelyingParty(hub);
    const old = await party.signIn({ browser });
    const oldKeyId = keyIdOf(old.id_token);

    const [next] = await hub.hub.keys.rotate(HOUR, ['ES256']);
    await hub.hub.refreshKeys();
    assert.ok(next);
    assert.deepEqual(await publishedIds('ES256'), [oldKeyId, next.kid]);
    assert.equal(keyIdOf((await party.signIn({ browser })).id_token), oldKeyId, 'not before the overlap is over');

    await later(HOUR + 1_000, async () => {
      await hub.hub.refreshKeys();
      const fresh = await party.signIn();
      assert.equal(keyIdOf(fresh.id_token), next.kid);
      assert.deepEqual(new Set(await publishedIds('ES256')), new Set([oldKeyId, next.kid]));
      await verifies(old.id_token, party);
      await verifies(fresh.id_token, party);
    });

    await later(26 * HOUR, async () => {
      await hub.hub.refreshKeys();
      assert.deepEqual(await publishedIds('ES256'), [next.kid]);
      await assert.rejects(verifies(old.id_token, party));
    });
    await hub.hub.refreshKeys();
  });

  it('leaves sessions, tokens and what is half done as they are', async () => {
    const party = await createRelyingParty(hub);
    const tokens = await party.signIn({ browser });
    const attempt = await party.attempt();
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    await hub.hub.keys.rotate(0);
    await hub.hub.refreshKeys();
    assert.ok(subOf(await party.exchange(attempt, callback)));
    assert.equal((await party.userinfo(tokens)).sub, subOf(tokens));
    const hinted = await party.attempt({ prompt: 'none', id_token_hint: String(tokens.id_token) });
    assert.ok(answerOf(await open(party.authorizationUrl(hinted), browser)).code);
  });

  it('is told in the audit log, without the keys', async () => {
    const events = await hub.hub.storage.audit.read(0n, 10_000);
    const kinds = events.map(({ kind }) => kind);
    assert.ok(kinds.includes('key.created') && kinds.includes('key.retired'));
    for (const { kind, data } of events) {
      if (kind.startsWith('key.')) assert.deepEqual(Object.keys(data ?? {}).sort(), ['alg', 'kid', 'purpose']);
    }
  });

  async function publishedIds(alg: string): Promise<unknown[]> {
    return (await published()).filter((key) => key.alg === alg).map(({ kid }) => kid);
  }

  async function verifies(idToken: string | undefined, party: RelyingParty): Promise<void> {
    const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
    await jwtVerify(String(idToken), keys, {
      issuer: hub.issuer,
      audience: party.clientId,
      // The token's own life is minutes; what is asked here is whether its signature can still be checked.
      clockTolerance: 48 * 3_600,
    });
  }
});

describe('a rotation of the key of SAML messages', () => {
  const DAY = 86_400_000;
  const kids = async () => (await hub.hub.keys.current()).samlKeys.map(({ kid }) => kid);

  it('publishes the next one at once, signs with it a week later, and keeps the old one for another week', async () => {
    const [old, ...none] = await kids();
    assert.deepEqual(none, []);
    const tokenKeys = await published();
    const [next] = await hub.hub.keys.rotateSaml(7 * DAY);
    assert.deepEqual(await kids(), [old, next?.kid]);
    assert.deepEqual(await published(), tokenKeys, 'keys of tokens are others and stay');
    await later(7 * DAY + 1_000, async () => assert.deepEqual(await kids(), [next?.kid, old]));
    await later(14 * DAY - 1_000, async () => assert.deepEqual(await kids(), [next?.kid, old]));
    await later(14 * DAY + 1_000, async () => assert.deepEqual(await kids(), [next?.kid]));
  });

  it('is another set of keys to run with whenever another key signs', async () => {
    const versions = new Set<string>();
    const look = async () => versions.add((await hub.hub.keys.current()).version);
    await look();
    await hub.hub.keys.rotateSaml(30 * DAY);
    await look();
    await later(30 * DAY + 1_000, look);
    assert.equal(versions.size, 3);
  });

  it('is followed by what signs messages and what is published', async () => {
    const { samlKeys } = await hub.hub.keys.current();
    const { signing, publishedCertificates } = createSamlKeySet(samlKeys);
    assert.equal(publishedCertificates.length, samlKeys.length);
    assert.equal(publishedCertificates[0], signing.certificate);
    const x509 = new X509Certificate(Buffer.from(signing.certificate, 'base64'));
    assert.ok(x509.checkPrivateKey(signing.privateKey));
    await later(7 * DAY + 1_000, async () => {
      const next = createSamlKeySet((await hub.hub.keys.current()).samlKeys);
      assert.notEqual(next.signing.certificate, signing.certificate);
      assert.ok(next.publishedCertificates.includes(signing.certificate));
    });
    assert.throws(() => createSamlKeySet([]), /no key/);
  });

  it('gives each key a certificate of its own with the hub’s host for a name, for ten years', async () => {
    const { samlKeys } = await hub.hub.keys.current();
    for (const { jwk, certificate } of samlKeys) {
      const x509 = new X509Certificate(certificate ?? Buffer.alloc(0));
      assert.ok(x509.checkPrivateKey(createPrivateKey({ key: { ...jwk }, format: 'jwk' })));
      assert.equal(x509.subject, `CN=${new URL(hub.issuer).hostname}`);
      assert.ok(x509.validToDate.getTime() - x509.validFromDate.getTime() >= 3650 * DAY);
    }
  });

  it('that is followed by another before its time leaves no key that comes to sign after the one that replaced it', async () => {
    const [first] = await hub.hub.keys.rotateSaml(40 * DAY);
    const [second] = await later(36 * DAY, () => hub.hub.keys.rotateSaml(0));
    const [signing, ...others] = await later(41 * DAY, kids);
    assert.equal(signing, second?.kid);
    assert.ok(others.includes(String(first?.kid)), 'published still');
  });
});

/** A relying party with one key to decrypt by, and a key of the same kind that is nobody's. */
async function encryptingParty(alg: string, metadata: Record<string, unknown>) {
  const generate = () => generateKeyPair(alg, { extractable: true });
  const [own, other] = [await generate(), await generate()];
  const jwk = { ...(await exportJWK(own.publicKey)), use: 'enc', alg, kid: 'enc' };
  const party = await createRelyingParty(hub, { ...metadata, jwks: { keys: [jwk] } });
  const contentEncryption = Object.entries(metadata).flatMap(([name, value]) =>
    name.endsWith('_enc') ? [String(value)] : [],
  );
  client.enableDecryptingResponses(party.configuration, contentEncryption, { key: own.privateKey, alg, kid: 'enc' });
  return { party, decryptWith: own.privateKey, stranger: other.privateKey };
}
