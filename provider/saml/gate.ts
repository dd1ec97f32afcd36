import type { Clock } from '../world.ts';
import type { Arrival } from './bindings/arrival.ts';
import { readPost } from './bindings/post_binding.ts';
import { readRedirect } from './bindings/redirect_binding.ts';
import { readSoap } from './bindings/soap_binding.ts';
import { senderUnknown } from './errors.ts';
import { claimedIssuer, type Door, judgeArrival, type MessageOf } from './judge_arrival.ts';
import type { MessageKind } from './messages.ts';
import type { Binding } from './names.ts';
import type { ServiceProvider, ServiceProviders } from './service_provider.ts';

export interface GateOptions {
  readonly providers: ServiceProviders;
  readonly clock: Clock;
  /** Milliseconds by which clocks may differ. */
  readonly tolerance: number;
}

/** A message that its sender may rely on being taken for its own. */
export interface Judged<Kind extends MessageKind = MessageKind> {
  readonly message: MessageOf<Kind>;
  /** The sender. */
  readonly provider: ServiceProvider;
  /** Exactly as sent; at most 80 octets, without control characters. */
  readonly relayState: string | undefined;
  readonly binding: Binding;
}

/**
 * The one way in for messages of service providers. What passes was read from octets that a key of the sender's metadata
 * signed, or from a request that its sender does not sign; it is of now, for this address and of an expected kind. Whether
 * it came before is not known here.
 *
 * Each function throws HubError 400: `saml_malformed`, `saml_encrypted`, `saml_relay_state_invalid`,
 * `saml_service_unknown` (nobody knows the sender, or the signature is missing or wrong), `saml_wrong_destination`,
 * `saml_request_stale`.
 */
export interface Gate {
  /** @param query what follows the question mark, in the very octets that arrived */
  redirect<Kind extends MessageKind>(query: string, door: Door<Kind>): Promise<Judged<Kind>>;
  post<Kind extends MessageKind>(form: URLSearchParams, door: Door<Kind>): Promise<Judged<Kind>>;
  /** @param body at most `MESSAGE_LIMITS.octets` */
  soap<Kind extends MessageKind>(body: Uint8Array, door: Door<Kind>): Promise<Judged<Kind>>;
}

export function createGate({ providers, clock, tolerance }: GateOptions): Gate {
  async function judge<Kind extends MessageKind>(arrival: Arrival, door: Door<Kind>): Promise<Judged<Kind>> {
    const provider = await providers.find(claimedIssuer(arrival, door.kinds));
    if (!provider) throw senderUnknown('nobody of this name is registered');
    const message = judgeArrival(arrival, provider, { door, now: clock(), tolerance });
    return { message, provider, relayState: arrival.relayState, binding: arrival.binding };
  }
  return {
    redirect: async (query, door) => judge(readRedirect(query), door),
    post: async (form, door) => judge(readPost(form), door),
    soap: async (body, door) => judge(readSoap(body), door),
  };
}
