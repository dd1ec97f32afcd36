import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningProvider } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { enrolAt, startRegisteredProvider } from '../support/providers.ts';
import {
  createNeighbourAuthority,
  type NeighbourAuthority,
  trustInThisProcess,
  writeIdentity,
} from '../support/tls_neighbours.ts';
import { createRelyingParty, type RelyingParty, type Tokens } from './relying_party.ts';

const CLAIMS = ['health_insurance_valid', 'card_customer_valid'];
const SCOPE = `openid name ${CLAIMS.join(' ')}`;
/** Milliseconds after which files are read again, and a provider that failed is asked again. */
const MINUTE = 60_000;
/** Milliseconds after which a connection is made anew. */
const LIFETIME = 5 * MINUTE;
let ahead = 0;
const clock = () => Date.now() + ahead;

let authority: NeighbourAuthority;
let files: ReturnType<typeof writeIdentity>;
let hub: TestHub;
/** Lets in whom the authority names. */
let insurer: RunningProvider;
/** Lets in everybody. */
let card: RunningProvider;
let clinic: RelyingParty;
let tokens: Tokens;

before(async () => {
  authority = await createNeighbourAuthority();
  trustInThisProcess(authority);
  files = writeIdentity(await authority.client('hub'));
  const { certificateFile, keyFile } = files;
  hub = await startTestHub({ clock, settings: { attributes: { clientCertificate: { certificateFile, keyFile } } } });
  const tls = { ...(await authority.server()), ca: authority.ca, requestCert: true, rejectUnauthorized: true };
  insurer = await startRegisteredProvider(hub, SANDBOX_PROVIDERS.kenpo, clock, tls);
  card = await startRegisteredProvider(hub, SANDBOX_PROVIDERS.card, clock);
  clinic = await createRelyingParty(hub, { scope: SCOPE });
  await hub.hub.attributeProviders.accept(clinic.clientId, CLAIMS, true);
  const taro = await enrolAt(hub, clinic, 'taro');
  await hub.hub.memberships.bind(taro, 'musubi-kenpo', { symbol: '12345', number: '6789' });
  await hub.hub.memberships.bind(taro, 'musubi-card', { last_digits: '4242' });
  const parameters = { scope: SCOPE, prompt: 'consent' };
  tokens = await clinic.signIn({ card: 'taro', parameters });
});
after(async () => {
  await hub?.stop();
  await Promise.all([insurer?.close(), card?.close()]);
  files?.remove();
});

describe('a provider that asks for the hub’s certificate', () => {
  it('is asked over mutual TLS', async () => {
    assert.equal(new URL(insurer.url).protocol, 'https:');
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
  });

  it('that does not know it any more costs its own claim only, until there is another one', async () => {
    files.replace(await (await createNeighbourAuthority()).client('hub'));
    ahead += LIFETIME;
    // Over the connection that was kept, for the last time.
    await clinic.userinfo(tokens);
    const told = await clinic.userinfo(tokens);
    assert.equal(told.health_insurance_valid, undefined);
    assert.deepEqual(told.claims_unavailable, {
      health_insurance_valid: { source: 'musubi-kenpo', reason: 'not_available' },
    });
    assert.equal(told.card_customer_valid, true);
    assert.equal(told.name, '山田　太郎');

    files.replace(await authority.client('hub'));
    ahead += MINUTE;
    assert.equal((await clinic.userinfo(tokens)).health_insurance_valid, true);
  });
});
