import { anchorSettings } from '../adapters/sandbox/hub_settings.ts';
import { metadataOf, newPartyKey } from '../test/protocol/saml_party.ts';
import { startTestHub } from '../test/support/hub.ts';
import { startTestAuthority } from '../test/support/sandbox_authority.ts';
import { SERVICE_PROVIDER } from './saml_driver.ts';
import { reportUsage } from './usage.ts';

/**
 * The hub as it is, on the database that MUSUBI_TEST_DATABASE names, with one relying party and the log a production
 * hub writes. The authority runs in this process but sleeps: sign-ins are decided by the list that the hub holds. With a
 * root of the benchmark's own as third argument, an `import` message takes a list of that root into service.
 */
const [redirectUri = '', alg = 'ES256', benchRoot] = process.argv.slice(2);
const authority = await startTestAuthority();
const hub = await startTestHub({
  authority,
  unwatched: true,
  settings: {
    ...(benchRoot && {
      trust: {
        anchors: [...(await anchorSettings(authority.dataFolder)), { name: 'bench', file: benchRoot, kind: 'signing' }],
      },
    }),
    mutualTls: undefined,
    signIn: { tls: undefined },
    revocation: { refreshSeconds: 3600 },
    rateLimits: { signInAttempts: 1_000_000, unauthenticatedWrites: 1_000_000 },
  },
});
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
process.on('disconnect', async () => {
  await hub.stop();
  await authority.stop();
});
