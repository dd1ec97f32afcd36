import type { Router } from '@koa/router';
import { METADATA_CONTENT_TYPE, METADATA_MAX_AGE, type OwnMetadata } from './metadata/own_metadata.ts';

/** The hub's own metadata at its entity id (SAML Metadata §4.1). */
export function mountOwnMetadata(router: Router, metadata: () => Promise<OwnMetadata>): void {
  router.get('/saml/metadata', async (ctx) => {
    const { xml, etag } = await metadata();
    ctx.set('ETag', etag);
    ctx.set('Cache-Control', `public, max-age=${METADATA_MAX_AGE}`);
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
    ctx.type = METADATA_CONTENT_TYPE;
    ctx.body = xml;
  });
}
