import type { Context } from 'koa';

/**
 * Which page sent a request, in the browser's own words (W3C Fetch Metadata; else Origin, RFC 6454 §7).
 * `unknown`: the browser says nothing, or `Origin: null`, which it says of pages without a referrer, ours as well as theirs.
 */
export function requestSource(ctx: Context, ownOrigin: string): 'own' | 'foreign' | 'unknown' {
  const site = ctx.get('Sec-Fetch-Site');
  if (site !== '') return site === 'same-origin' ? 'own' : 'foreign';
  const origin = ctx.get('Origin');
  if (origin === '' || origin === 'null') return 'unknown';
  return origin === ownOrigin ? 'own' : 'foreign';
}
