import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { z } from 'zod';
import { HubError } from '../errors.ts';
import type { BearerGuard, TokenHolder } from '../oidc/bearer_guard.ts';
import { VERIFIER } from '../oidc/own_resources.ts';
import { countCall, type RateLimit } from '../operations/rate_limit.ts';
import { readJsonBody } from '../web/read_json_body.ts';
import { describeVerifierApi } from './openapi.ts';
import type { Verifier } from './verifier.ts';
import { authenticationQuestion, challengeQuestion } from './verifier_messages.ts';

/** Bytes: a certificate of the largest size, a token that holds it again, and a chain as people have them. */
const BODY_LIMIT = 128 * 1024;

export const AUTHENTICATE_PATH = `${VERIFIER.path}/authenticate`;
export const CHALLENGE_PATH = `${VERIFIER.path}/challenge`;

/** `POST /verifier/…` for relying parties' servers, and its description. Errors become JSON in http_app.ts. */
export function mountVerifierApi(
  router: Router,
  world: {
    readonly verifier: Verifier;
    readonly bearer: BearerGuard;
    /** By client id. */
    readonly limit: RateLimit;
    readonly issuer: string;
  },
): void {
  const { verifier, bearer, limit, issuer } = world;
  const description = describeVerifierApi(issuer);

  async function caller(ctx: Context): Promise<TokenHolder> {
    const holder = await bearer.holder(ctx, VERIFIER, VERIFIER.scopes);
    ctx.state.relyingParty = holder.clientId;
    countCall(limit, holder.clientId);
    return holder;
  }

  router.post(CHALLENGE_PATH, async (ctx) => {
    const holder = await caller(ctx);
    const { origin } = await read(ctx, challengeQuestion);
    const { nonce, expiresAt } = verifier.challenge(holder, origin);
    answer(ctx, { nonce, expires_at: Math.floor(expiresAt / 1000) });
  });

  router.post(AUTHENTICATE_PATH, async (ctx) => {
    const holder = await caller(ctx);
    const question = await read(ctx, authenticationQuestion);
    try {
      answer(ctx, await verifier.authenticate(holder, question));
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== 'consent_required') throw error;
      ctx.state.refusal = { code: error.code };
      ctx.status = error.status;
      answer(ctx, {
        error: error.code,
        error_description: error.message,
        authorization_endpoint: new URL('/authorize', issuer).href,
      });
    }
  });

  router.get('/openapi/verifier.json', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=3600');
    ctx.body = description;
  });
}

/** @throws HubError `invalid_request` that names the member which is wrong, and nothing of its value. */
async function read<T>(ctx: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await readJsonBody(ctx, BODY_LIMIT));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') || 'the body';
  throw new HubError('invalid_request', 400, `${where} is not as described in /openapi/verifier.json.`);
}

function answer(ctx: Context, body: object): void {
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}
