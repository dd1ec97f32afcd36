import { Router } from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import type { AuditLog } from '../audit/audit_log.ts';
import { achievedAcr } from '../authentication/acr.ts';
import type { Challenges } from '../authentication/challenge.ts';
import type { HandOver, HandOvers } from '../authentication/hand_over.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { CertificateVerifier, VerifiedCertificate } from '../authentication/verify_certificate.ts';
import { HubError } from '../errors.ts';
import type { RequestHandler } from '../http_app.ts';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../world.ts';
import { signInDemand } from './acr_request.ts';
import { clientOf, type Interaction } from './interactions.ts';
import type { ReadPresentedCertificate } from './presented_certificate.ts';

export interface CertificateOriginWorld {
  /** The engine that runs now. */
  engine(): Provider;
  /** This origin, where browsers are asked for a certificate. */
  origin: string;
  /** The hub's own origin, where the sign-in began and goes on. */
  mainOrigin: string;
  readPresented: ReadPresentedCertificate;
  challenges: Challenges;
  certificates: CertificateVerifier;
  policies: RevocationPolicies;
  handOvers: HandOvers;
  identity: Identity;
  audit: AuditLog;
  clock: Clock;
  /** Counts refused sign-ins by the error's code. */
  observe(outcome: string): void;
  /** In this order, before everything: security headers, log, metrics, host guard. */
  before: readonly Middleware[];
  /** Counts attempts; inside the error answers. */
  limit: Middleware;
  /** A bug: logged with the reference that the answer names. */
  onBug(ctx: Context, error: unknown): void;
}

/**
 * All that the listener for client certificates answers: one route, which judges the certificate of the handshake and
 * sends the browser back to the main origin with what came of it. It shows no page: each request is a handshake of its
 * own, and a card would have to sign for every picture.
 */
export function createCertificateOrigin(world: CertificateOriginWorld): RequestHandler {
  const router = new Router();
  router.get('/interaction/:uid/certificate', (ctx) => judge(ctx, world));
  const app = new Koa();
  for (const middleware of world.before) app.use(middleware);
  app.use(errorAnswers(world));
  app.use(world.limit);
  app.use(router.routes());
  app.on('error', (error: unknown, ctx: Context) => world.onBug(ctx, error));
  return app.callback();
}

/** One list: request → interaction → certificate of the handshake → verification → subject → hand-over. */
async function judge(ctx: Context, world: CertificateOriginWorld): Promise<void> {
  const { uid } = ctx.params;
  if (!/^[\w-]{1,64}$/.test(uid)) throw new HubError('not_found', 404, 'There is no such page.');
  let interaction: Interaction | undefined;
  let handOver: HandOver;
  try {
    interaction = await interactionOf(ctx, world, uid);
    const verified = await verify(ctx, world, interaction);
    const { subjectId, notices } = await world.identity.subjectOf(verified);
    await verified.recorded;
    handOver = { outcome: 'signed_in', subjectId, acr: achievedAcr(verified, 'tls'), notices };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    await note(ctx, world, interaction, error);
    const { code, status, retryAfter } = error;
    handOver = { outcome: 'refused', code, status, retryAfter };
  }
  // Who comes without a good request gets no code: the main origin knows its own browsers, and tells anybody else off.
  const code = interaction && (await world.handOvers.issue(uid, handOver));
  ctx.status = 303;
  ctx.set('Location', `${world.mainOrigin}/interaction/${uid}/certificate-return${code ? `?code=${code}` : ''}`);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = '';
}

/**
 * The sign-in that the main origin sent this browser for. The request is spent, whatever comes of it.
 * Throws HubError `challenge_…` or `interaction_expired`.
 */
async function interactionOf(ctx: Context, world: CertificateOriginWorld, uid: string): Promise<Interaction> {
  const { request } = ctx.query;
  const binding = { origin: world.origin, session: uid, purpose: 'tls' } as const;
  await world.challenges.spend(typeof request === 'string' ? request : '', binding);
  const interaction = await world.engine().Interaction.find(uid);
  if (interaction?.prompt.name !== 'login') {
    throw new HubError('interaction_expired', 400, 'This sign-in is over.');
  }
  return interaction;
}

/** The handshake has proved possession of the key, so that the authority may be asked. */
async function verify(
  ctx: Context,
  world: CertificateOriginWorld,
  interaction: Interaction,
): Promise<VerifiedCertificate> {
  const presented = world.readPresented(ctx.req);
  if (!presented) throw new HubError('certificate_missing', 403, 'The browser showed no certificate.');
  const authentic = world.certificates.authenticate(presented.der, presented.offered);
  if (presented.refusedByProxy) {
    throw new HubError('certificate_untrusted', 403, 'The reverse proxy has refused the certificate.');
  }
  const client = await clientOf(world, interaction);
  return world.certificates.checkStatus(authentic, signInDemand(world.policies, interaction.params, client));
}

async function note(
  ctx: Context,
  world: CertificateOriginWorld,
  interaction: Interaction | undefined,
  error: HubError,
): Promise<void> {
  ctx.state.refusal = { code: error.code, ...error.details };
  world.observe(error.code);
  const clientId = interaction && { clientId: String(interaction.params.client_id) };
  await world.audit.append(
    { kind: 'sign_in.refused', actor: 'hub', ...clientId, data: { code: error.code } },
    world.clock(),
  );
}

/** In plain text and both languages: nothing here has a person's preferences, and a page would need handshakes. */
function errorAnswers({ mainOrigin, onBug }: CertificateOriginWorld): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status !== 404 || ctx.body != null) return;
      ctx.status = 404;
    } catch (error) {
      if (error instanceof HubError) {
        ctx.state.refusal = { code: error.code, ...error.details };
        if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
      } else {
        onBug(ctx, error);
      }
      ctx.status = error instanceof HubError ? error.status : 500;
    }
    const reference = ctx.state.reference ? ` (${ctx.state.reference})` : '';
    const words = TEXTS[ctx.status] ?? TEXT;
    ctx.type = 'text/plain';
    ctx.set('Cache-Control', 'no-store');
    ctx.body = `${words.ja}${reference}\n${words.en}${reference}\n${mainOrigin}/\n`;
  };
}

const TEXT = {
  ja: '手続きを完了できませんでした。元のサービスのサイトからやり直してください。',
  en: 'This could not be completed. Please start again from the site of the service.',
};
const TEXTS: Readonly<Record<number, typeof TEXT>> = {
  404: {
    ja: 'ここにページはありません。サインインは、使いたいサービスのサイトから始めてください。',
    en: 'There is nothing here. Please begin to sign in at the site of the service.',
  },
  429: {
    ja: '操作の回数が多すぎます。数分待ってから、もう一度お試しください。',
    en: 'Too many attempts. Wait a few minutes, then try again.',
  },
};
