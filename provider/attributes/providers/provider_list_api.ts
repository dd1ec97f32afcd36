import type { Router } from '@koa/router';
import type { ProviderStore } from './provider_store.ts';

export const PROVIDER_LIST_PATH = '/.well-known/attribute-providers';

/** Seconds. */
const MAX_AGE = 300;

/**
 * What relying parties need to verify claims that a provider made for them: who the providers that sign are, what they call themselves in
 * what they sign (`issuer`), and their keys.
 */
export function mountProviderList(router: Router, { providers }: { providers: Pick<ProviderStore, 'list'> }): void {
  router.get(PROVIDER_LIST_PATH, async (ctx) => {
    const signing = (await providers.list()).filter(({ isActive, userinfo }) => isActive && userinfo === undefined);
    ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`);
    ctx.body = {
      providers: signing.map(({ id, kind, names, url, keys, jwksUri, forms }) => ({
        ...{ id, kind, issuer: url, forms, jwks: keys, jwks_uri: jwksUri },
        ...{ 'name#ja': names.ja, 'name#en': names.en },
      })),
    };
  });
}
