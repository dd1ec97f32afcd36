import type { Context, Middleware } from 'koa';

/**
 * Around the engine: the discovery document names what a relying party can ask for. The engine adds `none`, which is for the
 * clients that stand for SAML service providers and refused to everybody else.
 */
export const describeForRelyingParties: Middleware = async (ctx, next) => {
  await next();
  const { oidc, body } = ctx as Context & { oidc?: { route?: string }; body?: { response_types_supported?: string[] } };
  if (oidc?.route !== 'discovery' || !body?.response_types_supported) return;
  body.response_types_supported = body.response_types_supported.filter((type) => type !== 'none');
};
