import type { Context } from 'koa';
import type { Client } from 'oidc-provider';
import type { RelyingPartyInput } from '../../views/models.ts';
import type { Language } from '../../views/words/words.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { latestConsentSentences } from '../attributes/latest_consent_text.ts';
import { type ApplicationFields, applicationSentences } from '../identity/application.ts';
import type { AttributeName } from '../identity/four_attributes.ts';
import { preferencesOf } from '../web/preferences.ts';
import type { Renderer } from '../web/render.ts';
import { formTarget } from '../web/security_headers.ts';
import { sendPage } from '../web/send_page.ts';
import { sectorOf } from './engine.ts';
import type { EnginePages } from './engine_pages.ts';
import type { EnrolmentPages, InteractionPages, LatestConsentPages, ReceiptPages } from './interaction_pages.ts';
import type { Interaction } from './interactions.ts';
import { samlExchangeOf } from './saml_parameter.ts';

export interface PageSettings {
  catalogue: Catalogue;
  /** Origin of the person's card agent. */
  cardAgentUrl: string;
  cardAgentHelpUrl: string | undefined;
  /** Whether a browser may also show the certificate itself, by TLS. */
  certificateSignIn: boolean;
  /** Seconds. */
  challengeLifetime: number;
  /** Days. */
  consentLifetime: number;
  /** Whether people can enrol here. */
  enrolment: boolean;
}

/** Turns what the interactions know into view models; no rule lives here. */
export function createInteractionPages(renderer: Renderer, settings: PageSettings): InteractionPages {
  return {
    signIn(ctx, { client, interaction, challenge, csrf, errorCode }) {
      const path = `/interaction/${interaction.uid}`;
      sendPage(
        ctx,
        renderer,
        'sign_in',
        {
          relyingParty: relyingParty(client, languageOf(ctx, interaction), redirectUriOf(interaction)),
          action: `${path}/sign-in`,
          cancelAction: `${path}/cancel`,
          csrf,
          nonce: challenge.nonce,
          agentUrl: settings.cardAgentUrl,
          agentHelpUrl: settings.cardAgentHelpUrl,
          certificatePath: settings.certificateSignIn ? `${path}/certificate` : undefined,
          reloadPath: path,
          enrolmentPath: settings.enrolment ? enrolmentPath(interaction) : undefined,
          lifetimeSeconds: settings.challengeLifetime,
          errorCode,
        },
        pageOptions(interaction),
      );
    },

    certificateProblem(ctx, { client, interaction, csrf, errorCode }) {
      const path = `/interaction/${interaction.uid}`;
      sendPage(
        ctx,
        renderer,
        'certificate_problem',
        {
          relyingParty: relyingParty(client, languageOf(ctx, interaction), redirectUriOf(interaction)),
          errorCode,
          certificatePath: `${path}/certificate`,
          otherWayPath: path,
          cancelAction: `${path}/cancel`,
          csrf,
        },
        pageOptions(interaction),
      );
    },

    consent(ctx, { client, interaction, csrf, claims, kept, period, signReceipt, enrolment, latest }) {
      const language = languageOf(ctx, interaction);
      const path = `/interaction/${interaction.uid}`;
      const needsEnrolment = settings.enrolment && (enrolment.isMissing || enrolment.isStale);
      sendPage(
        ctx,
        renderer,
        'consent',
        {
          relyingParty: relyingParty(client, language, redirectUriOf(interaction)),
          action: `${path}/consent`,
          csrf,
          purpose: inLanguage(client, 'purpose', language),
          claims: claims.map(({ claim, provider, ...choice }) => ({
            name: claim.name,
            label: claim.label,
            explanation: claim.explanation,
            source: provider ?? claim.source,
            ...choice,
          })),
          // A provider confirms a customer by the four attributes: who is to enrol first, does that first.
          connect:
            !needsEnrolment && claims.some(({ withheld }) => withheld === 'not_connected')
              ? { path: '/portal/providers', reloadPath: path }
              : undefined,
          kept: kept.map(({ claim: { label }, isGranted }) => ({ label, isGranted })),
          period,
          signReceipt,
          duration: { days: settings.consentLifetime },
          statusCheck: client.status_check === true,
          enrolment: needsEnrolment ? { path: enrolmentPath(interaction), again: enrolment.isStale } : undefined,
          latest:
            latest && (latest.items.length > 0 || latest.live !== undefined)
              ? {
                  path: latestPath(interaction),
                  isOffered: latest.items.length > 0,
                  live: latest.live && {
                    withdrawAction: `${latestPath(interaction)}/withdraw`,
                    items: latest.live.items,
                    since: latest.live.consentedAt,
                    // The moment after its last day.
                    until: latest.live.expiresAt - 1,
                  },
                }
              : undefined,
          offline: String(interaction.params.scope).split(' ').includes('offline_access'),
        },
        pageOptions(interaction),
      );
    },

    notices(ctx, { interaction, notices, continuePath }) {
      const options = { uiLocales: uiLocalesOf(interaction), returnPath: continuePath };
      sendPage(ctx, renderer, 'notices', { notices, continuePath }, options);
    },

    languageOf,

    purposeOf: (ctx, interaction, client) => inLanguage(client, 'purpose', languageOf(ctx, interaction)),
  };
}

export function createEnrolmentPages(renderer: Renderer, settings: PageSettings): EnrolmentPages {
  return {
    form(ctx, { client, interaction, csrf, fields, problems, written, signsIn, terms }) {
      const language = languageOf(ctx, interaction);
      const sentences = applicationSentences(language);
      sendPage(
        ctx,
        renderer,
        'enrolment_form',
        {
          relyingParty: relyingParty(client, language, redirectUriOf(interaction)),
          action: enrolmentPath(interaction),
          backPath: `/interaction/${interaction.uid}`,
          csrf,
          fields,
          problems,
          written:
            written && Object.fromEntries(written.items.map((item) => [item, writtenText(written.fields, item)])),
          signsIn,
          purpose: sentences.purpose,
          terms: sentences.terms,
          termsUrl: terms.url,
        },
        enrolmentOptions(interaction),
      );
    },

    sign(ctx, { interaction, csrf, fields, nonce, document, errorCode }) {
      const path = enrolmentPath(interaction);
      sendPage(
        ctx,
        renderer,
        'document_sign',
        {
          kind: 'enrolment',
          action: `${path}/signed`,
          editAction: path,
          reloadPath: path,
          fields: { csrf, ...formFields(fields) },
          nonce,
          document,
          agentUrl: settings.cardAgentUrl,
          agentHelpUrl: settings.cardAgentHelpUrl,
          lifetimeSeconds: settings.challengeLifetime,
          errorCode,
        },
        enrolmentOptions(interaction),
      );
    },

    done(ctx, { interaction, attributes, continuePath }) {
      const { name, address, birthdate, gender } = attributes;
      sendPage(
        ctx,
        renderer,
        'enrolment_done',
        {
          attributes: { name: name?.text, address: address?.text, birthdate, gender },
          hasSubstitutes: [name, address].some((text) => text?.substitutes.includes(true)),
          continuePath,
        },
        enrolmentOptions(interaction),
      );
    },
  };
}

function enrolmentPath({ uid }: Interaction): string {
  return `/interaction/${uid}/enrolment`;
}

export function createLatestConsentPages(renderer: Renderer, settings: PageSettings): LatestConsentPages {
  const options = (interaction: Interaction) => ({
    uiLocales: uiLocalesOf(interaction),
    returnPath: latestPath(interaction),
  });
  return {
    form(ctx, { client, interaction, csrf, items, until, isNothingChosen }) {
      const language = languageOf(ctx, interaction);
      sendPage(
        ctx,
        renderer,
        'latest_consent',
        {
          relyingParty: relyingParty(client, language, redirectUriOf(interaction)),
          purpose: inLanguage(client, 'purpose', language),
          action: latestPath(interaction),
          ...{ csrf, items, until, isNothingChosen },
          terms: latestConsentSentences(language),
        },
        options(interaction),
      );
    },

    sign(ctx, { interaction, csrf, items, until, nonce, document, errorCode }) {
      const path = latestPath(interaction);
      sendPage(
        ctx,
        renderer,
        'document_sign',
        {
          kind: 'latestConsent',
          action: `${path}/signed`,
          editAction: path,
          reloadPath: path,
          fields: { csrf, items: items.join(' '), until },
          ...{ nonce, document, errorCode },
          agentUrl: settings.cardAgentUrl,
          agentHelpUrl: settings.cardAgentHelpUrl,
          lifetimeSeconds: settings.challengeLifetime,
        },
        options(interaction),
      );
    },

    wordingOf(ctx, interaction, client) {
      const language = languageOf(ctx, interaction);
      const { name } = relyingParty(client, language, undefined);
      return { language, service: { name, host: sectorOf(client), purpose: inLanguage(client, 'purpose', language) } };
    },
  };
}

function latestPath({ uid }: Interaction): string {
  return `/interaction/${uid}/latest-attributes`;
}

export function createReceiptPages(renderer: Renderer, settings: PageSettings): ReceiptPages {
  return {
    sign(ctx, { interaction, csrf, receiptId, nonce, document, errorCode }) {
      const path = `/interaction/${interaction.uid}/receipt/${receiptId}`;
      sendPage(
        ctx,
        renderer,
        'document_sign',
        {
          kind: 'consentReceipt',
          action: `${path}/signed`,
          editAction: path,
          reloadPath: path,
          fields: { csrf },
          ...{ nonce, document, errorCode },
          agentUrl: settings.cardAgentUrl,
          agentHelpUrl: settings.cardAgentHelpUrl,
          lifetimeSeconds: settings.challengeLifetime,
        },
        // From here the sign-in goes back to the relying party.
        { ...pageOptions(interaction), returnPath: path },
      );
    },

    labelOf: (claim, language) => settings.catalogue.find(claim)?.label[language] ?? claim,
  };
}

/** Another language shows the form in that language: what is typed there is lost, and nothing else. */
function enrolmentOptions(interaction: Interaction) {
  return { uiLocales: uiLocalesOf(interaction), returnPath: enrolmentPath(interaction) };
}

function formFields(fields: ApplicationFields): Record<string, string> {
  const { name, address, birthYear, birthMonth, birthDay, gender, takesOver, knowsOfEarlier } = fields;
  return {
    ...{ name, address, birth_year: birthYear, birth_month: birthMonth, birth_day: birthDay, gender },
    ...(takesOver && { takes_over: 'yes' }),
    ...(knowsOfEarlier && { knows_of_earlier: 'yes' }),
  };
}

function writtenText(fields: ApplicationFields, item: AttributeName): string {
  if (item !== 'birthdate') return fields[item];
  return [fields.birthYear, fields.birthMonth, fields.birthDay].join('-');
}

/** The engine's own pages in our clothes. */
export function createEnginePages(renderer: Renderer): EnginePages {
  return {
    error(ctx, out, error) {
      ctx.state.refusal = { code: out.error, cause: error };
      sendPage(ctx, renderer, 'error', {
        code: errorCode(out.error, out.error_description),
        reference: ctx.state.reference,
      });
    },

    confirmSignOut(ctx, form) {
      // The engine hands its form as HTML; its one hidden field is the only thing that we need of it.
      const xsrf = /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
      const target = ctx.oidc.session?.state?.postLogoutRedirectUri;
      sendPage(
        ctx,
        renderer,
        'sign_out_confirm',
        { action: new URL(ctx.oidc.urlFor('end_session_confirm')).pathname, fields: { xsrf } },
        { formTargets: typeof target === 'string' ? [formTarget(target)] : [] },
      );
    },

    signedOut(ctx) {
      sendPage(ctx, renderer, 'signed_out', {});
    },

    sendForm(ctx, { action, fields, formTargets }) {
      sendPage(ctx, renderer, 'send_form', { action, fields }, { formTargets });
    },
  };
}

/** The engine's words for what a person has a clearer page for. */
function errorCode(error: string, description: string | undefined): string {
  if (error === 'invalid_client') return 'unregistered_relying_party';
  if (description?.includes('redirect_uri')) return 'invalid_redirect_uri';
  // A pushed request (RFC 9126 §4) is good for one sign-in: back and forward in the browser lead to it again.
  if (error === 'invalid_request_uri') return 'interaction_expired';
  if (error === 'session_not_found' || description?.includes('interaction session')) return 'interaction_expired';
  return error;
}

function pageOptions(interaction: Interaction) {
  const redirectUri = redirectUriOf(interaction);
  return {
    uiLocales: uiLocalesOf(interaction),
    returnPath: `/interaction/${interaction.uid}`,
    // A SAML service provider gets its answer by a page of its own, with a policy of its own.
    formTargets: redirectUri && !samlExchangeOf(interaction.params) ? [formTarget(redirectUri)] : [],
  };
}

function relyingParty(client: Client, language: Language, returnUrl: string | undefined): RelyingPartyInput {
  return {
    name: nameInLanguage(client, language),
    returnUrl,
    logoUrl: client.logoUri,
    privacyPolicyUrl: client.policyUri,
    termsUrl: client.tosUri,
  };
}

/** What a page calls a relying party. */
export function nameInLanguage(client: Client, language: Language): string {
  return inLanguage(client, 'client_name', language) ?? client.clientName ?? sectorOf(client);
}

/** A text of the registration in the page's language, else without a language, else in the other one (RFC 7591 §2.2). */
export function inLanguage(client: Client, name: 'client_name' | 'purpose', language: Language): string | undefined {
  const other = language === 'ja' ? 'en' : 'ja';
  const texts = [
    client[`${name}#${language}`],
    name === 'purpose' ? client.purpose : client.clientName,
    client[`${name}#${other}`],
  ];
  return texts.find((text): text is string => typeof text === 'string');
}

function languageOf(ctx: Context, interaction: Interaction): Language {
  return preferencesOf(ctx, uiLocalesOf(interaction)).language;
}

export function uiLocalesOf(interaction: Interaction): string | undefined {
  const { ui_locales: locales } = interaction.params;
  return typeof locales === 'string' ? locales : undefined;
}

/** Where the answer goes, and the person with it. */
function redirectUriOf({ params }: Interaction): string | undefined {
  const uri = samlExchangeOf(params)?.acs ?? params.redirect_uri;
  return typeof uri === 'string' ? uri : undefined;
}
