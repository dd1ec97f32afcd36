import type { CallServiceProvider } from '../../oidc/logout_notices.ts';
import type { Answers } from '../answers/answers.ts';
import { writeSoapEnvelope } from '../answers/bindings.ts';
import type { Gate } from '../gate.ts';
import type { LogoutResponse } from '../messages.ts';
import { STATUS } from '../names.ts';
import type { ServiceProviders } from '../service_provider.ts';
import { MESSAGE_LIMITS } from '../xml/read_xml.ts';
import { endpointBy } from './endpoints.ts';

/** SOAP 1.1 §6.1.1. */
const CONTENT_TYPE = 'text/xml; charset=utf-8';
/** SAML Bindings §3.2.3.1. */
const SOAP_ACTION = '"http://www.oasis-open.org/committees/security"';

/**
 * Asks a service provider by SOAP to end a session (SAML Profiles §4.4.3.3). Its answer has to pass the gate like any other
 * message, and to answer this request.
 *
 * @param world.address the hub's own: what a Destination in the answer must be.
 * @param world.fetch guarded and with a time limit.
 */
export function createServiceProviderCall(world: {
  answers: Answers;
  gate: Gate;
  providers: ServiceProviders;
  fetch: typeof fetch;
  address: string;
}): CallServiceProvider {
  const { answers, gate, providers, address } = world;
  const door = { address, kinds: ['LogoutResponse'] as const };

  return async ({ clientId, sid, nameId }) => {
    const provider = await providers.find(clientId);
    const endpoint = endpointBy(provider, 'soap');
    if (!endpoint || !nameId) return 'no_channel';
    const draft = answers.logoutRequest({ destination: endpoint.location, nameId, sessionIndexes: [sid] });
    const { id, xml } = await answers.sign(draft);
    const response = await world.fetch(endpoint.location, {
      method: 'POST',
      headers: { 'Content-Type': CONTENT_TYPE, SOAPAction: SOAP_ACTION },
      body: writeSoapEnvelope(xml),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (!response.ok || body.length > MESSAGE_LIMITS.octets) throw new Error(`answered with status ${response.status}`);
    const { message } = await gate.soap(body, door);
    if (message.issuer !== clientId || message.inResponseTo !== id) throw new Error('the answer is to something else');
    if (!isSuccess(message)) throw new Error('the service provider did not end the session');
    return 'told';
  };
}

/** That it could not tell others (a service provider that is itself a hub) is no success to rely on. */
export function isSuccess({ statusCodes }: LogoutResponse): boolean {
  return statusCodes[0] === STATUS.success && !statusCodes.includes(STATUS.partialLogout);
}
