import type { KeySetSource } from '../../provider/attributes/providers/provider_keys.ts';
import { ProviderSilent } from '../../provider/attributes/providers/provider_questions.ts';
import { createGuardedFetch, OutboundError } from '../outbound/guarded_fetch.ts';
import type { ProviderTransportSettings } from './provider_transport.ts';

/** Octets of a key set: dozens of RSA keys with their certificates. */
const MAX_KEY_SET = 65_536;

/** Key sets at the addresses that the operator registered. */
export function createKeySetSource(settings: ProviderTransportSettings): KeySetSource {
  return {
    async fetch(url) {
      const fetch = createGuardedFetch({
        ...settings,
        maxBody: MAX_KEY_SET,
        allowedNetworks: [],
        places: { configured: [new URL(url).origin], allowed: [], clientCertificate: settings.clientCertificate },
      });
      try {
        const answer = await fetch(url, { headers: { accept: 'application/jwk-set+json, application/json' } });
        if (answer.status !== 200) throw new ProviderSilent(`status_${answer.status}`);
        return await answer.json();
      } catch (cause) {
        if (cause instanceof ProviderSilent) throw cause;
        throw new ProviderSilent(cause instanceof OutboundError ? cause.code : 'keys_malformed', { cause });
      }
    },
  };
}
