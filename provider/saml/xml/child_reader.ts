import { malformed } from '../errors.ts';
import { childElements, isNamed, type XmlElement } from './xml_element.ts';

/** The children of an element in the order that its schema gives them: what comes out of order, or twice, is refused. */
export interface ChildReader {
  /** The next child if it has this name. */
  optional(namespace: string, local: string): XmlElement | undefined;
  /** The next child, which must have this name. Throws HubError `saml_malformed`. */
  required(namespace: string, local: string): XmlElement;
  /** The next children as far as they have this name. Throws HubError `saml_malformed` for more than `most`. */
  several(namespace: string, local: string, most: number): readonly XmlElement[];
  /** Throws HubError `saml_malformed` when there are children that nobody has read. */
  finish(): void;
}

/** @throws HubError 400 `saml_malformed` when there is text between the children */
export function readChildren(element: XmlElement): ChildReader {
  if (element.children.some((child) => typeof child === 'string' && /[^ \t\r\n]/.test(child))) {
    throw malformed('there is text where only elements may be');
  }
  const children = childElements(element);
  let next = 0;
  const optional = (namespace: string, local: string) => {
    const child = children[next];
    if (!child || !isNamed(child, namespace, local)) return undefined;
    next += 1;
    return child;
  };
  return {
    optional,
    required(namespace, local) {
      const child = optional(namespace, local);
      if (!child) throw malformed('an element is missing, or out of order');
      return child;
    },
    several(namespace, local, most) {
      const found: XmlElement[] = [];
      for (let child = optional(namespace, local); child; child = optional(namespace, local)) found.push(child);
      if (found.length > most) throw malformed('an element is there too often');
      return found;
    },
    finish() {
      if (next < children.length) throw malformed('there is an element that has no place there');
    },
  };
}
