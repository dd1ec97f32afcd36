import { readBase64 } from '../base64.ts';
import { malformed } from '../errors.ts';
import { MESSAGE_LIMITS, readXml } from '../xml/read_xml.ts';
import type { Arrival, Parameter } from './arrival.ts';
import { checkRelayState } from './relay_state.ts';

/**
 * Reads a message out of a form (SAML Bindings §3.5.4).
 *
 * @throws HubError 400 `saml_malformed`, `saml_relay_state_invalid`
 */
export function readPost(form: URLSearchParams): Arrival {
  const request = onlyValue(form, 'SAMLRequest');
  const response = onlyValue(form, 'SAMLResponse');
  const message = request ?? response;
  if (message === undefined || (request !== undefined && response !== undefined)) {
    throw malformed('the form does not have exactly one message');
  }
  const parameter: Parameter = request === undefined ? 'SAMLResponse' : 'SAMLRequest';
  const relayState = onlyValue(form, 'RelayState');
  const octets = readBase64(message, MESSAGE_LIMITS.octets, 'may_be_broken');
  if (!octets) throw malformed('the message is not base64, or too large');
  return {
    binding: 'post',
    unverifiedRoot: readXml(octets),
    ancestors: [],
    parameter,
    relayState: relayState === undefined ? undefined : checkRelayState(relayState),
    redirectSignature: undefined,
  };
}

function onlyValue(form: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = form.getAll(name);
  if (more.length > 0) throw malformed('a parameter is there more than once');
  return value;
}
