import { join } from 'node:path';
import { ensureProviderKey, registerProviders } from '../adapters/sandbox/attribute_providers/register_providers.ts';
import { SANDBOX_PROVIDERS } from '../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import { startNeighbour } from '../adapters/sandbox/neighbour.ts';
import { enrolCitizen } from '../test/protocol/enrol_citizen.ts';
import { formOf } from '../test/support/enrol.ts';
import { FRESH_CLAIMS } from './fresh_claims.ts';
import { startMeasuredHub } from './measured_hub.ts';
import { reportUsage } from './usage.ts';

/**
 * A hub with two insurers and a card issuer, each a process of its own, with people who are customers of one of the insurers
 * and of the card issuer, and with one relying party that may be told of it.
 */
const CUSTOMERS = { taro: ['kenpo', 'card'], ichiro: ['kokuho', 'card'] } as const;

const [redirectUri = ''] = process.argv.slice(2);
const hub = await startMeasuredHub();
const { attributeProviders, clients, memberships, storage } = hub.hub;

const folder = join(hub.authority.dataFolder, 'sandbox');
const running = await Promise.all(
  (['kenpo', 'kokuho', 'card'] as const).map(async (name) => {
    const { file, keys } = await ensureProviderKey(folder, name);
    const args = ['--provider', name, '--issuer', hub.issuer, '--key', file];
    const { listening } = await startNeighbour(name, './attribute_providers/main.ts', args);
    return { provider: SANDBOX_PROVIDERS[name], url: String(listening), keys };
  }),
);
await registerProviders(attributeProviders, running);

const client = await clients.add({ redirect_uris: [redirectUri], id_token_signed_response_alg: 'ES256' });
await attributeProviders.accept(String(client.client_id), FRESH_CLAIMS, true);

for (const [card, providers] of Object.entries(CUSTOMERS)) {
  await enrolCitizen(hub, card);
  const enrolments = (await storage.audit.read(0n, 10_000)).filter(({ kind }) => kind === 'subject.enrolled');
  const subjectId = enrolments.at(-1)?.subjectId ?? '';
  for (const name of providers) {
    const { id, customers } = SANDBOX_PROVIDERS[name];
    const customer = customers.find((each) => each.name === formOf(hub, card).name);
    await memberships.bind(subjectId, id, customer?.knows ?? {});
  }
}
reportUsage({
  issuer: hub.issuer,
  clientId: client.client_id,
  clientSecret: client.client_secret,
  cards: hub.authority.cardsFolder,
  people: Object.keys(CUSTOMERS),
});
