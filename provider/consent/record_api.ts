import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { DisclosureHistory } from './disclosure_history.ts';

export const RECORD_KEYS_PATH = '/.well-known/record-keys';
export const DISCLOSURE_HEADS_PATH = '/.well-known/disclosure-heads';

/** Seconds. */
const MAX_AGE = 300;

/**
 * What anybody may fetch to check a receipt or a history, now or in years.
 *
 * @param world.recordKeys public keys (JWK) of everything that was ever signed.
 */
export function mountRecordApi(
  router: Router,
  {
    recordKeys,
    history,
  }: {
    recordKeys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
    history: Pick<DisclosureHistory, 'publications'>;
  },
): void {
  const answer = (ctx: Context, body: unknown) => {
    ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`);
    ctx.body = body;
  };
  router.get(RECORD_KEYS_PATH, async (ctx) => answer(ctx, { keys: await recordKeys() }));
  router.get(DISCLOSURE_HEADS_PATH, async (ctx) => {
    const publications = await history.publications();
    answer(ctx, { heads: publications.map(({ statement }) => statement) });
  });
}
