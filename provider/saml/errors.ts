import { HubError } from '../errors.ts';

/* What the gate refuses with. `why` is for the log: a phrase with nothing of the message in it. */

export function malformed(why: string, cause?: unknown): HubError {
  return refusal('saml_malformed', 'The message is not SAML as this hub reads it.', why, cause);
}

/** A sender nobody knows, and one who did not prove to be who they claim: outside they are told the same. */
export function senderUnknown(why: string, cause?: unknown): HubError {
  const sentence = 'The sender is not registered here, or the message is not signed as it must be.';
  return refusal('saml_service_unknown', sentence, why, cause);
}

export function stale(why: string): HubError {
  return refusal('saml_request_stale', 'The message is too old, or its time has not come.', why);
}

export function wrongDestination(why: string): HubError {
  return refusal('saml_wrong_destination', 'The message was meant for another address.', why);
}

export function relayStateInvalid(why: string): HubError {
  return refusal('saml_relay_state_invalid', 'The RelayState is longer than 80 octets, or is not text.', why);
}

export function encrypted(): HubError {
  const sentence = 'The message has encrypted parts; this hub publishes no key to encrypt for.';
  return refusal('saml_encrypted', sentence, 'it has encrypted parts');
}

function refusal(code: string, sentence: string, why: string, cause?: unknown): HubError {
  return new HubError(code, 400, sentence, { details: { why }, ...(cause !== undefined && { cause }) });
}
