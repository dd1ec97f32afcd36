import type { Context, Middleware } from 'koa';

/** Seconds: one year, what browsers' preload lists ask for. */
const HSTS_MAX_AGE = 31_536_000;

/** What one page may do beyond the rule. */
export interface PageAllowance {
  /**
   * Origins (`https://rp.example`) or schemes (`com.example.app:`) that a form of this page may end up at. Chromium checks
   * `form-action` on every redirect after a form is sent: where a sign-in or consent page's form leads back to the relying
   * party, the origin of its redirect URI belongs here. When the relying party itself redirects on to a further origin,
   * Chromium checks that too, so that such a relying party needs `https:`.
   */
  formTargets?: readonly string[];
  /** Origins that pictures may come from. */
  imageOrigins?: readonly string[];
}

/**
 * Security headers on every answer, errors too: mount it first, with the error page inside it (Koa's own error answer
 * drops all headers). Nothing inline, nothing foreign, no frames.
 *
 * @param publicUrl where browsers reach the hub, from the configuration; HSTS only when it is https
 */
export function securityHeaders({ publicUrl }: { publicUrl: string }): Middleware {
  const isHttps = new URL(publicUrl).protocol === 'https:';
  const fixed: Record<string, string> = {
    'Content-Security-Policy': contentSecurityPolicy({}),
    // The sign-in page opens the card agent's window and talks to it: `same-origin` would cut that tie.
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Origin-Agent-Cluster': '?1',
    'Permissions-Policy':
      'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
    'Referrer-Policy': REFERRER_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-DNS-Prefetch-Control': 'off',
    'X-Frame-Options': 'DENY',
    ...(isHttps ? { 'Strict-Transport-Security': `max-age=${HSTS_MAX_AGE}` } : {}),
  };
  return async (ctx, next) => {
    ctx.set(fixed);
    await next();
    if (ctx.response.is('html') && !ctx.response.get('Cache-Control')) ctx.set('Cache-Control', 'no-store');
  };
}

/**
 * No address of ours reaches another site. Not `no-referrer`: under it Chromium sends `Origin: null` with our own forms
 * (Fetch §3.2, “serializing a request origin”), and no check of who sent a form could tell ours from a stranger's.
 */
const REFERRER_POLICY = 'same-origin';

/** Widens the policy of the page that this request is answered with. Throws on what is no origin or scheme: our mistake. */
export function allowOnPage(ctx: Context, allowance: PageAllowance): void {
  ctx.set('Content-Security-Policy', contentSecurityPolicy(allowance));
}

/** The source expression (CSP3 §2.3.1) that a form must be allowed for to end at `url`: its origin, or an app's scheme. */
export function formTarget(url: string): string {
  const { origin, protocol } = new URL(url);
  return origin === 'null' ? protocol : origin;
}

function contentSecurityPolicy({ formTargets = [], imageOrigins = [] }: PageAllowance): string {
  for (const source of [...formTargets, ...imageOrigins]) {
    // A space or semicolon would begin a new source or directive.
    if (!SOURCE.test(source)) throw new Error('not a source for a content security policy');
  }
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ['img-src', "'self'", 'data:', ...imageOrigins].join(' '),
    "font-src 'self'",
    "connect-src 'self'",
    ['form-action', "'self'", ...formTargets].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** An origin (`https://host:port`, an IPv6 host in brackets) or a scheme (`https:`, `com.example.app:`). */
const SOURCE = /^[a-z][a-z0-9+.-]*:(?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)?$/i;
