import { relayStateInvalid } from '../errors.ts';

/** SAML Bindings §3.4.3, §3.5.3. */
const MAX_OCTETS = 80;

/**
 * A RelayState, which means something to its sender alone and goes back as it came. What is in it is never read; whoever
 * writes it into a page escapes it.
 *
 * @throws HubError 400 `saml_relay_state_invalid` for more than 80 octets, and for control characters
 */
export function checkRelayState(relayState: string): string {
  if (Buffer.byteLength(relayState, 'utf8') > MAX_OCTETS) throw relayStateInvalid('it has more than 80 octets');
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(relayState) || !relayState.isWellFormed()) {
    throw relayStateInvalid('it has control characters');
  }
  return relayState;
}
