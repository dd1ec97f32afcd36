import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import { isCertificateHeader } from './certificate_header.ts';
import { type AddressList, clientAddress } from './client_address.ts';

export interface HostGuardSettings {
  /** Origin of the hub, `https://id.example.jp`. */
  readonly publicUrl: string;
  /** Origin of the mutual-TLS listener, if there is one: what requests that arrive by TLS must name. */
  readonly mutualTlsUrl?: string | undefined;
  readonly trustedProxies: AddressList;
}

/** Headers by which a proxy tells what it received; strangers write them too. */
const FORWARDING_HEADER = /^(forwarded|x-forwarded(-.*)?|x-real-ip|x-original-(host|url)|x-rewrite-url)$/;

/**
 * The first middleware. A request must name the host that we are, once (RFC 9110 §7.2: 421 for another): the engine
 * builds links, cookies and its issuer from it. Behind the guard the forwarding headers are ours: scheme from the public
 * URL, client address judged by `clientAddress`, no forwarded host; so an application with `proxy = true` cannot be
 * told anything else by anybody. Headers that would name a client certificate are dropped under every name; the one
 * reader of the one that is standard looks at the request as it came (oidc/presented_certificate.ts). Puts
 * `ctx.state.clientAddress`.
 */
export function hostGuard(settings: HostGuardSettings): Middleware {
  const main = new URL(settings.publicUrl);
  const mutualTls = settings.mutualTlsUrl === undefined ? undefined : new URL(settings.mutualTlsUrl);
  return async (ctx, next) => {
    const own = isTls(ctx.req) && mutualTls ? mutualTls : main;
    if (!hasOneHost(ctx.req) || !ctx.req.url?.startsWith('/')) {
      return refuse(ctx, 400, 'The request must name one host and a path.');
    }
    if (ctx.req.headers.host?.toLowerCase() !== own.host) {
      return refuse(ctx, 421, `This server answers at ${own.origin} only.`);
    }
    const address = clientAddress(ctx.req, settings.trustedProxies);
    for (const name of Object.keys(ctx.req.headers)) {
      if (FORWARDING_HEADER.test(name) || isCertificateHeader(name)) delete ctx.req.headers[name];
    }
    ctx.req.headers.host = own.host;
    ctx.req.headers['x-forwarded-proto'] = own.protocol.slice(0, -1);
    ctx.req.headers['x-forwarded-for'] = address;
    ctx.state.clientAddress = address;
    await next();
  };
}

/** A second Host header is how a request shows one host to a proxy and another to us; Node keeps the first only. */
function hasOneHost(request: IncomingMessage): boolean {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0);
  return names.filter((name) => name.toLowerCase() === 'host').length === 1;
}

function isTls(request: IncomingMessage): boolean {
  return 'encrypted' in request.socket && request.socket.encrypted === true;
}

/** In plain text, since nothing behind the guard has run: no language, no style, no error page. */
function refuse(ctx: Context, status: number, message: string): void {
  ctx.status = status;
  ctx.type = 'text/plain';
  ctx.body = `${message}\n`;
  ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
}
