import type { Client } from 'oidc-provider';
import type { Consents } from '../consent/consents.ts';
import { mayIntrospect } from './client_policy.ts';

interface IntrospectedToken {
  /** The hub's id of the person; undefined for a client's token of its own. */
  readonly accountId?: string;
  readonly clientId?: string;
  readonly aud?: string | string[];
}

/**
 * Whether a client is told about a token. What it is told names the person whose token it is: that is a disclosure, under
 * the consent that the token rests on, whoever asks. Without a live consent the token is not active.
 */
export function createIntrospectionPolicy(consents: Pick<Consents, 'releaseIdentifier'>) {
  return async (client: Client, token: IntrospectedToken): Promise<boolean> => {
    if (!mayIntrospect(client, token)) return false;
    const { accountId: subjectId, clientId } = token;
    if (subjectId === undefined || clientId === undefined) return true;
    return consents.releaseIdentifier({ subjectId, clientId, exit: 'introspection' });
  };
}
