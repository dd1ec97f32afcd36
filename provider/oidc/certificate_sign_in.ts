import type { Router } from '@koa/router';
import type { Context, Next } from 'koa';
import { CARD_AMR } from '../authentication/acr.ts';
import type { HandOver, HandOvers } from '../authentication/hand_over.ts';
import { HubError } from '../errors.ts';
import {
  clientIdOf,
  clientOf,
  csrfToken,
  type Interaction,
  type InteractionWorld,
  loadInteraction,
  resume,
  save,
  showNotices,
} from './interactions.ts';

export interface CertificateSignInWorld extends InteractionWorld {
  /** Origin of the listener that asks for client certificates. */
  certificateOrigin: string;
  handOvers: HandOvers;
}

/** The main origin's part of signing in by TLS: the way to the other listener, and the way back. */
export function mountCertificateSignIn(router: Router, world: CertificateSignInWorld): void {
  router.get('/interaction/:uid/certificate', (ctx) => leave(ctx, world));
  router.get('/interaction/:uid/certificate-return', (ctx, next) => comeBack(ctx, next, world));
}

/** A new request each time, for the browser whose interaction it is: the other listener takes each one once. */
async function leave(ctx: Context, world: CertificateSignInWorld): Promise<void> {
  const { uid } = await loadInteraction(ctx, world, 'login');
  const { nonce } = world.challenges.issue({ origin: world.certificateOrigin, session: uid, purpose: 'tls' });
  ctx.status = 303;
  ctx.set('Location', `${world.certificateOrigin}/interaction/${uid}/certificate?request=${encodeURIComponent(nonce)}`);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = '';
}

/**
 * The code is spent before it is known who brings it: one that reached another browser must not wait there. The cookie
 * decides whose interaction it is.
 */
async function comeBack(ctx: Context, next: Next, world: CertificateSignInWorld): Promise<void> {
  const { code } = ctx.query;
  const handOver = typeof code === 'string' ? await world.handOvers.redeem(code, ctx.params.uid) : undefined;
  let interaction: Interaction | undefined;
  try {
    interaction = await loadInteraction(ctx, world, 'login');
    if (!handOver) throw new HubError('certificate_step_over', 400, 'This step of the sign-in is over.');
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    // A stranger's guess is not worth a row.
    if (handOver || interaction) await noteRefusal(world, interaction, error.code);
    if (!interaction) throw error;
    return showProblem(ctx, world, interaction, { outcome: 'refused', code: error.code, status: error.status });
  }
  // Noted where it was decided.
  if (handOver.outcome === 'refused') return showProblem(ctx, world, interaction, handOver);
  world.observe('success');
  await save(interaction, world, {
    login: { accountId: handOver.subjectId, acr: handOver.acr, amr: [...CARD_AMR] },
  });
  if (handOver.notices.length > 0) return showNotices(ctx, world, interaction, handOver.notices);
  await resume(ctx, next, interaction, world);
}

async function showProblem(
  ctx: Context,
  world: CertificateSignInWorld,
  interaction: Interaction,
  { code, status, retryAfter }: HandOver & { outcome: 'refused' },
): Promise<void> {
  const client = await clientOf(world, interaction);
  ctx.state.refusal = { code };
  ctx.status = status;
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter));
  world.pages.certificateProblem(ctx, { client, interaction, csrf: csrfToken(interaction), errorCode: code });
}

async function noteRefusal(world: InteractionWorld, interaction: Interaction | undefined, code: string) {
  world.observe(code);
  await world.audit.append(
    {
      kind: 'sign_in.refused',
      actor: 'hub',
      ...(interaction ? { clientId: clientIdOf(interaction) } : {}),
      data: { code },
    },
    world.clock(),
  );
}
