import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Client } from 'oidc-provider';
import {
  isPossibleLastDay,
  type LatestConsentDraft,
  lastDayOf,
  latestConsentText,
} from '../attributes/latest_consent_text.ts';
import type { LatestConsents, LatestOffer } from '../attributes/latest_consents.ts';
import { HubError } from '../errors.ts';
import { type AttributeName, attributeNames } from '../identity/four_attributes.ts';
import { signInDemand } from './acr_request.ts';
import type { LatestConsentPages } from './interaction_pages.ts';
import {
  clientIdOf,
  clientOf,
  csrfToken,
  type Interaction,
  type InteractionWorld,
  loadInteraction,
  readOwnForm,
  subjectOf,
} from './interactions.ts';
import { requestedClaims } from './requested_claims.ts';
import { noteRefusal, readSignedForm, SIGNED_FORM_LIMIT } from './signed_form.ts';

export interface LatestConsentInteractionWorld extends InteractionWorld {
  latestConsents: LatestConsents;
  latestConsentPages: LatestConsentPages;
  /** Counts consents by outcome: `consented`, `withdrawn`, or the error's code. */
  observeLatestConsent(outcome: string): void;
}

/**
 * From the consent page, by whoever is signed in: letting the relying party at hand be told the latest attributes, and
 * taking that back.
 */
export function mountLatestConsent(router: Router, world: LatestConsentInteractionWorld): void {
  router.get('/interaction/:uid/latest-attributes', (ctx) => showForm(ctx, world));
  router.post('/interaction/:uid/latest-attributes', (ctx) => checkForm(ctx, world));
  router.post('/interaction/:uid/latest-attributes/signed', (ctx) => agree(ctx, world));
  router.post('/interaction/:uid/latest-attributes/withdraw', (ctx) => withdraw(ctx, world));
}

async function showForm(ctx: Context, world: LatestConsentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  const { items, live } = await offerOf(world, interaction);
  if (items.length === 0) return backToConsent(ctx, interaction);
  return renderForm(ctx, world, interaction, items, { checked: live?.items ?? [] });
}

/** The person decided: shows what they will sign, or goes back. */
async function checkForm(ctx: Context, world: LatestConsentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  const form = await readOwnForm(ctx, world, interaction);
  const { items } = await offerOf(world, interaction);
  const chosen = itemsIn(form).filter((item) => items.includes(item));
  if (form.get('step') === 'edit') return renderForm(ctx, world, interaction, items, { checked: chosen });
  if (form.get('decision') !== 'agree' || items.length === 0) return backToConsent(ctx, interaction);
  if (chosen.length === 0) {
    ctx.status = 422;
    return renderForm(ctx, world, interaction, items, { checked: [], isNothingChosen: true });
  }
  const client = await clientOf(world, interaction);
  return renderSign(
    ctx,
    world,
    interaction,
    draftOf(ctx, world, interaction, client, chosen, lastDayOf(world.clock())),
  );
}

/** What the card signed came back. */
async function agree(ctx: Context, world: LatestConsentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  const form = await readOwnForm(ctx, world, interaction, SIGNED_FORM_LIMIT);
  const client = await clientOf(world, interaction);
  const items = itemsIn(form);
  const until = form.get('until') ?? '';
  if (items.length === 0 || !isPossibleLastDay(until, world.clock())) {
    throw new HubError('latest_consent_invalid', 400, 'This consent was not offered.');
  }
  const draft = draftOf(ctx, world, interaction, client, items, until);
  try {
    await world.latestConsents.agree({
      ...partiesOf(world, interaction),
      ...readSignedForm(form),
      draft,
      origin: world.origin,
      session: interaction.uid,
      demand: signInDemand(world.policies, interaction.params, client),
    });
    world.observeLatestConsent('consented');
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    world.observeLatestConsent(error.code);
    const code = await noteRefusal(ctx, world, interaction, 'latest_attributes.refused', error);
    // The day may have changed meanwhile.
    return renderSign(ctx, world, interaction, { ...draft, until: lastDayOf(world.clock()) }, code);
  }
  return backToConsent(ctx, interaction);
}

async function withdraw(ctx: Context, world: LatestConsentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  await readOwnForm(ctx, world, interaction);
  const { subjectId, clientId } = partiesOf(world, interaction);
  if (await world.latestConsents.withdraw(subjectId, clientId)) world.observeLatestConsent('withdrawn');
  return backToConsent(ctx, interaction);
}

/** Which says what is agreed now. */
function backToConsent(ctx: Context, { uid }: Interaction): void {
  ctx.status = 303;
  ctx.redirect(`/interaction/${uid}#latest-attributes`);
}

function partiesOf({ catalogue }: Pick<InteractionWorld, 'catalogue'>, interaction: Interaction) {
  return {
    subjectId: subjectOf(interaction),
    clientId: clientIdOf(interaction),
    requested: requestedClaims(catalogue, interaction.params),
  };
}

function offerOf(world: LatestConsentInteractionWorld, interaction: Interaction): Promise<LatestOffer> {
  return world.latestConsents.offer(partiesOf(world, interaction));
}

/** One field for each box that is ticked, or all of them in one. */
function itemsIn(form: URLSearchParams): readonly AttributeName[] {
  const named = form.getAll('items').flatMap((items) => items.split(' '));
  return attributeNames.filter((name) => named.includes(name));
}

function draftOf(
  ctx: Context,
  world: LatestConsentInteractionWorld,
  interaction: Interaction,
  client: Client,
  items: readonly AttributeName[],
  until: string,
): LatestConsentDraft {
  return { ...world.latestConsentPages.wordingOf(ctx, interaction, client), items, until };
}

async function renderForm(
  ctx: Context,
  world: LatestConsentInteractionWorld,
  interaction: Interaction,
  items: readonly AttributeName[],
  { checked, isNothingChosen = false }: { checked: readonly AttributeName[]; isNothingChosen?: boolean },
): Promise<void> {
  world.latestConsentPages.form(ctx, {
    client: await clientOf(world, interaction),
    interaction,
    csrf: csrfToken(interaction),
    items: items.map((name) => ({ name, checked: checked.includes(name) })),
    until: lastDayOf(world.clock()),
    isNothingChosen,
  });
}

function renderSign(
  ctx: Context,
  world: LatestConsentInteractionWorld,
  interaction: Interaction,
  draft: LatestConsentDraft,
  errorCode?: string,
): void {
  const binding = { origin: world.origin, session: interaction.uid, purpose: 'latest-attributes' } as const;
  const { nonce } = world.challenges.issue(binding);
  const document = latestConsentText(draft, { origin: world.origin, nonce });
  const { items, until } = draft;
  world.latestConsentPages.sign(ctx, {
    interaction,
    csrf: csrfToken(interaction),
    ...{ items, until, nonce, document, errorCode },
  });
}
