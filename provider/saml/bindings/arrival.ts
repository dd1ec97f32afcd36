import type { Binding } from '../names.ts';
import type { RedirectSignature } from '../signature/redirect_signature.ts';
import type { XmlElement } from '../xml/xml_element.ts';

/** The parameter that carries a message by redirect and post; requests and responses have one each. */
export type Parameter = 'SAMLRequest' | 'SAMLResponse';

/** A message as a binding brought it, of which nothing has been verified. */
export interface Arrival {
  readonly binding: Binding;
  readonly unverifiedRoot: XmlElement;
  /** Elements around the message, the outermost first. */
  readonly ancestors: readonly XmlElement[];
  /** Undefined by SOAP. */
  readonly parameter: Parameter | undefined;
  readonly relayState: string | undefined;
  readonly redirectSignature: RedirectSignature | undefined;
}
