import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { RunningProvider } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import type { Disclosure } from '../../provider/consent/consent_store.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { findInOctets, findInText } from '../support/leaks/find_secrets.ts';
import { guard } from '../support/leaks/leak_guard.ts';
import { Secrets } from '../support/leaks/secrets.ts';
import { enrolAt, startRegisteredProvider } from '../support/providers.ts';
import {
  createRelyingParty,
  lastConsent,
  open,
  presentCard,
  type RelyingParty,
  type Tokens,
  withdrawConsent,
} from './relying_party.ts';

interface OpenedClaim {
  readonly value: unknown;
  readonly source: string;
  readonly consent: string;
  readonly asOf: number;
  readonly validUntil?: number;
}
type OpenClaims = (told: Record<string, unknown>) => Promise<Record<string, OpenedClaim>>;
type CreateClaimOpener = (relyingParty: {
  issuer: string;
  clientId: string;
  decryptionKey?: (header: { kid?: string }) => Promise<CryptoKey>;
}) => OpenClaims;

/** The very file that relying parties are shown. */
const example = new URL('../../docs/examples/claims/open_claims.js', import.meta.url).href;
const { createClaimOpener } = (await import(example)) as { createClaimOpener: CreateClaimOpener };

/** On the certificate of whoever is insured, and nowhere else in the world. */
const SECRET = randomBytes(24).toString('base64url');
const OFFICE = `株式会社 ${SECRET}`;
const INSURER = {
  ...SANDBOX_PROVIDERS.kenpo,
  insurer: { number: '06139992', address: '東京都', office: { name: OFFICE, address: '東京都千代田区' } },
};
const ACCEPTED = ['health_insurance_valid', 'health_insurance', 'checkup_results', 'payment_token'];

/** Milliseconds by which the hub and the providers are ahead. */
let ahead = 0;
const clock = () => Date.now() + ahead;
let hub: TestHub;
let kenpo: RunningProvider;
let card: RunningProvider;
let taro: string;
let clinic: RelyingParty;
let openClaims: OpenClaims;
/** Has registered what is sealed for it, with an RSA key. */
let hospital: RelyingParty;
let openSealed: OpenClaims;

async function newSealingKey(alg: string, kid: string): Promise<{ privateKey: CryptoKey; jwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid, use: 'enc' } };
}

async function newParty(metadata: Record<string, unknown>): Promise<RelyingParty> {
  const party = await createRelyingParty(hub, { scope: `openid name ${ACCEPTED.join(' ')}`, ...metadata });
  await hub.hub.attributeProviders.accept(party.clientId, ACCEPTED, true);
  return party;
}

before(async () => {
  hub = await startTestHub({ clock });
  kenpo = await startRegisteredProvider(hub, INSURER, clock);
  card = await startRegisteredProvider(hub, SANDBOX_PROVIDERS.card, clock);
  const elliptic = await newSealingKey('ECDH-ES+A256KW', 'clinic-enc');
  const signing = await generateKeyPair('ES256', { extractable: true });
  // Its key for signatures stands first: nothing may be sealed to that.
  const jwks = { keys: [{ ...(await exportJWK(signing.publicKey)), use: 'sig', kid: 'clinic-sig' }, elliptic.jwk] };
  clinic = await newParty({ jwks });
  const { issuer } = hub;
  openClaims = createClaimOpener({ issuer, clientId: clinic.clientId, decryptionKey: async () => elliptic.privateKey });
  const rsa = await newSealingKey('RSA-OAEP-256', 'hospital-enc');
  hospital = await newParty({ jwks: { keys: [rsa.jwk] }, claims_delivery: { health_insurance: 'sealed' } });
  openSealed = createClaimOpener({ issuer, clientId: hospital.clientId, decryptionKey: async () => rsa.privateKey });
  taro = await enrolAt(hub, clinic, 'taro');
  await hub.hub.memberships.bind(taro, 'musubi-kenpo', { symbol: '12345', number: '6789' });
  await hub.hub.memberships.bind(taro, 'musubi-card', { last_digits: '4242' });
});
after(async () => {
  await hub.stop();
  await Promise.all([kenpo.close(), card.close()]);
});

const signIn = (party: RelyingParty, claims: Record<string, unknown>): Promise<Tokens> =>
  party.signIn({ card: 'taro', parameters: { scope: 'openid', prompt: 'consent', claims: JSON.stringify(claims) } });

async function userinfo(party: RelyingParty, claims: Record<string, unknown>): Promise<Record<string, unknown>> {
  return party.userinfo(await signIn(party, { userinfo: claims }));
}

/** What the person's history has of the last answer: by exit, the claims. */
async function rows(count: number): Promise<Record<string, readonly string[]>> {
  const disclosed: readonly Disclosure[] = await hub.hub.storage.consents.listDisclosures(taro, count);
  return Object.fromEntries(disclosed.map(({ exit, claims }) => [exit, claims]));
}

describe('an aggregated claim', () => {
  it('is the provider’s own token, opened with nothing but jose, and has a row of its own', async () => {
    const told = await userinfo(clinic, { health_insurance: { delivery: 'aggregated' }, health_insurance_valid: null });
    assert.equal(told.health_insurance, undefined);
    assert.equal(told.health_insurance_valid, true);
    const { health_insurance: opened } = await openClaims(told);
    assert.equal(Object(opened?.value).office, OFFICE);
    assert.equal(opened?.source, 'musubi-kenpo');
    assert.equal(opened?.consent, (await lastConsent(hub, clinic.clientId)).id);
    assert.ok(Math.abs(opened.asOf - clock() / 1000) < 20 && Number(opened.validUntil) > clock() / 1000);
    assert.deepEqual(await rows(2), { userinfo: ['sub', 'health_insurance_valid'], aggregated: ['health_insurance'] });
  });

  it('tells the relying party nothing that another knows too', async () => {
    const told = await userinfo(clinic, { health_insurance_valid: { delivery: 'aggregated' } });
    const { health_insurance_valid: source } = told._claim_sources as Record<string, { JWT: string }>;
    assert.deepEqual(Object.keys(decodeJwt(source?.JWT ?? '')).toSorted(), [
      ...['claims_provenance', 'delivery', 'exp', 'health_insurance_valid', 'iat', 'iss'],
    ]);
  });

  it('comes in the id_token where it is asked for there', async () => {
    const tokens = await signIn(clinic, { id_token: { health_insurance_valid: { delivery: 'aggregated' } } });
    const { health_insurance_valid: opened } = await openClaims({ ...tokens.claims() });
    assert.equal(opened?.value, true);
    assert.deepEqual(await rows(2), { id_token: ['sub'], aggregated: ['health_insurance_valid'] });
  });

  it('is of the day that was asked for', async () => {
    const of = (wish: Record<string, unknown>) =>
      userinfo(clinic, { health_insurance_valid: { delivery: 'aggregated', ...wish } });
    const { health_insurance_valid: before } = await openClaims(await of({ target_date: '2012-03-31', max_age: 60 }));
    assert.equal(before?.value, false);
  });

  it('cannot be taken for another person’s, another website’s or another claim', async () => {
    const told = await userinfo(clinic, {
      health_insurance: { delivery: 'aggregated' },
      health_insurance_valid: { delivery: 'aggregated' },
    });
    await openClaims(told);
    await assert.rejects(openClaims({ ...told, sub: 'somebody else' }), /not about/);
    await assert.rejects(openSealed(told), /aud/);
    const { health_insurance: one, health_insurance_valid: other } = told._claim_sources as Record<string, object>;
    const exchanged = { health_insurance: other, health_insurance_valid: one };
    await assert.rejects(openClaims({ ...told, _claim_sources: exchanged }), /not about/);
    const mixed = { ...told, _claim_sources: { health_insurance: { ...other, ...one, JWT: Object(other).JWT } } };
    await assert.rejects(
      openClaims({ ...mixed, _claim_names: { health_insurance: 'health_insurance' } }),
      /another token/,
    );
  });
});

describe('a sealed claim', () => {
  it('is opened by the relying party alone, with nothing but jose, and has a row of its own', async () => {
    const told = await userinfo(clinic, { health_insurance: { delivery: 'sealed' }, name: null });
    assert.equal(told.health_insurance, undefined);
    assert.equal(told.name, '山田　太郎');
    const { health_insurance: opened } = await openClaims(told);
    assert.equal(Object(opened?.value).office, OFFICE);
    assert.deepEqual(await rows(2), { userinfo: ['sub', 'name'], sealed: ['health_insurance'] });
  });

  it('is said to be so on the consent page, and nowhere else', async () => {
    const shown = async (party: RelyingParty, userinfo: Record<string, unknown>, scope = 'openid') => {
      const browser = createHttpBrowser();
      const attempt = await party.attempt({ scope, prompt: 'consent', claims: JSON.stringify({ userinfo }) });
      const page = await open(party.authorizationUrl(attempt), browser);
      return (
        (await presentCard(hub, browser, page, { card: 'taro' })).text.split('Musubiは内容を読めません').length - 1
      );
    };
    assert.equal(await shown(clinic, { health_insurance: { delivery: 'sealed' }, checkup_results: null }), 1);
    assert.equal(await shown(clinic, { health_insurance: { delivery: 'sealed' } }, 'openid health_insurance'), 0);
    assert.equal(await shown(hospital, {}, 'openid health_insurance'), 1);
  });

  it('stays sealed where it is registered so, whatever a request says', async () => {
    for (const wish of [null, { delivery: 'plain' }, { delivery: 'aggregated' }]) {
      const told = await userinfo(hospital, { health_insurance: wish });
      assert.equal(told.health_insurance, undefined);
      const { health_insurance: opened } = await openSealed(told);
      assert.equal(Object(opened?.value).office, OFFICE);
    }
    const byScope = await hospital.userinfo(
      await hospital.signIn({ card: 'taro', parameters: { scope: 'openid health_insurance', prompt: 'consent' } }),
    );
    assert.ok((await openSealed(byScope)).health_insurance);
  });

  it('is in nothing that the hub reads, writes or sends', async () => {
    const planted = new Secrets();
    planted.token(SECRET);

    /** Whether it is in what hub, provider and relying party send, all of them in this process, or in the answer itself. */
    async function isSeen(delivery: string): Promise<{ traffic: boolean; answer: boolean }> {
      const sent: Buffer[] = [];
      const write = Socket.prototype.write;
      Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>) {
        const [chunk, encoding] = args;
        sent.push(Buffer.from(chunk as string, typeof encoding === 'string' ? encoding : undefined));
        return write.apply(this, args);
      } as typeof write;
      const told = await userinfo(clinic, { health_insurance: { delivery } }).finally(() => {
        Socket.prototype.write = write;
      });
      return {
        traffic: findInOctets(Buffer.concat(sent), planted).length > 0,
        answer: findInText(JSON.stringify(told), planted).length > 0,
      };
    }

    // That it would be seen is shown by the forms that do not hide it.
    assert.deepEqual(await isSeen('plain'), { traffic: true, answer: true });
    assert.deepEqual(await isSeen('aggregated'), { traffic: true, answer: true });
    assert.deepEqual(await isSeen('sealed'), { traffic: false, answer: false });
    assert.deepEqual(findInText(hub.log.join('\n'), planted), []);
    // The database is looked through when the hub has stopped: no form leaves it there.
    guard.secrets.token(SECRET);
  });
});

describe('a distributed claim', () => {
  it('is fetched from the provider for a while, and has a row of its own', async () => {
    const told = await userinfo(clinic, { health_insurance: { delivery: 'distributed' } });
    const { health_insurance: opened } = await openClaims(told);
    assert.equal(Object(opened?.value).office, OFFICE);
    assert.deepEqual(await rows(2), { userinfo: ['sub'], distributed: ['health_insurance'] });
    const { health_insurance: source } = told._claim_sources as Record<string, { endpoint: string }>;
    assert.equal(new URL(source?.endpoint ?? '').origin, kenpo.url);
    ahead += 301_000;
    await assert.rejects(openClaims(told), /401/);
    ahead = 0;
  });

  it('is over at once when the person decides anew or takes the consent back', async () => {
    const distributed = { health_insurance_valid: { delivery: 'distributed' } };
    const told = await userinfo(clinic, distributed);
    assert.equal((await openClaims(told)).health_insurance_valid?.value, true);
    const again = await userinfo(clinic, distributed);
    await assert.rejects(openClaims(told), /401/);
    await openClaims(again);
    await withdrawConsent(hub, clinic.clientId);
    await assert.rejects(openClaims(again), /401/);
  });

  it('is taken back also where the provider does not hear of it', async () => {
    const told = await userinfo(clinic, { health_insurance_valid: { delivery: 'distributed' } });
    kenpo.behave('down');
    await withdrawConsent(hub, clinic.clientId);
    kenpo.behave('ordinary');
    ahead += 301_000;
    await assert.rejects(openClaims(told), /401/);
    ahead = 0;
  });
});

describe('several forms in one answer', () => {
  it('come together, each with its row, in a chain that holds', async () => {
    const told = await userinfo(clinic, {
      name: null,
      health_insurance_valid: { delivery: 'distributed' },
      health_insurance: { delivery: 'sealed' },
      checkup_results: { delivery: 'aggregated' },
    });
    assert.equal(told.name, '山田　太郎');
    const opened = await openClaims(told);
    assert.deepEqual(Object.keys(opened).toSorted(), ['checkup_results', 'health_insurance', 'health_insurance_valid']);
    assert.deepEqual(await rows(4), {
      ...{ userinfo: ['sub', 'name'], distributed: ['health_insurance_valid'] },
      ...{ sealed: ['health_insurance'], aggregated: ['checkup_results'] },
    });
  });

  it('are left out with what the person leaves out, and cost nothing when they cannot be had', async () => {
    const claims = {
      userinfo: { health_insurance: { delivery: 'sealed' }, checkup_results: { delivery: 'aggregated' } },
    };
    const parameters = { scope: 'openid', prompt: 'consent', claims: JSON.stringify(claims) };
    const tokens = await clinic.signIn({ card: 'taro', agree: ['checkup_results'], parameters });
    assert.deepEqual(Object.keys(Object((await clinic.userinfo(tokens))._claim_names)), ['checkup_results']);
    kenpo.behave('wrong_signature');
    const told = await clinic.userinfo(tokens);
    kenpo.behave('ordinary');
    assert.equal(told._claim_names, undefined);
    const reason = { source: 'musubi-kenpo', reason: 'not_available' };
    assert.deepEqual(told.claims_unavailable, { checkup_results: reason });
    assert.deepEqual(await rows(1), { userinfo: ['sub'] });
  });
});

describe('a form that is not possible', () => {
  const reasonOf = (told: Record<string, unknown>, claim: string) =>
    (told.claims_unavailable as Record<string, unknown> | undefined)?.[claim];

  it('is said so of a provider that cannot make it, and of what the hub says itself', async () => {
    const told = await userinfo(clinic, {
      ...{ payment_token: { delivery: 'aggregated' }, name: { delivery: 'sealed' }, health_insurance: { delivery: 5 } },
    });
    assert.deepEqual(reasonOf(told, 'payment_token'), { source: 'musubi-card', reason: 'not_possible' });
    assert.deepEqual(reasonOf(told, 'name'), { source: 'hub', reason: 'not_possible' });
    assert.deepEqual(reasonOf(told, 'health_insurance'), { source: 'musubi-kenpo', reason: 'not_possible' });
  });

  it('is said so to a relying party without a key, or whose keys cannot be fetched', async () => {
    for (const metadata of [{}, { jwks_uri: 'http://127.0.0.1:9/jwks' }]) {
      const party = await newParty(metadata);
      const told = await userinfo(party, { health_insurance: { delivery: 'sealed' }, health_insurance_valid: null });
      assert.deepEqual(reasonOf(told, 'health_insurance'), { source: 'musubi-kenpo', reason: 'not_possible' });
      assert.equal(told.health_insurance_valid, true);
    }
  });

  it('cannot be registered', async () => {
    const refused = (claims_delivery: unknown, over = {}) =>
      assert.rejects(
        newParty({ claims_delivery, ...over }),
        ({ code }: { code: string }) => code === 'invalid_client_metadata',
      );
    await refused({ health_insurance: 'sealed' });
    await refused({ health_insurance: 'encrypted' });
    await refused({ name: 'aggregated' });
    await refused(['aggregated']);
  });
});

describe('the list of providers', () => {
  it('is public, and names those that are active', async () => {
    const listed = async () => {
      const answer = await fetch(new URL('/.well-known/attribute-providers', hub.issuer));
      return ((await answer.json()) as { providers: Record<string, unknown>[] }).providers;
    };
    assert.deepEqual(
      (await listed()).map(({ id, issuer }) => [id, issuer]),
      [
        ['musubi-card', card.url],
        ['musubi-kenpo', kenpo.url],
      ],
    );
    await hub.hub.attributeProviders.set('musubi-card', { isActive: false });
    assert.equal((await listed()).length, 1);
    await hub.hub.attributeProviders.set('musubi-card', { isActive: true });
  });
});
