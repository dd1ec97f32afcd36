import { type IncomingHttpHeaders, request } from 'node:http';
import type { HttpBrowser, Visited } from '../support/http_browser.ts';

export interface Cookie {
  name: string;
  value: string;
  path: string;
  /** The attributes as the server wrote them, lower case. */
  attributes: string[];
}

/** A browser whose cookies can be looked at and changed, and which can be led to a server of another name. */
export interface OpenBrowser extends HttpBrowser {
  cookies: Cookie[];
  /** The form as several impatient clicks send it: everything is on its way before the last octet of the first is sent. */
  postAtOnce(
    times: number,
    url: string,
    form: Record<string, string>,
    ready: () => Promise<unknown>,
  ): Promise<Visited[]>;
}

export interface RawRequest {
  method?: string;
  /** Anything, `Host` too. */
  headers?: Record<string, string | string[]>;
  body?: string;
  /** The last octet of the body is kept back until then. */
  hold?: Promise<unknown>;
  /** Port on the loopback that is asked, whatever the address says; default the address's own. */
  port?: number | undefined;
}

const MAX_REDIRECTS = 20;

/** One request as it is, without redirects, cookies or a will of its own. */
export function sendRaw(address: string | URL, { method = 'GET', headers = {}, body, hold, port }: RawRequest = {}) {
  const url = new URL(address);
  const { promise, resolve, reject } = Promise.withResolvers<Visited & { rawHeaders: IncomingHttpHeaders }>();
  const sent = request(
    {
      host: '127.0.0.1',
      port: port ?? url.port,
      path: `${url.pathname}${url.search}`,
      method,
      agent: false,
      headers: {
        host: url.host,
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
    },
    (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const received = new Headers();
        for (const [name, values] of Object.entries(answer.headersDistinct)) {
          for (const value of values ?? []) received.append(name, value);
        }
        resolve({
          url: url.href,
          status: answer.statusCode ?? 0,
          headers: received,
          text: Buffer.concat(chunks).toString(),
          rawHeaders: answer.headers,
        });
      });
    },
  );
  sent.on('error', reject);
  if (hold === undefined) sent.end(body);
  else {
    sent.write(body?.slice(0, -1));
    void hold.then(() => sent.end(body?.slice(-1)));
  }
  return promise;
}

export function createOpenBrowser({ port }: { port?: number } = {}): OpenBrowser {
  const browser: OpenBrowser = {
    cookies: [],
    get: (url, options) => visit(url, {}, options),
    post: (url, form, options) =>
      visit(url, { method: 'POST', body: new URLSearchParams(form).toString(), headers: FORM }, options),
    async postAtOnce(times, url, form, ready) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const headers = { ...FORM, cookie: cookiesFor(new URL(url).pathname) };
      const body = new URLSearchParams(form).toString();
      const answers = Array.from({ length: times }, () =>
        sendRaw(url, { method: 'POST', headers, body, hold: promise, port }),
      );
      await ready();
      resolve();
      return Promise.all(answers);
    },
  };
  return browser;

  async function visit(
    address: string,
    first: RawRequest,
    { headers, stopAt }: { headers?: Record<string, string>; stopAt?: string } = {},
  ): Promise<Visited> {
    let url = new URL(address);
    let init = first;
    for (let hops = 0; hops < MAX_REDIRECTS; hops += 1) {
      if (stopAt && url.href.startsWith(stopAt)) {
        return { url: url.href, status: 0, headers: new Headers(), text: '' };
      }
      const cookie = cookiesFor(url.pathname);
      const answer = await sendRaw(url, {
        ...init,
        headers: { ...init.headers, ...headers, ...(cookie === '' ? {} : { cookie }) },
        port,
      });
      keep(answer.headers.getSetCookie());
      const location = answer.headers.get('location');
      if (!location) return answer;
      url = new URL(location, url);
      init = {};
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects from ${address}`);
  }

  function cookiesFor(pathname: string): string {
    return browser.cookies
      .filter(({ path }) => pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  function keep(headers: readonly string[]): void {
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split(/;\s*/);
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2);
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      browser.cookies = browser.cookies.filter((held) => held.name !== name || held.path !== path);
      if (value !== '')
        browser.cookies.push({ name, value, path, attributes: attributes.map((text) => text.toLowerCase()) });
    }
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
