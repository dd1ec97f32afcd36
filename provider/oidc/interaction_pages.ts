import type { Context } from 'koa';
import type { Client } from 'oidc-provider';
import type { CatalogueClaim } from '../attributes/catalogue.ts';
import type { Challenge } from '../authentication/challenge.ts';
import type { Interaction } from './interactions.ts';

export interface ClaimChoice {
  claim: CatalogueClaim;
  /** The relying party cannot do without it. */
  required: boolean;
  /** Held for this person; what is not is shown and never released. */
  available: boolean;
  checked: boolean;
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
    model: { client: Client; interaction: Interaction; csrf: string; claims: readonly ClaimChoice[] },
  ): void;
  /** The purpose that the consent page showed, in the language it was shown in: what the record keeps. */
  purposeOf(ctx: Context, interaction: Interaction, client: Client): string | undefined;
}
