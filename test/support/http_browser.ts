/** A browser without pages: it keeps cookies as browsers do (by host, not by port) and follows redirects. */
export interface HttpBrowser {
  /** Requests `url` and follows redirects until a page, or until one that `stopAt` names is about to be requested. */
  get(url: string, options?: VisitOptions): Promise<Visited>;
  post(url: string, form: Record<string, string> | [string, string][], options?: VisitOptions): Promise<Visited>;
}

interface VisitOptions {
  headers?: Record<string, string>;
  /** Do not request an address that begins so; return it as `url` with status 0. */
  stopAt?: string;
}

export interface Visited {
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

interface Cookie {
  host: string;
  path: string;
  name: string;
  value: string;
}

const MAX_REDIRECTS = 20;

/** How a browser sends one request, without following it. */
type SendRequest = (
  url: string,
  init: Omit<RequestInit, 'headers'> & { headers: Record<string, string> },
) => Promise<Response>;

/** @param send for those who show a client certificate; default the platform's fetch */
export function createHttpBrowser({ send = fetch }: { send?: SendRequest } = {}): HttpBrowser {
  let cookies: Cookie[] = [];

  async function visit(address: string, first: RequestInit, { headers, stopAt }: VisitOptions = {}): Promise<Visited> {
    let url = new URL(address);
    let init = first;
    for (let hops = 0; hops < MAX_REDIRECTS; hops += 1) {
      if (stopAt && url.href.startsWith(stopAt)) {
        return { url: url.href, status: 0, headers: new Headers(), text: '' };
      }
      const response = await send(url.href, {
        ...init,
        redirect: 'manual',
        headers: { ...headers, cookie: cookiesFor(url) },
      });
      keep(url, response.headers.getSetCookie());
      const location = response.headers.get('location');
      const text = await response.text();
      if (!location) return { url: url.href, status: response.status, headers: response.headers, text };
      url = new URL(location, url);
      init = {};
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects from ${address}`);
  }

  function cookiesFor({ hostname, pathname }: URL): string {
    return cookies
      .filter(({ host, path }) => host === hostname && pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  function keep({ hostname }: URL, headers: readonly string[]): void {
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split(/;\s*/);
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2);
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      cookies = cookies.filter((held) => held.name !== name || held.host !== hostname || held.path !== path);
      if (value !== '') cookies.push({ host: hostname, path, name, value });
    }
  }

  return {
    get: (url, options) => visit(url, {}, options),
    post: (url, form, options) => visit(url, { method: 'POST', body: new URLSearchParams(form) }, options),
  };
}
