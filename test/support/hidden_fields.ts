/** Hidden fields of the page's forms. */
export function hiddenFields(html: string): Record<string, string> {
  const fields = html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g);
  return Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, plainText(value)]));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#34': '"',
  '#39': "'",
};

function plainText(text: string): string {
  return text.replace(/&(#?\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity);
}

/** Where the form that holds `mark` is sent, as an absolute address. */
export function formAction(html: string, mark: string, base: string): string {
  const form = html.match(/<form [^>]*>/g)?.find((tag) => tag.includes(mark));
  return new URL(/action="([^"]*)"/.exec(form ?? '')?.[1] ?? '', base).href;
}
