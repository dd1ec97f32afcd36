import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import type { Client, Provider } from 'oidc-provider';
import { HubError } from '../errors.ts';
import type { Clock } from '../world.ts';
import { checkProof, PROOF_WINDOW } from './dpop_proof.ts';
import { sectorOf } from './engine.ts';
import { clientCertificate } from './mutual_tls.ts';
import { audienceOf, isRegisteredFor, type OwnResource } from './own_resources.ts';
import { isFirstUse } from './replay_detection.ts';

/** The relying party that an access token was given to, in its own name. */
export interface TokenHolder {
  readonly clientId: string;
  readonly sector: string;
  readonly client: Client;
}

export interface BearerGuard {
  /**
   * Who calls, by an access token (RFC 6750, or RFC 9449 where it is bound to a key; RFC 8705 §3 where to a certificate)
   * that this relying party got for this resource in its own name, and that covers one of `scopes`. Whether the relying party is
   * still registered and allowed is looked up every time.
   *
   * @throws HubError 401 `invalid_token`, `invalid_dpop_proof`; 403 `insufficient_scope`, and as
   *   `assertRegisteredFor`. The answer's WWW-Authenticate is set.
   */
  holder(ctx: Context, resource: OwnResource, scopes: readonly string[]): Promise<TokenHolder>;
}

/** A token of ours has 43 characters. */
const MAX_TOKEN_LENGTH = 512;

/** What the engine's declarations leave out of a token that was found. */
interface FoundToken {
  readonly clientId?: string;
  readonly aud?: string | string[];
  readonly scope?: string;
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

export function createBearerGuard(world: {
  engine(): Provider;
  issuer: string;
  proofAlgorithms: readonly string[];
  clock: Clock;
}): BearerGuard {
  const { issuer, clock } = world;

  async function holder(ctx: Context, resource: OwnResource, scopes: readonly string[]): Promise<TokenHolder> {
    const { scheme, value } = presentedToken(ctx);
    const engine = world.engine();
    // A person's access token is another kind, and is not found here.
    const token = (await engine.ClientCredentials.find(value)) as FoundToken | undefined;
    const audience = audienceOf(issuer, resource);
    if (!token?.clientId || ![token.aud].flat().includes(audience)) throw invalidToken();
    await proveBinding(ctx, scheme, value, token);
    const client = await engine.Client.find(token.clientId);
    if (!client) throw invalidToken();
    const granted = (token.scope ?? '').split(' ');
    if (!scopes.some((scope) => granted.includes(scope))) {
      throw new HubError('insufficient_scope', 403, `The access token is not for the scope ${scopes.join(' or ')}.`);
    }
    assertRegisteredFor(client, resource);
    return { clientId: client.clientId, sector: sectorOf(client), client };
  }

  async function proveBinding(ctx: Context, scheme: string, value: string, token: FoundToken): Promise<void> {
    const thumbprint = token['x5t#S256'];
    if (thumbprint !== undefined) {
      const shown = clientCertificate(ctx);
      if (!shown || createHash('sha256').update(shown.raw).digest('base64url') !== thumbprint) throw invalidToken();
    }
    // RFC 9449 §7.1: a bound token by its own scheme only, and that scheme for bound tokens only.
    if ((scheme === 'dpop') !== (token.jkt !== undefined)) throw invalidToken();
    if (token.jkt === undefined) return;
    const now = clock();
    const proved = await checkProof(ctx.get('DPoP'), {
      method: ctx.method,
      url: `${ctx.protocol}://${ctx.host}${ctx.path}`,
      accessToken: value,
      algorithms: world.proofAlgorithms,
      now,
    });
    if (proved.thumbprint !== token.jkt) throw invalidToken();
    const expires = Math.floor(now / 1000) + 2 * PROOF_WINDOW;
    if (!(await isFirstUse(world.engine(), String(token.clientId), proved.jti, expires))) {
      throw new HubError('invalid_dpop_proof', 401, 'The DPoP proof has been used already.');
    }
  }

  return {
    async holder(ctx, resource, scopes) {
      try {
        return await holder(ctx, resource, scopes);
      } catch (error) {
        if (error instanceof HubError) challenge(ctx, error, scopes);
        throw error;
      }
    },
  };
}

/**
 * What the operator allows a relying party by its registration.
 *
 * @throws HubError `status_check_not_allowed`, `verifier_not_allowed` (403).
 */
export function assertRegisteredFor(client: object, resource: OwnResource): void {
  if (isRegisteredFor(client, resource)) return;
  const { registration } = resource;
  throw new HubError(`${registration}_not_allowed`, 403, `This relying party is not registered with ${registration}.`);
}

function presentedToken(ctx: Context): { scheme: string; value: string } {
  const header = ctx.get('Authorization');
  const [, scheme = '', value = ''] = /^(bearer|dpop) +([\w~+/.-]+=*)$/i.exec(header) ?? [];
  if (value === '' || value.length > MAX_TOKEN_LENGTH) throw invalidToken();
  return { scheme: scheme.toLowerCase(), value };
}

function invalidToken(): HubError {
  return new HubError('invalid_token', 401, 'An access token for this resource is needed.');
}

/** RFC 6750 §3. The codes are ours and have no character that would need care. */
function challenge(ctx: Context, { code, status }: HubError, scopes: readonly string[]): void {
  if (status !== 401 && status !== 403) return;
  const isBare = ctx.get('Authorization') === '';
  const scope = scopes.join(' ');
  const parameters = isBare ? `scope="${scope}"` : `error="${code}", scope="${scope}"`;
  ctx.append('WWW-Authenticate', `Bearer ${parameters}`);
  ctx.append('WWW-Authenticate', `DPoP ${parameters}`);
}
