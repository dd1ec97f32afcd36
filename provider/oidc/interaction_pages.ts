import type { Context } from 'koa';
import type { Client } from 'oidc-provider';
import type { WithheldBecause } from '../../views/models.ts';
import type { Language } from '../../views/words/words.ts';
import type { CatalogueClaim } from '../attributes/catalogue/catalogue.ts';
import type { Bilingual } from '../attributes/catalogue/claim_type.ts';
import type { LatestConsentDraft } from '../attributes/latest_consent_text.ts';
import type { LatestOffer } from '../attributes/latest_consents.ts';
import type { Challenge } from '../authentication/challenge.ts';
import type { ConsentPeriod } from '../consent/consent_store.ts';
import type { ApplicationFields, ApplicationTerms, ReadApplication } from '../identity/application.ts';
import type { AttributeName, FourAttributes } from '../identity/four_attributes.ts';
import type { Notice } from '../identity/notices.ts';
import type { Interaction } from './interactions.ts';

export interface ClaimChoice {
  claim: CatalogueClaim;
  /** Who would answer, for what comes from an attribute provider. */
  provider: Bilingual | undefined;
  /** The relying party cannot do without it. */
  required: boolean;
  /** Why it cannot be given: such a claim is shown and never released. Undefined for one that can. */
  withheld: WithheldBecause | undefined;
  checked: boolean;
  /** What this claim is for, in the page's language, where it is for something of its own. */
  purpose: string | undefined;
  /** Whether it reaches the relying party so that the hub cannot read it. */
  sealed: boolean;
}

/** What the person decided before and is not asked again. */
export interface KeptChoice {
  claim: CatalogueClaim;
  isGranted: boolean;
}

/** The pages of a sign-in, as the interactions need them. */
export interface InteractionPages {
  signIn(
    ctx: Context,
    model: {
      client: Client;
      interaction: Interaction;
      challenge: Challenge;
      csrf: string;
      errorCode: string | undefined;
    },
  ): void;
  /** Signing in with the browser's own certificate did not work; offers another try. */
  certificateProblem(
    ctx: Context,
    model: { client: Client; interaction: Interaction; csrf: string; errorCode: string },
  ): void;
  consent(
    ctx: Context,
    model: {
      client: Client;
      interaction: Interaction;
      csrf: string;
      claims: readonly ClaimChoice[];
      kept: readonly KeptChoice[];
      /** What the page has chosen for how long, until the person chooses. */
      period: ConsentPeriod;
      /** Whether the record can be signed, and the page proposes it; undefined where it cannot. */
      signReceipt: { checked: boolean } | undefined;
      /** What is asked for and enrolment would bring, or bring up to date. */
      enrolment: { isMissing: boolean; isStale: boolean };
      /** What can be kept up to date for this relying party, and is; undefined where nothing can. */
      latest: LatestOffer | undefined;
    },
  ): void;
  /** What happened to the person's registration, before the sign-in goes on. */
  notices(ctx: Context, model: { interaction: Interaction; notices: readonly Notice[]; continuePath: string }): void;
  /** The purpose that the consent page showed, in the language it was shown in: what the record keeps. */
  purposeOf(ctx: Context, interaction: Interaction, client: Client): string | undefined;
  /** The language that the pages of this interaction are shown in. */
  languageOf(ctx: Context, interaction: Interaction): Language;
}

/** The page on which the record of a consent is signed. */
export interface ReceiptPages {
  sign(
    ctx: Context,
    model: {
      interaction: Interaction;
      csrf: string;
      receiptId: string;
      nonce: string;
      document: string;
      errorCode: string | undefined;
    },
  ): void;
  /** A claim in words. */
  labelOf(claim: string, language: Language): string;
}

/** The pages of enrolment. */
export interface EnrolmentPages {
  form(
    ctx: Context,
    model: {
      client: Client;
      interaction: Interaction;
      csrf: string;
      /** What stands in the fields. */
      fields: ApplicationFields;
      problems?: ReadApplication['problems'];
      /** What the person had written, where the card says something else and the fields now say that. */
      written?: { fields: ApplicationFields; items: readonly AttributeName[] };
      signsIn: boolean;
      terms: ApplicationTerms;
    },
  ): void;
  sign(
    ctx: Context,
    model: {
      interaction: Interaction;
      csrf: string;
      fields: ApplicationFields;
      nonce: string;
      document: string;
      errorCode: string | undefined;
    },
  ): void;
  done(ctx: Context, model: { interaction: Interaction; attributes: FourAttributes; continuePath: string }): void;
}

/** The pages by which a relying party is told the latest attributes. */
export interface LatestConsentPages {
  form(
    ctx: Context,
    model: {
      client: Client;
      interaction: Interaction;
      csrf: string;
      items: readonly { name: AttributeName; checked: boolean }[];
      /** The last day of the consent, `YYYY-MM-DD`. */
      until: string;
      /** That the person agreed and chose nothing. */
      isNothingChosen: boolean;
    },
  ): void;
  sign(
    ctx: Context,
    model: {
      interaction: Interaction;
      csrf: string;
      items: readonly AttributeName[];
      until: string;
      nonce: string;
      document: string;
      errorCode: string | undefined;
    },
  ): void;
  /** How the document names the relying party, and in which language it is written: as the pages are shown. */
  wordingOf(ctx: Context, interaction: Interaction, client: Client): Pick<LatestConsentDraft, 'language' | 'service'>;
}
