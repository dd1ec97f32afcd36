/**
 * What stands at a place of a JSON document; undefined when nothing does.
 *
 * @param place the name of a member, or a JSON Pointer (RFC 6901), which begins with a slash.
 */
export function memberAt(document: unknown, place: string): unknown {
  const steps = place.startsWith('/')
    ? place
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [place];
  return steps.reduce(memberOf, document);
}

function memberOf(value: unknown, step: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  // The length of a list is no member of the document.
  if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(step)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[step];
}
