/** A piece of an XML document as the rest of saml/ sees it: elements and text, nothing else. */
export interface XmlElement {
  /** As written; '' for none. It means nothing by itself and is kept for canonicalisation. */
  readonly prefix: string;
  readonly local: string;
  /** '' for none. */
  readonly namespace: string;
  /** Without namespace declarations; in the order of the document. */
  readonly attributes: readonly XmlAttribute[];
  /** Namespace declarations of this very element: prefix ('' for the default one) → URI. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Neighbouring pieces of text are one. */
  readonly children: readonly (XmlElement | string)[];
}

export interface XmlAttribute {
  readonly prefix: string;
  readonly local: string;
  /** '' for an attribute without prefix (Namespaces in XML §6.2). */
  readonly namespace: string;
  readonly value: string;
}

export function childElements(element: XmlElement): readonly XmlElement[] {
  return element.children.filter((child): child is XmlElement => typeof child !== 'string');
}

export function isNamed(element: XmlElement, namespace: string, local: string): boolean {
  return element.namespace === namespace && element.local === local;
}

/** The direct children with this name. */
export function childrenNamed(element: XmlElement, namespace: string, local: string): readonly XmlElement[] {
  return childElements(element).filter((child) => isNamed(child, namespace, local));
}

/** The value of an attribute, which has no namespace unless one is given. */
export function attributeOf(element: XmlElement, local: string, namespace = ''): string | undefined {
  return element.attributes.find((attribute) => attribute.namespace === namespace && attribute.local === local)?.value;
}

/** The text of an element that holds nothing but text, without white space around it; undefined when it holds elements. */
export function textOf(element: XmlElement): string | undefined {
  return element.children.every((child) => typeof child === 'string') ? element.children.join('').trim() : undefined;
}
