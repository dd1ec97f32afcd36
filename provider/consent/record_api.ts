import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { SigningKey } from '../oidc/oidc_stores.ts';
import type { SigningKeys } from '../oidc/signing_keys.ts';
import type { DisclosureHistory } from './disclosure_history.ts';

export const RECORD_KEYS_PATH = '/.well-known/record-keys';
export const DISCLOSURE_HEADS_PATH = '/.well-known/disclosure-heads';

/** Seconds. */
const MAX_AGE = 300;

/** What anybody may fetch to check a receipt or a history, now or in years. */
export function mountRecordApi(
  router: Router,
  { keys, history }: { keys: Pick<SigningKeys, 'list'>; history: Pick<DisclosureHistory, 'publications'> },
): void {
  const answer = (ctx: Context, body: unknown) => {
    ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`);
    ctx.body = body;
  };
  router.get(RECORD_KEYS_PATH, async (ctx) => answer(ctx, { keys: recordKeys(await keys.list()) }));
  router.get(DISCLOSURE_HEADS_PATH, async (ctx) => {
    const publications = await history.publications();
    answer(ctx, { heads: publications.map(({ statement }) => statement) });
  });
}

/**
 * The public half of every key that ever signed records. The hub forgets none: a receipt is shown to somebody years after
 * its key stopped signing, and the key set for tokens (`jwks_uri`) lists only those that still count there.
 */
export function recordKeys(keys: readonly SigningKey[]): Record<string, unknown>[] {
  return keys
    .filter(({ purpose, alg }) => purpose === 'oidc' && alg === 'ES256')
    .map(({ kid, jwk: { kty, crv, x, y } }) => ({ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }));
}
