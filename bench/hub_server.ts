import { startTestHub } from '../test/support/hub.ts';
import { reportUsage } from './usage.ts';

/**
 * The hub as it is, on the database that MUSUBI_TEST_DATABASE names, with one relying party and the log a production
 * hub writes. The authority runs in this process but sleeps: sign-ins are decided by the list that the hub holds.
 */
const [redirectUri = '', alg = 'ES256'] = process.argv.slice(2);
const hub = await startTestHub({
  settings: {
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
reportUsage({
  issuer: hub.issuer,
  clientId: client.client_id,
  clientSecret: client.client_secret,
  cards: hub.authority.cardsFolder,
});
process.on('disconnect', () => hub.stop());
