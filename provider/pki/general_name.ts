import type { DerElement } from './der.ts';
import { contextConstructed, contextPrimitive, malformed, openSequence } from './der.ts';

/** Identifier octets of GeneralName (RFC 5280 §4.2.1.6). A directoryName is tagged explicitly, since Name is a CHOICE. */
export const GeneralNameTag = {
  otherName: contextConstructed(0),
  rfc822Name: contextPrimitive(1),
  dNSName: contextPrimitive(2),
  x400Address: contextConstructed(3),
  directoryName: contextConstructed(4),
  ediPartyName: contextConstructed(5),
  uniformResourceIdentifier: contextPrimitive(6),
  iPAddress: contextPrimitive(7),
  registeredID: contextPrimitive(8),
} as const;

const known: ReadonlySet<number> = new Set(Object.values(GeneralNameTag));

/** One GeneralName, unread beyond its kind. */
export interface GeneralName {
  /** One of `GeneralNameTag`. */
  readonly tag: number;
  /** Of a directoryName: the DER of the Name; of everything else: the content octets. */
  readonly value: Uint8Array;
}

/** Throws `der_malformed` for a kind that does not exist. */
export function readGeneralName(element: DerElement): GeneralName {
  if (!known.has(element.tag)) throw malformed('a general name is of no known kind');
  if (element.tag !== GeneralNameTag.directoryName) return { tag: element.tag, value: element.content };
  const inner = element.open();
  const name = inner.next();
  inner.finish();
  return { tag: element.tag, value: name.der };
}

/** The names of a `GeneralNames` from its DER. Throws `der_malformed`. */
export function readGeneralNames(der: Uint8Array): GeneralName[] {
  const reader = openSequence(der);
  const names: GeneralName[] = [];
  while (!reader.atEnd) names.push(readGeneralName(reader.next()));
  return names;
}
