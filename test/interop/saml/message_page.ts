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

/** Sends on whatever request or answer a page holds, as browsers do, until there is a page that holds none. */
export async function sendMessagesOn(browser: HttpBrowser, first: Visited): Promise<Visited> {
  let page = first;
  for (let message = messagePage(page); message; message = messagePage(page)) {
    page = await browser.post(message.action, message.fields);
  }
  return page;
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
