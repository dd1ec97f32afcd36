import type { Router } from '@koa/router';
import type { Context, Next } from 'koa';
import type { ReceiptSignatures } from '../consent/receipt_signatures.ts';
import { HubError } from '../errors.ts';
import { signInDemand } from './acr_request.ts';
import type { ReceiptPages } from './interaction_pages.ts';
import {
  clientIdOf,
  clientOf,
  csrfToken,
  type Interaction,
  type InteractionWorld,
  loadInteraction,
  readOwnForm,
  resume,
  subjectOf,
} from './interactions.ts';
import { noteRefusal, readSignedForm, SIGNED_FORM_LIMIT } from './signed_form.ts';

export interface ReceiptInteractionWorld extends InteractionWorld {
  receiptSignatures: ReceiptSignatures;
  receiptPages: ReceiptPages;
}

/**
 * After the consent page, for whoever wishes to sign the record of what they decided. The decision stands already: whoever
 * goes on without signing loses nothing.
 */
export function mountReceiptSigning(router: Router, world: ReceiptInteractionWorld): void {
  router.get('/interaction/:uid/receipt/:receipt', (ctx) => showAgain(ctx, world));
  router.post('/interaction/:uid/receipt/:receipt', (ctx, next) => goOn(ctx, next, world));
  router.post('/interaction/:uid/receipt/:receipt/signed', (ctx, next) => sign(ctx, next, world));
}

/** The page with what is to be signed. */
export async function showReceiptSigning(
  ctx: Context,
  world: ReceiptInteractionWorld,
  interaction: Interaction,
  receiptId: string,
  errorCode?: string,
): Promise<void> {
  const { origin } = world;
  const { nonce } = world.challenges.issue({ origin, session: interaction.uid, purpose: 'consent-receipt' });
  const receipt = { subjectId: subjectOf(interaction), receiptId };
  const document = await world.receiptSignatures.textOf(receipt, world.receiptPages.labelOf, { origin, nonce });
  const csrf = csrfToken(interaction);
  world.receiptPages.sign(ctx, { interaction, csrf, receiptId, nonce, document, errorCode });
}

async function showAgain(ctx: Context, world: ReceiptInteractionWorld): Promise<void> {
  const interaction = await loadDecided(ctx, world);
  await showReceiptSigning(ctx, world, interaction, String(ctx.params.receipt));
}

async function goOn(ctx: Context, next: Next, world: ReceiptInteractionWorld): Promise<void> {
  const interaction = await loadDecided(ctx, world);
  await readOwnForm(ctx, world, interaction);
  await resume(ctx, next, interaction, world);
}

/** What the card signed came back. */
async function sign(ctx: Context, next: Next, world: ReceiptInteractionWorld): Promise<void> {
  const interaction = await loadDecided(ctx, world);
  const form = await readOwnForm(ctx, world, interaction, SIGNED_FORM_LIMIT);
  const receiptId = String(ctx.params.receipt);
  try {
    await world.receiptSignatures.sign({
      ...{ subjectId: subjectOf(interaction), clientId: clientIdOf(interaction), receiptId },
      labelOf: world.receiptPages.labelOf,
      ...readSignedForm(form),
      origin: world.origin,
      session: interaction.uid,
      demand: signInDemand(world.policies, interaction.params, await clientOf(world, interaction)),
    });
  } catch (error) {
    if (!(error instanceof HubError) || error.code === 'receipt_not_found') throw error;
    const code = await noteRefusal(ctx, world, interaction, 'consent.receipt_refused', error);
    return showReceiptSigning(ctx, world, interaction, receiptId, code);
  }
  await resume(ctx, next, interaction, world);
}

/** Throws HubError `interaction_expired` before the consent page was answered. */
async function loadDecided(ctx: Context, world: ReceiptInteractionWorld): Promise<Interaction> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  if (!interaction.result?.consent) throw new HubError('interaction_expired', 400, 'Nothing has been decided yet.');
  return interaction;
}
