import type { Provider } from 'oidc-provider';
import type { ConsentsWorld } from '../consent/consents.ts';
import type { Identity } from '../identity/identity.ts';
import { sectorOf } from './engine.ts';
import { inLanguage } from './pages.ts';

/** The two sides of a consent out of the relying party's registration, as the consent page names it. */
export function createReceiptParties(
  engine: () => Provider,
  identity: Pick<Identity, 'pairwiseIdentifier'>,
): ConsentsWorld['parties'] {
  return async (subjectId, clientId, language) => {
    const client = await engine().Client.find(clientId);
    if (!client) {
      const controller = { id: clientId, name: clientId, contacts: [], url: undefined, privacyPolicyUrl: undefined };
      return { controller, subject: undefined };
    }
    const sector = sectorOf(client);
    return {
      controller: {
        id: clientId,
        name: inLanguage(client, 'client_name', language) ?? sector,
        contacts: client.contacts ?? [],
        url: client.clientUri,
        privacyPolicyUrl: client.policyUri,
      },
      subject: await identity.pairwiseIdentifier(subjectId, sector),
    };
  };
}
