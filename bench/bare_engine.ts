import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { reportUsage } from './usage.ts';

/**
 * The yardstick: oidc-provider as its own quick start sets it up: in-memory store, RS256, development interactions
 * (any name is accepted, no card, no database). Driven by the same driver, in the same run.
 */
const [redirectUri = '', alg = 'RS256'] = process.argv.slice(2);

const { privateKey } =
  alg === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const engine = new Provider(issuer, {
    clients: [
      {
        client_id: 'bench',
        client_secret: 'bench-secret',
        redirect_uris: [redirectUri],
        id_token_signed_response_alg: alg as 'RS256',
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' } as never] },
    cookies: { keys: ['bench'] },
    pkce: { required: () => true },
  });
  server.on('request', engine.callback());
  reportUsage({ issuer, clientId: 'bench', clientSecret: 'bench-secret' });
});
