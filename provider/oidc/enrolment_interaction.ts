import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { achievedAcr, CARD_AMR } from '../authentication/acr.ts';
import { HubError } from '../errors.ts';
import {
  type Application,
  type ApplicationFields,
  applicationText,
  type ReadApplication,
  readApplication,
} from '../identity/application.ts';
import type { Comparison } from '../identity/compare_attributes.ts';
import type { Enrolments } from '../identity/enrolment.ts';
import { type AttributeName, attributeNames, type FourAttributes } from '../identity/four_attributes.ts';
import { preferencesOf } from '../web/preferences.ts';
import { signInDemand } from './acr_request.ts';
import type { EnrolmentPages } from './interaction_pages.ts';
import {
  clientOf,
  csrfToken,
  type Interaction,
  type InteractionWorld,
  loadInteraction,
  readOwnForm,
  save,
} from './interactions.ts';
import { uiLocalesOf } from './pages.ts';
import { noteRefusal, readSignedForm, SIGNED_FORM_LIMIT } from './signed_form.ts';

export interface EnrolmentInteractionWorld extends InteractionWorld {
  enrolments: Enrolments;
  enrolmentPages: EnrolmentPages;
  /** Counts enrolments by outcome: `enrolled`, `differs` … or the error's code. */
  observeEnrolment(outcome: string): void;
}

/**
 * Enrolment in the middle of a sign-in: from the consent page, by whoever is signed in; or instead of the sign-in page, by
 * somebody who signs in by it.
 */
export function mountEnrolment(router: Router, world: EnrolmentInteractionWorld): void {
  router.get('/interaction/:uid/enrolment', (ctx) => showForm(ctx, world));
  router.post('/interaction/:uid/enrolment', (ctx) => checkForm(ctx, world));
  router.post('/interaction/:uid/enrolment/signed', (ctx) => enrol(ctx, world));
}

async function showForm(ctx: Context, world: EnrolmentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world);
  return renderForm(ctx, world, interaction, { fields: NOTHING_YET });
}

const NOTHING_YET: ApplicationFields = {
  ...{ name: '', address: '', birthYear: '', birthMonth: '', birthDay: '', gender: '' },
  takesOver: false,
  knowsOfEarlier: false,
};

/** The form was filled in: shows it as the document that will be signed, or with what is wrong in it. */
async function checkForm(ctx: Context, world: EnrolmentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world);
  const form = await readOwnForm(ctx, world, interaction);
  const read = applicationIn(ctx, interaction, form);
  if (form.get('step') === 'edit') return renderForm(ctx, world, interaction, { fields: read.fields });
  if (read.application === undefined) {
    ctx.status = 422;
    return renderForm(ctx, world, interaction, read);
  }
  return renderSign(ctx, world, interaction, read.fields, read.application);
}

/** What the card signed came back: enrols, or says what to do. */
async function enrol(ctx: Context, world: EnrolmentInteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world);
  const form = await readOwnForm(ctx, world, interaction, SIGNED_FORM_LIMIT);
  const { fields, application } = applicationIn(ctx, interaction, form);
  if (application === undefined) throw new HubError('application_invalid', 400, 'The application cannot be read.');
  const signedInAs = isSignIn(interaction) ? undefined : interaction.session?.accountId;
  try {
    const outcome = await world.enrolments.enrol({
      application,
      ...readSignedForm(form),
      origin: world.origin,
      session: interaction.uid,
      demand: signInDemand(world.policies, interaction.params, await clientOf(world, interaction)),
      signedInAs,
      isSomebodyElse: fields.knowsOfEarlier,
    });
    world.observeEnrolment(outcome.outcome);
    if (outcome.outcome === 'differs') return renderDifferences(ctx, world, interaction, { fields, ...outcome });
    if (outcome.outcome === 'registered_before') {
      return renderForm(ctx, world, interaction, { fields: { ...fields, knowsOfEarlier: true } });
    }
    if (signedInAs === undefined) {
      world.observe('success');
      await save(interaction, world, {
        login: { accountId: outcome.subjectId, acr: achievedAcr(outcome.user, 'challenge'), amr: [...CARD_AMR] },
      });
    }
    const continuePath = signedInAs === undefined ? pathOf(interaction.returnTo) : interactionPath(interaction);
    world.enrolmentPages.done(ctx, { interaction, attributes: outcome.attributes, continuePath });
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    world.observeEnrolment(error.code);
    const code = await noteRefusal(ctx, world, interaction, 'enrolment.refused', error);
    return renderSign(ctx, world, interaction, fields, application, code);
  }
}

/** Whether nobody is signed in yet, so that enrolling is signing in. */
function isSignIn(interaction: Interaction): boolean {
  return interaction.prompt.name === 'login';
}

function applicationIn(ctx: Context, interaction: Interaction, form: URLSearchParams): ReadApplication {
  const read = readApplication(form, preferencesOf(ctx, uiLocalesOf(interaction)).language);
  // Who is signed in is known already, and takes over from nobody.
  if (isSignIn(interaction) || read.application === undefined) return read;
  return { ...read, application: { ...read.application, takesOver: false } };
}

async function renderForm(
  ctx: Context,
  world: EnrolmentInteractionWorld,
  interaction: Interaction,
  shown: Omit<Parameters<EnrolmentPages['form']>[1], 'client' | 'interaction' | 'csrf' | 'signsIn' | 'terms'>,
): Promise<void> {
  world.enrolmentPages.form(ctx, {
    ...shown,
    client: await clientOf(world, interaction),
    interaction,
    csrf: csrfToken(interaction),
    signsIn: isSignIn(interaction),
    terms: world.enrolments.terms,
  });
}

async function renderSign(
  ctx: Context,
  world: EnrolmentInteractionWorld,
  interaction: Interaction,
  fields: ApplicationFields,
  application: Application,
  errorCode?: string,
): Promise<void> {
  const { nonce } = world.challenges.issue({ origin: world.origin, session: interaction.uid, purpose: 'enrolment' });
  const document = applicationText(application, { origin: world.origin, nonce, terms: world.enrolments.terms });
  world.enrolmentPages.sign(ctx, { interaction, csrf: csrfToken(interaction), fields, nonce, document, errorCode });
}

/** The form again, with what the card says in the place of what it contradicts. */
function renderDifferences(
  ctx: Context,
  world: EnrolmentInteractionWorld,
  interaction: Interaction,
  differing: {
    fields: ApplicationFields;
    comparison: Readonly<Record<AttributeName, Comparison>>;
    attributes: FourAttributes;
  },
): Promise<void> {
  const { fields, comparison, attributes } = differing;
  const differs = (name: AttributeName) => comparison[name].verdict === 'different';
  const { name, address, birthdate, gender } = attributes;
  const part = (value: number | undefined) => (value === undefined ? '' : String(value));
  const registered: ApplicationFields = {
    ...fields,
    ...(differs('name') && { name: name?.text ?? '' }),
    ...(differs('address') && { address: address?.text ?? '' }),
    ...(differs('birthdate') && {
      birthYear: part(birthdate?.year),
      birthMonth: part(birthdate?.month),
      birthDay: part(birthdate?.day),
    }),
    ...(differs('gender') && { gender: gender === 'female' || gender === 'male' ? gender : 'unspecified' }),
  };
  ctx.status = 422;
  return renderForm(ctx, world, interaction, {
    fields: registered,
    written: { fields, items: attributeNames.filter(differs) },
  });
}

function interactionPath({ uid }: Interaction): string {
  return `/interaction/${uid}`;
}

function pathOf(url: string): string {
  return new URL(url).pathname;
}
