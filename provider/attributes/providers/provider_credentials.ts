import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock, Random } from '../../world.ts';
import type { ProviderCredentials } from './openid_providers.ts';
import { ProviderSilent, type QuestionSigner } from './provider_questions.ts';

const PURPOSE_SECRET = 'provider.client_secret';
/** Seconds: it is sent at once. */
const ASSERTION_LIFETIME = 60;

export function createProviderCredentials(world: {
  storage: Pick<Storage, 'providerSignIns'>;
  vault: Vault;
  statements: QuestionSigner;
  clock: Clock;
  random: Random;
}): ProviderCredentials {
  const { storage, vault, statements, clock, random } = world;
  return {
    async assertion(clientId, audience) {
      const iat = Math.floor(clock() / 1000);
      const jti = Buffer.from(random(16)).toString('base64url');
      // Of the plain type: OpenID Providers that look at it know no other.
      return statements.sign('JWT', {
        ...{ iss: clientId, sub: clientId, aud: audience, jti, iat, exp: iat + ASSERTION_LIFETIME },
      });
    },

    async secret(providerId) {
      const sealed = await storage.providerSignIns.findSecret(providerId);
      if (!sealed) throw new ProviderSilent('secret_missing');
      return Buffer.from(vault.open(PURPOSE_SECRET, sealed)).toString();
    },
  };
}

export function sealClientSecret(vault: Vault, secret: string): Uint8Array {
  return vault.seal(PURPOSE_SECRET, Buffer.from(secret));
}
