import type { Provider } from 'oidc-provider';
import { HubError } from '../errors.ts';
import { assertRegisteredFor } from '../oidc/bearer_guard.ts';
import { sectorOf } from '../oidc/engine.ts';
import { STATUS_CHECK } from '../oidc/own_resources.ts';
import type { AskingParty } from './status_check.ts';

/**
 * The relying party that a command asks for.
 *
 * @throws HubError `client_not_found`, `status_check_not_allowed`.
 */
export async function askingParty(engine: Provider, clientId: string): Promise<AskingParty> {
  const client = await engine.Client.find(clientId);
  if (!client) throw new HubError('client_not_found', 404, `No client ${clientId} is registered.`);
  assertRegisteredFor(client, STATUS_CHECK);
  return { clientId, sector: sectorOf(client) };
}
