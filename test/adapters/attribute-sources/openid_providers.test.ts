import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { generateKeyPair, type JWTPayload } from 'jose';
import { createOpenIdProviders } from '../../../adapters/attribute-sources/openid_providers.ts';
import {
  type OpenIdProvider,
  REFUSED,
  RefusedByProvider,
  type VisitedProvider,
} from '../../../provider/attributes/providers/openid_providers.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import { CLIENT_ID, type SigningKey, SUBJECT, startFakeOpenIdProvider, unsigned } from './fake_openid_provider.ts';

const REQUEST = {
  redirectUri: 'https://hub.example/portal/providers/points/callback',
  ...{ state: 'state-1', nonce: 'nonce-1', codeVerifier: randomBytes(32).toString('base64url') },
};
/** Milliseconds. */
const TIMEOUT = 2000;

let fake: Awaited<ReturnType<typeof startFakeOpenIdProvider>>;
let stranger: SigningKey;

before(async () => {
  fake = await startFakeOpenIdProvider();
  stranger = (await generateKeyPair('ES256')).privateKey;
});
after(() => fake.close());
beforeEach(() => fake.reset(REQUEST.nonce));

type Over = Partial<VisitedProvider['userinfo']> & { timeout?: number };

/** A hub that has never been there before. */
function visitor({ timeout = TIMEOUT, ...over }: Over = {}) {
  const openIdProviders = createOpenIdProviders(
    { timeout, allowPlainHttp: true, allowedNetworks: [] },
    {
      credentials: {
        assertion: async (clientId, audience) => `assertion of ${clientId} for ${audience}`,
        secret: async (providerId) => `secret of ${providerId}`,
      },
      ...{ clock: Date.now, random: randomBytes },
    },
  );
  const userinfo: VisitedProvider['userinfo'] = {
    ...{ clientId: CLIENT_ID, authentication: 'private_key_jwt', scope: 'openid offline_access', claims: {} },
    ...{ asOf: undefined, ...over },
  };
  const provider = { id: 'points', url: fake.url, userinfo };
  return <T>(work: (there: OpenIdProvider) => Promise<T>) => openIdProviders.visit(provider, work);
}

const answer = (over: Record<string, string> = {}) =>
  new URLSearchParams({ code: 'code-1', state: REQUEST.state, iss: fake.url, ...over });
const formOf = (path: string) => fake.asked.find((each) => each.path === path);

function fails(work: Promise<unknown>, code: string, kind: typeof ProviderSilent = ProviderSilent) {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.code, code);
    // Whether the provider is blamed for it.
    if (kind === ProviderSilent) assert.ok(!(error instanceof RefusedByProvider));
    return true;
  });
}

describe('a sign-in at a provider', () => {
  const redeem = (visit = visitor(), given = answer()) => visit((there) => there.redeem(given, REQUEST));

  it('gives the subject and tokens for the code, with the verifier and proof of who the hub is', async () => {
    const { subject, tokens } = await redeem();
    assert.equal(subject, SUBJECT);
    const { expiresAt, ...rest } = tokens;
    assert.deepEqual(rest, { accessToken: 'access-1', refreshToken: 'refresh-1' });
    assert.ok(Math.abs(expiresAt - Date.now() - 600_000) < 20_000);
    assert.deepEqual(formOf('/token')?.form, {
      ...{ grant_type: 'authorization_code', code: 'code-1', redirect_uri: REQUEST.redirectUri, client_id: CLIENT_ID },
      code_verifier: REQUEST.codeVerifier,
      client_assertion: `assertion of ${CLIENT_ID} for ${fake.url}`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
  });

  it('may be proved with a secret, in the header or in the form', async () => {
    await redeem(visitor({ authentication: 'client_secret_basic' }));
    const { headers, form } = formOf('/token') ?? assert.fail();
    const [, credentials = ''] = headers.authorization?.split(' ') ?? [];
    const expected = `${encodeURIComponent(CLIENT_ID)}:secret+of+points`;
    assert.equal(Buffer.from(credentials, 'base64').toString().replaceAll('%2D', '-'), expected);
    assert.ok(!('client_secret' in form));
    fake.reset(REQUEST.nonce);
    await redeem(visitor({ authentication: 'client_secret_post' }));
    assert.equal(formOf('/token')?.form.client_secret, 'secret of points');
  });

  const answers: Readonly<Record<string, readonly [code: string, over: Record<string, string>]>> = {
    'of another state': ['answer_not_verified', { state: 'state-2' }],
    'of another issuer': ['answer_not_verified', { iss: 'https://other.example' }],
    'that the person refused': [REFUSED.signIn, { error: 'access_denied' }],
  };
  for (const [what, [code, over]] of Object.entries(answers)) {
    it(`${what} is refused before anything is sent`, async () => {
      await fails(redeem(visitor(), answer(over)), code, RefusedByProvider);
      assert.equal(formOf('/token'), undefined);
    });
  }

  const lies: Readonly<Record<string, () => Promise<string> | undefined>> = {
    'is not there': () => undefined,
    'is of another sign-in': () => fake.sign({ nonce: 'nonce-2' }),
    'has no nonce': () => fake.sign({ nonce: undefined } as JWTPayload),
    'is another issuer’s': () => fake.sign({ nonce: REQUEST.nonce, iss: 'https://other.example' }),
    'is for another client': () => fake.sign({ nonce: REQUEST.nonce, aud: 'another' }),
    'has expired': () => fake.sign({ nonce: REQUEST.nonce, exp: Math.floor(Date.now() / 1000) - 300 }),
    'is signed by a stranger': () => fake.sign({ nonce: REQUEST.nonce }, { key: stranger }),
    'is signed with what the hub knows': () =>
      fake.sign({ nonce: REQUEST.nonce }, { key: Buffer.from('secret of points'.repeat(2)), header: { alg: 'HS256' } }),
    'is not signed': async () => unsigned(await fake.sign({ nonce: REQUEST.nonce })),
    'has a signature that is no base64': async () => `${await fake.sign({ nonce: REQUEST.nonce })}!`,
  };
  for (const [what, lie] of Object.entries(lies)) {
    it(`is refused when the ID Token ${what}`, async () => {
      fake.answers.idToken = () => lie() ?? Promise.resolve('');
      await fails(redeem(), 'answer_not_verified', RefusedByProvider);
    });
  }

  it('with a code that is worth nothing is the attempt’s failure: no number of them has the provider left alone', async () => {
    const visit = visitor();
    fake.answers.token = { error: 'invalid_grant' };
    for (let times = 0; times < 5; times += 1) await fails(redeem(visit), REFUSED.refresh, RefusedByProvider);
    fake.reset(REQUEST.nonce);
    await redeem(visit);
  });
});

describe('metadata of a provider', () => {
  const url = (visit: ReturnType<typeof visitor>) => visit((there) => there.authorizationUrl(REQUEST, 'en'));

  it('is fetched once, and leads to its authorization endpoint', async () => {
    const visit = visitor();
    for (let times = 0; times < 2; times += 1) {
      const { origin, pathname, searchParams } = new URL(await url(visit));
      assert.equal(origin + pathname, `${fake.url}/authorize`);
      assert.equal(searchParams.get('code_challenge_method'), 'S256');
      assert.equal(searchParams.get('code_verifier'), null);
    }
    assert.deepEqual(
      fake.asked.map(({ path }) => path),
      ['/.well-known/openid-configuration'],
    );
  });

  it('of another issuer is none', async () => {
    fake.answers.metadata.issuer = 'https://other.example';
    await fails(url(visitor()), 'answer_not_verified');
  });

  it('leads browsers to web addresses only', async () => {
    fake.answers.metadata.authorization_endpoint = 'javascript:alert(1)';
    await fails(url(visitor()), 'answer_not_verified');
  });

  it('does not lead the hub into its own network', async () => {
    fake.answers.metadata.token_endpoint = 'http://127.0.0.1:1/token';
    await fails(
      visitor()((there) => there.redeem(answer(), REQUEST)),
      'outbound_address_refused',
    );
  });
});

describe('userinfo', () => {
  const ask = (visit = visitor()) => visit((there) => there.userinfo('access-1', SUBJECT));

  it('is taken as JSON, and signed', async () => {
    assert.deepEqual(await ask(), { sub: SUBJECT, points: 5 });
    assert.equal(formOf('/userinfo')?.headers.authorization, 'Bearer access-1');
    fake.answers.userinfo = { type: 'application/jwt', body: await fake.sign({ points: 6 }) };
    assert.equal((await ask()).points, 6);
  });

  const json = (body: unknown) => async () => ({ type: 'application/json', body: JSON.stringify(body) });
  const jwt = (body: () => Promise<string>) => async () => ({ type: 'application/jwt', body: await body() });
  const lies: Readonly<Record<string, readonly [code: string, () => Promise<typeof fake.answers.userinfo>]>> = {
    'about somebody else': ['answer_not_verified', json({ sub: 'customer-2' })],
    'about nobody': ['answer_not_verified', json({ points: 5 })],
    'that is no object': ['answer_not_verified', json([SUBJECT])],
    'that is no JSON': ['answer_not_verified', async () => ({ type: 'application/json', body: '{' })],
    'of another type': ['answer_not_verified', async () => ({ type: 'text/html', body: '<p>' })],
    'that is too large': ['outbound_too_large', json({ sub: SUBJECT, padding: 'x'.repeat(270_000) })],
    'signed by a stranger': ['answer_not_verified', jwt(() => fake.sign({}, { key: stranger }))],
    'with alg none': ['answer_not_verified', jwt(async () => unsigned(await fake.sign({})))],
    'signed for another client': ['answer_not_verified', jwt(() => fake.sign({ aud: 'another' }))],
    'signed by another issuer': ['answer_not_verified', jwt(() => fake.sign({ iss: 'https://other.example' }))],
    'signed about somebody else': ['answer_not_verified', jwt(() => fake.sign({ sub: 'customer-2' }))],
    'that is a redirect': ['status_302', async () => 302],
    'that is a failure': ['status_500', async () => 500],
  };
  for (const [what, [code, lie]] of Object.entries(lies)) {
    it(`${what} is none`, async () => {
      fake.answers.userinfo = await lie();
      await fails(ask(), code);
    });
  }

  it('for a token that is not taken is told apart from a failure', async () => {
    fake.answers.userinfo = 401;
    await fails(ask(), REFUSED.access, RefusedByProvider);
  });

  it('that does not come is waited for once, and then not until a while has passed', async () => {
    fake.answers.userinfo = 'never';
    const visit = visitor({ timeout: 100 });
    for (let times = 0; times < 3; times += 1) await fails(ask(visit), 'outbound_timeout');
    await fails(ask(visit), 'left_alone');
  });
});

describe('tokens of a provider', () => {
  const refresh = () => visitor()((there) => there.refresh('refresh-1', SUBJECT));

  it('are renewed, with the next refresh token where it gives one', async () => {
    fake.answers.idToken = undefined;
    fake.answers.token = { access_token: 'access-2', token_type: 'Bearer', refresh_token: 'refresh-2' };
    const { accessToken, refreshToken, expiresAt } = await refresh();
    assert.deepEqual([accessToken, refreshToken], ['access-2', 'refresh-2']);
    assert.ok(expiresAt <= Date.now(), 'one that does not say how long it lasts is not used again');
    assert.equal(formOf('/token')?.form.refresh_token, 'refresh-1');
  });

  it('of another subject are refused', async () => {
    fake.answers.idToken = () => fake.sign({ sub: 'customer-2' });
    await fails(refresh(), 'answer_about_another');
  });

  it('that are worth nothing any more are told apart from a provider that is away', async () => {
    fake.answers.token = { error: 'invalid_grant' };
    await fails(refresh(), REFUSED.refresh, RefusedByProvider);
    fake.answers.token = 503;
    await fails(refresh(), 'status_503');
  });

  it('are given back where the provider has an address for that', async () => {
    const revoke = () => visitor()((there) => there.revoke('refresh-1'));
    await revoke();
    const { form } = formOf('/revoke') ?? assert.fail();
    assert.deepEqual([form.token, form.token_type_hint], ['refresh-1', 'refresh_token']);
    fake.reset(REQUEST.nonce);
    delete fake.answers.metadata.revocation_endpoint;
    await revoke();
    assert.equal(formOf('/revoke'), undefined);
  });
});
