import { hash, timingSafeEqual } from 'node:crypto';
import type { Router } from '@koa/router';
import type { Context, Middleware, Next } from 'koa';
import type { InteractionResults, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { WithheldBecause } from '../../views/models.ts';
import type { Catalogue, CatalogueClaim } from '../attributes/catalogue/catalogue.ts';
import type { LatestConsents } from '../attributes/latest_consents.ts';
import type { ProviderAttributes } from '../attributes/providers/provider_attributes.ts';
import type { AuditLog } from '../audit/audit_log.ts';
import { achievedAcr, CARD_AMR, canMeet } from '../authentication/acr.ts';
import { CARD_TOKEN_LIMIT } from '../authentication/card_token.ts';
import type { Challenges } from '../authentication/challenge.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { CardVerifier } from '../authentication/verify_card_token.ts';
import type { VerifiedCertificate } from '../authentication/verify_certificate.ts';
import { claimsToDecide } from '../consent/consent_rules.ts';
import { consentPeriods } from '../consent/consent_store.ts';
import type { Consents } from '../consent/consents.ts';
import { HubError } from '../errors.ts';
import { attributeNames } from '../identity/four_attributes.ts';
import type { Identity } from '../identity/identity.ts';
import type { Notice } from '../identity/notices.ts';
import { readShortForm } from '../web/read_short_form.ts';
import { requestSource } from '../web/request_source.ts';
import type { Clock } from '../world.ts';
import { signInDemand } from './acr_request.ts';
import { askedClaims } from './asked_claims.ts';
import { sealedClaims } from './carried_claims.ts';
import type { CookieSigner } from './cookie_signer.ts';
import type { InteractionPages } from './interaction_pages.ts';
import { essentialClaims } from './requested_claims.ts';

export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

export interface InteractionWorld {
  /** The engine that runs now: a key rotation replaces it. */
  engine(): Provider;
  /** The origin that a browser names to the card agent for our pages. */
  origin: string;
  challenges: Challenges;
  cards: CardVerifier;
  policies: RevocationPolicies;
  identity: Identity;
  catalogue: Catalogue;
  providerAttributes: Pick<ProviderAttributes, 'notAccepted'>;
  consents: Consents;
  /** Undefined where the authority's service for the latest attributes is not configured. */
  latestConsents: LatestConsents | undefined;
  /** Shows the page on which the record of a decision is signed; undefined where nobody can sign. */
  signReceipt?: ((ctx: Context, interaction: Interaction, receiptId: string) => Promise<void>) | undefined;
  audit: AuditLog;
  pages: InteractionPages;
  clock: Clock;
  /** Counts sign-ins by outcome: `success` or the error's code. */
  observe(outcome: string): void;
}

/** Bytes: the card token is the largest field. */
const FORM_LIMIT = 2 * CARD_TOKEN_LIMIT;

/** Everything between `/authorize` and its answer: the sign-in page, the consent page, and their forms. */
export function mountInteractions(router: Router, world: InteractionWorld): void {
  router.get('/interaction/:uid', (ctx) => showInteraction(ctx, world));
  router.post('/interaction/:uid/sign-in', (ctx, next) => signIn(ctx, next, world));
  router.post('/interaction/:uid/consent', (ctx, next) => answerConsent(ctx, next, world));
  router.post('/interaction/:uid/cancel', (ctx, next) => cancel(ctx, next, world));
}

/**
 * Around the engine: where it would send the browser on to a sign-in's own address, the page is shown at once. That is
 * one request and one look-up less on every sign-in; the address stays good for coming back to.
 */
export function showSignInAtOnce(world: InteractionWorld): Middleware {
  return async (ctx, next) => {
    await next();
    const { oidc } = ctx as Context & { oidc?: { entities?: { Interaction?: Interaction } } };
    const interaction = oidc?.entities?.Interaction;
    if (ctx.path !== '/authorize' || ctx.status !== 303 || interaction?.prompt.name !== 'login') return;
    ctx.remove('Location');
    ctx.status = 200;
    await showLogin(ctx, world, interaction);
  };
}

async function showInteraction(ctx: Context, world: InteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world);
  return interaction.prompt.name === 'consent'
    ? showConsent(ctx, world, interaction)
    : showLogin(ctx, world, interaction);
}

async function showLogin(ctx: Context, world: InteractionWorld, interaction: Interaction): Promise<void> {
  if (!canBeMet(interaction, world.policies)) {
    await save(interaction, world, {
      error: 'unmet_authentication_requirements',
      error_description: 'none of the essential acr values can be met',
    });
    ctx.status = 303;
    ctx.redirect(interaction.returnTo);
    return;
  }
  // The engine asks for a login again when another person came than the one the relying party named.
  const otherPerson =
    interaction.lastSubmission?.login && interaction.prompt.reasons.some((reason) => SUBJECT_REASONS.has(reason));
  return showSignIn(ctx, world, interaction, otherPerson ? 'other_person' : undefined);
}

const SUBJECT_REASONS = new Set(['id_token_hint', 'claims_id_token_sub_value']);

async function showSignIn(ctx: Context, world: InteractionWorld, interaction: Interaction, errorCode?: string) {
  const client = await clientOf(world, interaction);
  const challenge = world.challenges.issue({
    origin: world.origin,
    session: interaction.uid,
    purpose: 'sign-in',
  });
  world.pages.signIn(ctx, { client, interaction, challenge, csrf: csrfToken(interaction), errorCode });
}

/** The card's answer. One list: form → challenge and card → subject → back to the engine. */
async function signIn(ctx: Context, next: Next, world: InteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'login');
  const form = await readOwnForm(ctx, world, interaction);
  let verified: VerifiedCertificate;
  let notices: readonly Notice[];
  try {
    verified = await world.cards.verify({
      token: form.get('token') ?? '',
      nonce: form.get('nonce') ?? '',
      origin: world.origin,
      session: interaction.uid,
      demand: signInDemand(world.policies, interaction.params, await clientOf(world, interaction)),
    });
    const identified = await world.identity.subjectOf(verified);
    const { subjectId } = identified;
    notices = identified.notices;
    world.observe('success');
    await save(interaction, world, {
      login: { accountId: subjectId, acr: achievedAcr(verified, 'challenge'), amr: [...CARD_AMR] },
    });
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    world.observe(error.code);
    await world.audit.append(
      { kind: 'sign_in.refused', actor: 'hub', clientId: clientIdOf(interaction), data: { code: error.code } },
      world.clock(),
    );
    ctx.state.refusal = { code: error.code, ...error.details };
    ctx.status = error.status;
    if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
    return showSignIn(ctx, world, interaction, error.code);
  }
  if (notices.length > 0) showNotices(ctx, world, interaction, notices);
  else await resume(ctx, next, interaction, world);
  // Recorded beside all of this; what is answered is stored only after it, and not at all without it.
  await verified.recorded;
}

/** Before the sign-in goes on, which then takes a request of its own. */
export function showNotices(
  ctx: Context,
  world: InteractionWorld,
  interaction: Interaction,
  notices: readonly Notice[],
): void {
  const continuePath = new URL(interaction.returnTo).pathname;
  world.pages.notices(ctx, { interaction, notices, continuePath });
}

async function showConsent(ctx: Context, world: InteractionWorld, interaction: Interaction): Promise<void> {
  const client = await clientOf(world, interaction);
  const asked = askedClaims(world.catalogue, interaction.params, client, world.pages.languageOf(ctx, interaction));
  const requested = Object.keys(asked);
  const sealed = sealedClaims(world.catalogue, interaction.params, client);
  const parties = { subjectId: subjectOf(interaction), clientId: client.clientId };
  const [{ need, live }, last, latest] = await Promise.all([
    world.consents.need(parties.subjectId, parties.clientId, asked),
    world.consents.lastDecision(parties.subjectId, parties.clientId),
    world.latestConsents?.offer({ ...parties, requested }),
  ]);
  const notAccepted = await world.providerAttributes.notAccepted(client.clientId, need.unavailable);
  const shown = claimsToDecide(need, decidesAll(interaction));
  const kept = need.askable.filter((name) => !shown.includes(name));
  // Chosen once is chosen for that time; who wants to be asked every time is shown what they chose.
  const isRemembered = (name: string) =>
    last?.period === 'every_time'
      ? last.granted.includes(name)
      : live?.granted.includes(name) && !live.passing.includes(name);
  const isEnrolments = (name: string) => attributeNames.some((attribute) => attribute === name);
  const isStale = need.stale.some(isEnrolments);
  world.pages.consent(ctx, {
    enrolment: { isMissing: need.unavailable.some(isEnrolments), isStale },
    latest,
    client,
    interaction,
    csrf: csrfToken(interaction),
    claims: requested.flatMap((name) => {
      const claim = world.catalogue.find(name);
      const terms = asked[name];
      if (!claim || !terms || kept.includes(name)) return [];
      const { required, shown: purpose } = terms;
      const withheld = need.askable.includes(name) ? undefined : withheldBecause(claim, notAccepted);
      const checked = required || isRemembered(name) === true;
      return [
        { claim, provider: need.providers[name], required, withheld, purpose, checked, sealed: sealed.has(name) },
      ];
    }),
    kept: kept.flatMap((name) => {
      const claim = world.catalogue.find(name);
      return claim ? [{ claim, isGranted: live?.granted.includes(name) === true }] : [];
    }),
    // For sensitive claims it is proposed; whoever has no signing certificate goes on without.
    signReceipt: world.signReceipt && {
      checked: shown.some((name) => world.catalogue.find(name)?.sensitivity === 'sensitive'),
    },
    period: last?.period === 'every_time' ? 'every_time' : 'lasting',
  });
}

function withheldBecause({ name, source }: CatalogueClaim, notAccepted: readonly string[]): WithheldBecause {
  if (notAccepted.includes(name)) return 'not_accepted';
  return source === 'provider' ? 'not_connected' : 'not_held';
}

async function answerConsent(ctx: Context, next: Next, world: InteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world, 'consent');
  const form = await readOwnForm(ctx, world, interaction);
  if (form.get('decision') !== 'agree') return refuse(ctx, next, interaction, world);
  const client = await clientOf(world, interaction);
  const language = world.pages.languageOf(ctx, interaction);
  const period = consentPeriods.find((each) => each === form.get('period')) ?? 'lasting';
  const { consent, receiptId } = await world.consents.record({
    subjectId: subjectOf(interaction),
    clientId: client.clientId,
    asked: askedClaims(world.catalogue, interaction.params, client, language),
    decidesAll: decidesAll(interaction),
    ...{ period, language },
    agreed: [...form.getAll('claims'), ...essentialClaims(interaction.params)],
    purpose: world.pages.purposeOf(ctx, interaction, client),
  });
  // What it holds for one sign-in counts for this one (load_grant.ts).
  await save(interaction, world, { consent: { consentId: consent.id } as InteractionResults['consent'] });
  if (world.signReceipt && form.get('sign_receipt') === 'yes') return world.signReceipt(ctx, interaction, receiptId);
  await resume(ctx, next, interaction, world);
}

/** The relying party wants the person to decide again on everything that it asks for. */
function decidesAll({ params }: Interaction): boolean {
  return String(params.prompt ?? '')
    .split(' ')
    .includes('consent');
}

async function cancel(ctx: Context, next: Next, world: InteractionWorld): Promise<void> {
  const interaction = await loadInteraction(ctx, world);
  await readOwnForm(ctx, world, interaction);
  await refuse(ctx, next, interaction, world);
}

async function refuse(ctx: Context, next: Next, interaction: Interaction, world: InteractionWorld): Promise<void> {
  await save(interaction, world, { error: 'access_denied', error_description: 'the person refused' });
  await resume(ctx, next, interaction, world);
}

/**
 * The interaction of this browser. The cookie decides; the address must agree with it, so that a link made in one
 * browser is nothing in another. Throws HubError `interaction_expired` or `interaction_other_browser`.
 */
export async function loadInteraction(
  ctx: Context,
  world: InteractionWorld,
  prompt?: 'login' | 'consent',
): Promise<Interaction> {
  let interaction: Interaction;
  try {
    interaction = await world.engine().interactionDetails(ctx.req, ctx.res);
  } catch (error) {
    if (error instanceof errors.SessionNotFound) {
      throw new HubError('interaction_expired', 400, 'This sign-in has expired or was begun in another browser.', {
        cause: error,
      });
    }
    throw error;
  }
  if (interaction.uid !== ctx.params.uid) {
    throw new HubError('interaction_other_browser', 400, 'This sign-in was begun in another browser or window.');
  }
  if (prompt && interaction.prompt.name !== prompt) {
    throw new HubError('interaction_expired', 400, 'This step of the sign-in is over.');
  }
  return interaction;
}

/**
 * A form of our own page: the browser says that it comes from our origin, and it carries the interaction's token.
 *
 * @param limit bytes.
 * Throws HubError `form_forged`.
 */
export async function readOwnForm(
  ctx: Context,
  world: InteractionWorld,
  interaction: Interaction,
  limit = FORM_LIMIT,
): Promise<URLSearchParams> {
  const form = await readShortForm(ctx, limit);
  if (requestSource(ctx, world.origin) === 'foreign' || !equal(form.get('csrf') ?? '', csrfToken(interaction))) {
    throw new HubError('form_forged', 403, 'This form did not come from our own page.');
  }
  return form;
}

/** Only who reads our page of this interaction knows it: `cid` stays in the hub's store and is never in an address. */
export function csrfToken(interaction: Interaction): string {
  return hash('sha256', `csrf ${interaction.cid} ${interaction.uid}`, 'base64url');
}

function equal(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** What the engine's own `interactionResult` does, without reading the interaction and the session a second time. */
export async function save(
  interaction: Interaction,
  { clock }: InteractionWorld,
  result: InteractionResults,
): Promise<void> {
  interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
  await interaction.save(interaction.exp - Math.floor(clock() / 1000));
}

/**
 * Lets the engine go on with the authorization in this very request, where it would have the browser come back for it:
 * one request less, and an interaction that is written and ended at once is not stored in between.
 *
 * The engine knows its browser by a cookie for that address. We have just known it by the interaction's cookie, which was
 * set together with that one, and say so in its words.
 */
export async function resume(
  ctx: Context,
  next: Next,
  interaction: Interaction,
  world: InteractionWorld,
): Promise<void> {
  const engine = world.engine();
  const cookie = `${engine.cookieName('resume')}=${interaction.uid}`;
  const signature = (engine.keys as unknown as CookieSigner).sign(cookie); // what createEngine gave it
  const name = cookie.slice(0, cookie.indexOf('='));
  // First, since the first of a name counts: one that somebody planted must not have another sign-in go on in its place.
  ctx.req.headers.cookie = [cookie, `${name}.sig=${signature}`, ctx.req.headers.cookie].filter(Boolean).join('; ');
  const asked = { method: ctx.method, url: ctx.url, route: ctx._matchedRoute };
  ctx.method = 'GET';
  ctx.url = new URL(interaction.returnTo).pathname;
  await next();
  // The log and the figures are about what the browser asked for.
  ctx.method = asked.method;
  ctx.url = asked.url;
  ctx._matchedRoute = asked.route;
}

/** Throws HubError `interaction_expired` while nobody is signed in. */
export function subjectOf(interaction: Interaction): string {
  const subjectId = interaction.session?.accountId;
  if (!subjectId) throw new HubError('interaction_expired', 400, 'Nobody is signed in.');
  return subjectId;
}

export function clientIdOf(interaction: Interaction): string {
  return String(interaction.params.client_id);
}

export async function clientOf(world: Pick<InteractionWorld, 'engine'>, interaction: Interaction) {
  const client = await world.engine().Client.find(clientIdOf(interaction));
  if (!client) throw new HubError('unregistered_relying_party', 400, 'The website is not registered here.');
  return client;
}

/** An essential `acr` (OIDC Core §5.5.1.1) that no sign-in of ours gives must end in an error, not in a card page for ever. */
function canBeMet(interaction: Interaction, { acrValues }: RevocationPolicies): boolean {
  const reasons = interaction.prompt.reasons;
  if (!reasons.includes('essential_acr') && !reasons.includes('essential_acrs')) return true;
  const { acr } = interaction.prompt.details as { acr?: { value?: unknown; values?: unknown } };
  const values = Array.isArray(acr?.values) ? acr.values : [acr?.value];
  const wanted = values.filter((value) => typeof value === 'string');
  return canMeet(wanted, acrValues) && !interaction.lastSubmission?.login;
}
