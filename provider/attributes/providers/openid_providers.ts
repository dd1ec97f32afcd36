import { ProviderSilent } from './provider_questions.ts';
import type { AttributeProvider } from './provider_store.ts';

/**
 * Interface B: an attribute provider that runs an OpenID Provider already has nothing to implement. People sign in there to say
 * whose customer they are, and its userinfo is what it tells.
 */

/** What a provider gives to be asked by. */
export interface GivenTokens {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Undefined where it gave none; at a renewal the one before goes on then. */
  readonly refreshToken: string | undefined;
}

/** Those by which it can be asked again and again. */
export interface LastingTokens extends GivenTokens {
  readonly refreshToken: string;
}

/** One way to a provider's sign-in and back. */
export interface SignInRequest {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly codeVerifier: string;
}

/**
 * The provider answered, and refused: that is about one person or one code and no failure of its own. The code is
 * `refused_` with the error of RFC 6749, or what did not fit.
 */
export class RefusedByProvider extends ProviderSilent {}

/** The errors that callers tell apart. */
export const REFUSED = {
  /** The person did not want to (RFC 6749 §4.1.2.1). */
  signIn: 'refused_access_denied',
  /** The refresh token is worth nothing any more (RFC 6749 §5.2). */
  refresh: 'refused_invalid_grant',
  /** The access token is not taken (RFC 6750 §3.1). */
  access: 'refused_access_token',
} as const;

/** All throw ProviderSilent, and RefusedByProvider where that is what happened. */
export interface OpenIdProvider {
  /** Where the person signs in. @param language of its pages. */
  authorizationUrl(request: SignInRequest, language: string): Promise<string>;
  /**
   * Checks the answer (state, issuer), spends the code and checks the ID Token.
   *
   * @param answer the query with which the browser came back to `redirectUri`.
   */
  redeem(
    answer: URLSearchParams,
    request: SignInRequest,
  ): Promise<{ readonly subject: string; readonly tokens: GivenTokens }>;
  /** @param subject to whom they must belong. */
  refresh(refreshToken: string, subject: string): Promise<GivenTokens>;
  /** Judged to be about `subject` (OpenID Connect Core §5.3.2), and signed by the provider where it is signed. */
  userinfo(accessToken: string, subject: string): Promise<Readonly<Record<string, unknown>>>;
  /** RFC 7009; nothing where the provider has no address for it. */
  revoke(refreshToken: string): Promise<void>;
}

/** Implemented by adapters/attribute-sources, which knows time-outs and sizes, and leaves alone who is away. */
export interface OpenIdProviders {
  /**
   * Goes to a provider. Everything that `work` does there has one time-out, and one success or failure counts for it.
   *
   * @throws ProviderSilent `left_alone` and what `work` throws.
   */
  visit<T>(provider: VisitedProvider, work: (there: OpenIdProvider) => Promise<T>): Promise<T>;
}

/** One that is registered with `userinfo`. */
export type VisitedProvider = Pick<AttributeProvider, 'id' | 'url'> & {
  readonly userinfo: NonNullable<AttributeProvider['userinfo']>;
};

/** How the hub proves to an OpenID Provider that it is the client. */
export interface ProviderCredentials {
  /** A client assertion (RFC 7523 §2.2), by a key of the hub's `jwks_uri`. */
  assertion(clientId: string, audience: string): Promise<string>;
  /** @throws ProviderSilent `secret_missing` */
  secret(providerId: string): Promise<string>;
}

export function isVisited(provider: AttributeProvider): provider is AttributeProvider & VisitedProvider {
  return provider.userinfo !== undefined;
}
