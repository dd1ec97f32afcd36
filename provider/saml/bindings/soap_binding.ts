import { malformed } from '../errors.ts';
import { NAMESPACES } from '../names.ts';
import { readChildren } from '../xml/child_reader.ts';
import { readXml } from '../xml/read_xml.ts';
import { childElements, type XmlElement } from '../xml/xml_element.ts';
import type { Arrival } from './arrival.ts';

/**
 * Reads a message out of a SOAP 1.1 envelope (SAML Bindings §3.2.2): one element in the Body and nothing behind it. Headers
 * are passed over, unless one must be understood.
 *
 * @throws HubError 400 `saml_malformed`
 */
export function readSoap(body: Uint8Array): Arrival {
  const envelope = readXml(body);
  if (envelope.namespace !== NAMESPACES.soap || envelope.local !== 'Envelope')
    throw malformed('it is no SOAP envelope');
  const parts = readChildren(envelope);
  const header = parts.optional(NAMESPACES.soap, 'Header');
  if (header && childElements(header).some(mustBeUnderstood)) throw malformed('a header would have to be understood');
  const soapBody = parts.required(NAMESPACES.soap, 'Body');
  parts.finish();
  const [message, ...more] = childElements(soapBody);
  if (!message || more.length > 0) throw malformed('the SOAP body does not have exactly one element');
  const unsigned = { parameter: undefined, relayState: undefined, redirectSignature: undefined };
  return { binding: 'soap', unverifiedRoot: message, ancestors: [envelope, soapBody], ...unsigned };
}

/** Whatever is not plainly `0` (SOAP 1.1 §4.2.3). */
function mustBeUnderstood({ attributes }: XmlElement): boolean {
  return attributes.some(
    ({ namespace, local, value }) => namespace === NAMESPACES.soap && local === 'mustUnderstand' && value !== '0',
  );
}
