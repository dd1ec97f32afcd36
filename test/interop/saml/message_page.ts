import type { HttpBrowser, Visited } from '../../support/http_browser.ts';

/** A page that sends a SAML message on when it is opened (SAML Bindings §3.5.4), whoever made it. */
export interface MessagePage {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Undefined for any other page. */
export function messagePage({ text, url }: Visited): MessagePage | undefined {
  for (const [form] of text.matchAll(/<form\b[^>]*\bmethod="post"[\s\S]*?<\/form>/gi)) {
    const [tag = '', ...inputs] = form.match(/<(?:form|input)\b[^>]*>/gi) ?? [];
    const fields = Object.fromEntries(inputs.map((input) => [attributeOf(input, 'name'), attributeOf(input, 'value')]));
    if ('SAMLRequest' in fields || 'SAMLResponse' in fields) {
      return { action: new URL(attributeOf(tag, 'action'), url).href, fields };
    }
  }
  return undefined;
}

/**
 * Sends on whatever message a page holds and goes on from pages that lead further by themselves, as browsers do, until there is
 * a page that does neither, or one with a message for an address that begins with `stopAt`, or a redirect to such an address.
 */
export async function goOn(browser: HttpBrowser, first: Visited, options: { stopAt?: string } = {}): Promise<Visited> {
  let page = first;
  for (;;) {
    const message = messagePage(page);
    const next = /^0;url=(.+)$/.exec(page.headers.get('refresh') ?? '')?.[1];
    if (message && options.stopAt !== undefined && message.action.startsWith(options.stopAt)) return page;
    if (message) page = await browser.post(message.action, message.fields, options);
    else if (next !== undefined) page = await browser.get(new URL(next, page.url).href, options);
    else return page;
  }
}

function attributeOf(tag: string, name: string): string {
  const [, value = ''] = new RegExp(`\\s${name}="([^"]*)"`, 'i').exec(tag) ?? [];
  return withoutEntities(value);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text that an HTML page means. */
export function withoutEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (entity, decimal, hexadecimal, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hexadecimal !== undefined) return String.fromCodePoint(Number.parseInt(hexadecimal, 16));
    return ENTITIES[name] ?? entity;
  });
}
