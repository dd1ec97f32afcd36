import { metadataOf, newPartyKey } from '../test/protocol/saml_party.ts';
import { startMeasuredHub } from './measured_hub.ts';
import { SERVICE_PROVIDER } from './saml_driver.ts';
import { reportUsage } from './usage.ts';

/**
 * A hub with one relying party. With a root of the benchmark's own as third argument, an `import` message takes a list of
 * that root into service.
 */
const [redirectUri = '', alg = 'ES256', benchRoot] = process.argv.slice(2);
const hub = await startMeasuredHub(benchRoot);
const client = await hub.hub.clients.add({
  redirect_uris: [redirectUri],
  scope: 'openid card_status',
  id_token_signed_response_alg: alg,
});
const key = newPartyKey();
const document = Buffer.from(metadataOf(SERVICE_PROVIDER.entityId, SERVICE_PROVIDER.acs, key));
await hub.hub.serviceProviders.add({ kind: 'file', document }, { settings: { claims: ['card_status'] } });
reportUsage({
  issuer: hub.issuer,
  clientId: client.client_id,
  clientSecret: client.client_secret,
  cards: hub.authority.cardsFolder,
  samlKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
});
process.on('message', async (message: { import?: string }) => {
  if (message.import === undefined) return;
  const start = performance.now();
  const { entries } = await hub.hub.lists.import(message.import, 'bench');
  process.send?.({ imported: { entries, milliseconds: performance.now() - start } });
});
