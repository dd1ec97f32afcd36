import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { decodeJwt, exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import * as client from 'openid-client';
import {
  createSelfSignedClientCertificate,
  createWebAuthority,
  type IssuedCertificate,
  issueTlsClientCertificate,
  type WebAuthority,
} from '../../adapters/sandbox/pki/index.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type ClientCertificate, mutualTlsFetch } from '../support/mutual_tls_fetch.ts';
import { readWebAuthority } from '../support/web_authority.ts';
import {
  basic,
  createRelyingParty,
  handmadeJwt,
  later,
  type Metadata,
  newKeyPair,
  postForm,
  REDIRECT_URI,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

const run = promisify(execFile);
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** A request that any authenticated client may push, so that 201 says "authenticated". */
const PUSHED = {
  response_type: 'code',
  redirect_uri: REDIRECT_URI,
  scope: 'openid',
  nonce: 'n-0S6_WzA2Mj',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
};

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
});
after(() => hub?.stop());

describe('a client that authenticates with a secret', () => {
  it('signs people in with client_secret_basic', async () => {
    const party = await createRelyingParty(hub);
    assert.ok(subOf(await party.signIn()));
  });

  it('signs people in with client_secret_post', async () => {
    const party = await createRelyingParty(
      hub,
      {
        client_id: 'post',
        client_secret: 'correct horse battery staple+&%',
        token_endpoint_auth_method: 'client_secret_post',
      },
      { authentication: client.ClientSecretPost('correct horse battery staple+&%') },
    );
    assert.ok(subOf(await party.signIn()));
  });

  it('is refused with a wrong secret, an empty one, another client’s, or none', async () => {
    const [own, other] = [await createRelyingParty(hub), await createRelyingParty(hub)];
    for (const secret of [`${own.secret}x`, own.secret.slice(0, -1), other.secret]) {
      const { status, json, headers } = await postForm(`${hub.issuer}/par`, PUSHED, basic(own.clientId, secret));
      assert.deepEqual([status, json.error], [401, 'invalid_client']);
      assert.match(String(headers.get('www-authenticate')), /^Basic /);
    }
    assert.equal((await postForm(`${hub.issuer}/par`, PUSHED, basic(own.clientId, ''))).status, 400);
    const without = await postForm(`${hub.issuer}/par`, { ...PUSHED, client_id: own.clientId });
    assert.deepEqual([without.status, without.json.error], [401, 'invalid_client']);
  });

  it('is refused at the token endpoint with a wrong secret, and the code is not spent by it', async () => {
    const party = await createRelyingParty(hub);
    const attempt = await party.attempt();
    const callback = await hub.signIn(party.authorizationUrl(attempt));
    const form = { grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '' };
    const { status, json } = await postForm(`${hub.issuer}/token`, form, basic(party.clientId, 'wrong'));
    assert.deepEqual([status, json.error], [401, 'invalid_client']);
    assert.ok(subOf(await party.exchange(attempt, callback)));
  });

  it('is refused when it uses two methods at once', async () => {
    const party = await createRelyingParty(hub);
    const twice = { ...PUSHED, client_id: party.clientId, client_secret: party.secret };
    const { status, json } = await postForm(`${hub.issuer}/par`, twice, basic(party.clientId, party.secret));
    assert.deepEqual([status, json.error], [400, 'invalid_request']);
  });

  it('is refused when header and body name two clients', async () => {
    const [own, other] = [await createRelyingParty(hub), await createRelyingParty(hub)];
    const form = { ...PUSHED, client_id: other.clientId };
    const { status, json } = await postForm(`${hub.issuer}/par`, form, basic(own.clientId, own.secret));
    assert.deepEqual([status, json.error], [400, 'invalid_request']);
  });

  it('is refused when nobody registered it, in the same words as for a wrong secret', async () => {
    const own = await createRelyingParty(hub);
    const unknown = await postForm(`${hub.issuer}/par`, PUSHED, basic('nobody', 'secret'));
    const wrong = await postForm(`${hub.issuer}/par`, PUSHED, basic(own.clientId, 'secret'));
    assert.equal(unknown.status, 401);
    assert.deepEqual(unknown.json, wrong.json);
  });

  it('is refused within seconds of its removal, and its tokens with it', async () => {
    const party = await createRelyingParty(hub);
    const tokens = await party.signIn();
    await hub.hub.clients.remove(party.clientId);
    await later(3_000, async () => {
      const { status, json } = await postForm(`${hub.issuer}/par`, PUSHED, basic(party.clientId, party.secret));
      assert.deepEqual([status, json.error], [401, 'invalid_client']);
      const bearer = { authorization: `Bearer ${tokens.access_token}` };
      assert.equal((await fetch(`${hub.issuer}/userinfo`, { headers: bearer })).status, 401);
    });
  });
});

describe('a public client', () => {
  it('signs people in with PKCE alone', async () => {
    const party = await createRelyingParty(hub, { token_endpoint_auth_method: 'none' });
    assert.equal(party.secret, 'undefined');
    assert.ok(subOf(await party.signIn()));
  });

  it('learns nothing about other clients’ tokens', async () => {
    const party = await createRelyingParty(hub, { token_endpoint_auth_method: 'none' });
    const tokens = await (await createRelyingParty(hub)).signIn();
    const form = { token: tokens.access_token, client_id: party.clientId };
    const { json } = await postForm(`${hub.issuer}/introspect`, form);
    assert.deepEqual(json, { active: false });
  });
});

describe('a client that authenticates with private_key_jwt', () => {
  for (const alg of ['ES256', 'RS256', 'PS256']) {
    it(`signs people in with an ${alg} key`, async () => {
      const { party } = await assertionParty(alg);
      assert.ok(subOf(await party.signIn()));
    });
  }

  it('is refused when an assertion is used twice', async () => {
    const { assertion } = await assertionParty('ES256');
    const once = assertion();
    assert.equal((await push(once)).status, 201);
    const { status, json } = await push(once);
    assert.deepEqual([status, json.error], [401, 'invalid_client']);
  });

  it('gets one success when the same assertion arrives twenty times at once', async () => {
    const { assertion } = await assertionParty('ES256');
    const once = assertion();
    const answers = await Promise.all(Array.from({ length: 20 }, () => push(once)));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    assert.equal(answers.filter(({ status }) => status === 401).length, 19);
  });

  const seconds = () => Math.floor(Date.now() / 1000);
  const refusals: [string, JWTPayload, Record<string, unknown>?][] = [
    ['lives ten minutes', { exp: seconds() + 600 }],
    ['lives for ever', { exp: undefined }],
    ['has expired', { exp: seconds() - 60 }],
    ['is not valid yet', { nbf: seconds() + 120 }],
    ['has no jti', { jti: undefined }],
    ['names two audiences', { aud: ['https://other.example', 'HUB'] }],
    ['is for another server', { aud: 'https://other.example' }],
    ['is for nobody', { aud: undefined }],
    ['was issued by another client', { iss: 'somebody-else' }],
    ['is an access token by its typ', {}, { typ: 'at+jwt' }],
    ['is a DPoP proof by its typ', {}, { typ: 'dpop+jwt' }],
    ['demands an extension that is not known', {}, { crit: ['exp'], typ: 'JWT' }],
  ];
  for (const [title, claims, header] of refusals) {
    it(`is refused when the assertion ${title}`, async () => {
      const { assertion } = await assertionParty('ES256');
      assert.equal((await push(assertion())).status, 201, 'the plain assertion serves');
      const { status, json } = await push(assertion(claims, header));
      assert.deepEqual([status, json.error], [401, 'invalid_client']);
    });
  }

  it('is refused when the key is another client’s, though it names itself', async () => {
    const [one, two] = [await assertionParty('ES256'), await assertionParty('ES256')];
    const { status, json } = await push(two.assertion({ iss: one.party.clientId, sub: one.party.clientId }));
    assert.deepEqual([status, json.error], [401, 'invalid_client']);
  });

  it('is refused when the assertion is not signed, or signed with its public key as a secret', async () => {
    const { party, jwk } = await assertionParty('ES256');
    const claims = assertionClaims(party.clientId);
    const unsigned = new UnsecuredJWT(claims).encode();
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'test-ES256' })
      .sign(new TextEncoder().encode(JSON.stringify(jwk)));
    for (const forged of [unsigned, confused]) {
      const { status, json } = await push(forged);
      assert.deepEqual([status, json.error], [401, 'invalid_client']);
    }
  });

  it('is refused when the algorithm is not the registered one', async () => {
    const rsa = await newKeyPair('RS256');
    const { alg: _alg, ...either } = rsa.jwk; // a key of no particular algorithm serves both
    const { party } = await assertionParty('RS256', { jwks: { keys: [either] } });
    const assertion = await new SignJWT(assertionClaims(party.clientId))
      .setProtectedHeader({ alg: 'PS256', kid: 'test-RS256' })
      .sign(createPrivateKey({ key: await exportJWK(rsa.privateKey), format: 'jwk' }));
    const { status, json } = await push(assertion);
    assert.deepEqual([status, json.error], [401, 'invalid_client']);
  });

  it('is refused when it sends a secret beside the assertion', async () => {
    const { party, assertion } = await assertionParty('ES256');
    const form = { ...PUSHED, client_assertion: assertion(), client_assertion_type: ASSERTION_TYPE };
    const { status } = await postForm(`${hub.issuer}/par`, form, basic(party.clientId, 'x'));
    assert.equal(status, 400);
  });
});

describe('a client that authenticates with a TLS certificate', () => {
  let authority: WebAuthority;
  before(() => {
    authority = readWebAuthority(hub.tls);
  });

  it('signs people in with tls_client_auth by its subject, and its tokens are bound to the certificate', async () => {
    const certificate = await issueTlsClientCertificate(authority, {
      subject: [
        ['O', 'Clinic'],
        ['CN', 'rp-by-name'],
      ],
    });
    const party = await tlsParty(certificate, {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=rp-by-name,O=Clinic',
    });
    await assertBound(party);
  });

  it('signs people in with tls_client_auth by a name in subjectAltName', async () => {
    const certificate = await issueTlsClientCertificate(authority, {
      subject: [['CN', 'whatever']],
      names: ['other.rp.example', 'client.rp.example'],
    });
    const party = await tlsParty(certificate, {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'client.rp.example',
    });
    assert.ok(subOf(await party.signIn()));
  });

  it('signs people in with self_signed_tls_client_auth, and its tokens are bound to the certificate', async () => {
    const certificate = await createSelfSignedClientCertificate({ commonName: 'self-signed' });
    await assertBound(await selfSignedParty(certificate));
  });

  it('can be curl', async () => {
    const certificate = await createSelfSignedClientCertificate({ commonName: 'curl' });
    const party = await selfSignedParty(certificate);
    const folder = mkdtempSync(join(tmpdir(), 'musubi-test-curl-'));
    try {
      const { cert = '', key = '', ca } = filesOf(certificate);
      for (const [name, pem] of Object.entries({ cert, key, ca })) writeFileSync(join(folder, name), pem);
      const form = Object.entries({ ...PUSHED, client_id: party.clientId }).flatMap(([name, value]) => [
        '--data-urlencode',
        `${name}=${value}`,
      ]);
      const push = (...args: string[]) =>
        run('curl', ['-sS', '--cacert', 'ca', ...args, '-w', '\n%{http_code}', ...form, `${hub.mutualTlsUrl}/par`], {
          cwd: folder,
        });
      assert.match((await push('--cert', 'cert', '--key', 'key')).stdout, /\n201$/);
      assert.match((await push()).stdout, /invalid_client.*\n401$/s);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is refused with a certificate of another name from the same authority', async () => {
    const own = await issueTlsClientCertificate(authority, { subject: [['CN', 'own']] });
    const party = await tlsParty(own, {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=own',
    });
    for (const subject of ['other', 'own.example', 'OWN']) {
      const other = await issueTlsClientCertificate(authority, { subject: [['CN', subject]] });
      await refuseTls(party, filesOf(other));
    }
    const longer = await issueTlsClientCertificate(authority, {
      subject: [
        ['O', 'x'],
        ['CN', 'own'],
      ],
    });
    await refuseTls(party, filesOf(longer));
  });

  it('is refused with a certificate of its own name from an authority that the operator does not name', async () => {
    const own = await issueTlsClientCertificate(authority, { subject: [['CN', 'own-2']] });
    const party = await tlsParty(own, {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=own-2',
    });
    const impostor = await createWebAuthority();
    await refuseTls(party, filesOf(await issueTlsClientCertificate(impostor, { subject: [['CN', 'own-2']] })));
    await refuseTls(party, filesOf(await createSelfSignedClientCertificate({ commonName: 'own-2' })));
  });

  it('is refused with an expired certificate of its own name', async () => {
    const own = await issueTlsClientCertificate(authority, { subject: [['CN', 'own-3']] });
    const party = await tlsParty(own, {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=own-3',
    });
    const notAfter = Date.now() - 3_600_000;
    const expired = await issueTlsClientCertificate(authority, {
      subject: [['CN', 'own-3']],
      notBefore: notAfter - 86_400_000,
      notAfter,
    });
    await refuseTls(party, filesOf(expired));
  });

  it('is refused with a self-signed certificate that is not the registered one, by name though it is', async () => {
    const party = await selfSignedParty(await createSelfSignedClientCertificate({ commonName: 'mine' }));
    await refuseTls(party, filesOf(await createSelfSignedClientCertificate({ commonName: 'mine' })));
  });

  it('is refused without a certificate, and on the listener that asks for none', async () => {
    const party = await selfSignedParty(await createSelfSignedClientCertificate({ commonName: 'bare' }));
    await refuseTls(party, { ca: readFileSync(hub.tls.authorityFile, 'utf8') });
    const { status } = await postForm(`${hub.issuer}/par`, { ...PUSHED, client_id: party.clientId });
    assert.equal(status, 401);
  });

  it('is not authenticated by any spelling of a client-certificate header', async () => {
    const certificate = await createSelfSignedClientCertificate({ commonName: 'header' });
    const party = await selfSignedParty(certificate);
    const der = certificate.der.toString('base64');
    const headers = {
      'client-cert': `:${der}:`,
      'x-ssl-client-cert': encodeURIComponent(certificate.pem),
      'x-client-cert': encodeURIComponent(certificate.pem),
      'ssl-client-verify': 'SUCCESS',
      'x-ssl-client-verify': 'SUCCESS',
      'x-forwarded-client-cert': `Cert="${encodeURIComponent(certificate.pem)}"`,
    };
    const { status } = await postForm(`${hub.issuer}/par`, { ...PUSHED, client_id: party.clientId }, headers);
    assert.equal(status, 401);
  });

  function filesOf(certificate: IssuedCertificate): ClientCertificate {
    return {
      cert: certificate.pem,
      key: certificate.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      ca: readFileSync(hub.tls.authorityFile, 'utf8'),
    };
  }

  function tlsParty(certificate: IssuedCertificate, metadata: Metadata): Promise<RelyingParty> {
    return createRelyingParty(
      hub,
      { tls_client_certificate_bound_access_tokens: true, ...metadata },
      {
        authentication: client.TlsClientAuth(),
        library: { use_mtls_endpoint_aliases: true },
        fetch: mutualTlsFetch(filesOf(certificate)) as client.CustomFetch, // the same call with a narrower body
      },
    );
  }

  async function selfSignedParty(certificate: IssuedCertificate): Promise<RelyingParty> {
    const jwk = {
      ...(await exportJWK(certificate.key.publicKey)),
      x5c: [certificate.der.toString('base64')],
    };
    return tlsParty(certificate, { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwk] } });
  }

  async function assertBound(party: RelyingParty): Promise<void> {
    const tokens = await party.signIn();
    assert.equal((await party.userinfo(tokens)).sub, subOf(tokens));

    const bearer = { authorization: `Bearer ${tokens.access_token}` };
    const stranger = filesOf(await createSelfSignedClientCertificate({ commonName: 'thief' }));
    for (const [address, files] of [
      [hub.mutualTlsUrl, stranger],
      [hub.mutualTlsUrl, { ca: stranger.ca }],
      [hub.issuer, stranger],
    ] as const) {
      const answer = await mutualTlsFetch(files)(`${address}/userinfo`, { headers: bearer });
      assert.equal(answer.status, 401, address);
    }
  }

  async function refuseTls(party: RelyingParty, files: ClientCertificate): Promise<void> {
    const answer = await mutualTlsFetch(files)(`${hub.mutualTlsUrl}/par`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...PUSHED, client_id: party.clientId }),
    });
    assert.equal(answer.status, 401);
    assert.equal(((await answer.json()) as { error: string }).error, 'invalid_client');
  }
});

describe('a registration of a client', () => {
  for (const [title, metadata] of Object.entries<Metadata>({
    'without PKCE for a public client': { token_endpoint_auth_method: 'none', require_pkce: false },
    'with a method that is not offered': { token_endpoint_auth_method: 'client_secret_jwt' },
    'with private_key_jwt and no keys': { token_endpoint_auth_method: 'private_key_jwt' },
    'with tls_client_auth and no name': { token_endpoint_auth_method: 'tls_client_auth' },
    'with a public subject type': { subject_type: 'public' },
    'with the implicit flow': { response_types: ['id_token'], grant_types: ['implicit'] },
    'with a redirect address that has a fragment': { redirect_uris: ['https://rp.example/#callback'] },
    'with a misspelt name': { redirect_uri: REDIRECT_URI },
  })) {
    it(`is refused ${title}`, async () => {
      await assert.rejects(
        hub.hub.clients.add({ redirect_uris: [REDIRECT_URI], ...metadata }),
        (error) => (error as { code?: string }).code === 'invalid_client_metadata',
      );
    });
  }
});

async function assertionParty(alg: string, metadata: Metadata = {}) {
  const { privateKey, jwk } = await newKeyPair(alg);
  const party = await createRelyingParty(
    hub,
    {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [jwk] },
      ...metadata,
    },
    { authentication: client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid }) },
  );
  const assertion = (claims: JWTPayload = {}, header: Record<string, unknown> = {}) => {
    const aud = Array.isArray(claims.aud) ? claims.aud.map((one) => (one === 'HUB' ? hub.issuer : one)) : claims.aud;
    const all = { ...assertionClaims(party.clientId), ...claims, ...('aud' in claims ? { aud } : {}) };
    return handmadeJwt({ kid: jwk.kid, ...header }, all, privateKey);
  };
  return { party, jwk, assertion };
}

function assertionClaims(clientId: string): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return { iss: clientId, sub: clientId, aud: hub.issuer, jti: randomUUID(), iat: now, exp: now + 60 };
}

function push(assertion: string) {
  const { sub = '' } = decodeJwt(assertion);
  const form = { ...PUSHED, client_id: sub, client_assertion: assertion, client_assertion_type: ASSERTION_TYPE };
  return postForm(`${hub.issuer}/par`, form);
}
