/**
 * How a website signs people in through the hub: OpenID Connect's authorization code flow, with openid-client. This is the
 * file to copy. The rest of this folder is what a website has anyway: pages, a session, a cookie.
 *
 *   1. `start`       the person pressed the button: remember three random values, send the browser to the hub
 *   2. (the hub)     card, PIN, consent; then the browser comes back to the redirect URI with a code
 *   3. `finish`      exchange the code for tokens, check everything, fetch the claims that the person agreed to
 *   4. `signOutUrl`  send the browser to the hub to sign out there too
 */
import * as oidc from 'openid-client';
import { RelyingPartyError, translateProtocolError } from './relying_party_error.ts';

export interface SignInSettings {
  /** The hub's address. It is all that a relying party configures: discovery finds the endpoints and keys. */
  issuer: URL;
  /** From the registration. */
  clientId: string;
  /** How this site proves who it is: `oidc.PrivateKeyJwt(key)` or `oidc.ClientSecretBasic(secret)`. */
  authentication: oidc.ClientAuth;
  /** Exactly as registered. */
  redirectUri: string;
  /** `openid`, and a scope for each kind of claim. Ask for what you need: the person sees the list. */
  scope: string;
  /** PAR (RFC 9126): the request goes to the hub directly, so that nobody at the browser can read or change it. */
  pushRequest: boolean;
}

/**
 * One attempt to sign in. Keep it on the server, bound to the browser that began it by a cookie; never in the URL, or
 * anybody could bring his own.
 */
export interface SignInAttempt {
  /** Comes back with the answer: an answer to a question that this browser never asked is not ours (CSRF). */
  state: string;
  /** Comes back inside the signed ID token: a token of another sign-in cannot be slipped in. */
  nonce: string;
  /** PKCE (RFC 7636): only who began the sign-in can spend its code. */
  codeVerifier: string;
}

/** A person, as this site may know them. */
export interface SignedIn {
  /** The pairwise identifier: always the same here, another one at every other site. Key your accounts by it. */
  sub: string;
  acr: string;
  amr: readonly string[];
  /** Seconds since the epoch: when the card was used, which may be before this sign-in (single sign-on). */
  authTime: number | undefined;
  /** The hub's session; its sign-out names it (back-channel logout). */
  sid: string | undefined;
  /** Keep it for `signOutUrl`. */
  idToken: string;
  idTokenClaims: Readonly<Record<string, unknown>>;
  /** What the person agreed to. A claim that is missing was refused or is not held: every claim is optional. */
  claims: Readonly<Record<string, unknown>>;
}

export interface SignIn {
  /**
   * @param options.silent ask only whether the person is still signed in, without any page (`prompt=none`)
   * @throws RelyingPartyError `hub_unreachable`, `hub_refused`
   */
  start(options: { language: string; silent?: boolean }): Promise<{ url: URL; attempt: SignInAttempt }>;
  /**
   * @param answer the query with which the browser came back to the redirect URI
   * @throws RelyingPartyError `access_denied`, `answer_refused`, `assurance_too_low`, `hub_refused`, `hub_unreachable`
   */
  finish(answer: URLSearchParams, attempt: SignInAttempt): Promise<SignedIn>;
  /** @throws RelyingPartyError `hub_unreachable` */
  signOutUrl(person: SignedIn, options: { returnTo: string; state: string; language: string }): Promise<URL>;
  /** The hub's own metadata, for back_channel_logout.ts. Throws RelyingPartyError `hub_unreachable`. */
  hub(): Promise<oidc.ServerMetadata>;
}

/** Card and PIN: the highest level there is, and the only one that this site accepts. */
const REQUIRED_ACR = 'aal3';
/** Seconds. A person is waiting. */
const TIMEOUT = 10;

export function createSignIn(settings: SignInSettings): SignIn {
  let connection: Promise<oidc.Configuration> | undefined;

  /** Discovery, once. A failure is forgotten, so that a hub that was not up yet is found by the next person. */
  async function connect(): Promise<oidc.Configuration> {
    connection ??= oidc.discovery(
      settings.issuer,
      settings.clientId,
      // The one algorithm that we registered: a token signed in any other way is refused.
      { id_token_signed_response_alg: 'ES256' },
      settings.authentication,
      {
        timeout: TIMEOUT,
        execute: [
          // TLS already says who answered; with the signature checked too, a token proves itself.
          oidc.enableNonRepudiationChecks,
          // The sandbox only, where hub and site are on one machine. openid-client insists on https otherwise, and so should you.
          ...(settings.issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []),
        ],
      },
    );
    try {
      return await connection;
    } catch (error) {
      connection = undefined;
      throw new RelyingPartyError('hub_unreachable', { cause: error });
    }
  }

  return {
    async start({ language, silent = false }) {
      const hub = await connect();
      const attempt: SignInAttempt = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        codeVerifier: oidc.randomPKCECodeVerifier(),
      };
      const parameters = {
        redirect_uri: settings.redirectUri,
        scope: settings.scope,
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(attempt.codeVerifier),
        code_challenge_method: 'S256',
        acr_values: REQUIRED_ACR,
        // To see in the ID token how the person was authenticated, ask for it.
        claims: JSON.stringify({ id_token: { acr: null, amr: null } }),
        ui_locales: language,
        ...(silent ? { prompt: 'none' } : {}),
      };
      const url = await protocol(async () =>
        settings.pushRequest
          ? oidc.buildAuthorizationUrlWithPAR(hub, parameters)
          : oidc.buildAuthorizationUrl(hub, parameters),
      );
      return { url, attempt };
    },

    async finish(answer, attempt) {
      const hub = await connect();
      return protocol(async () => {
        const callback = new URL(settings.redirectUri);
        callback.search = answer.toString();
        // Checks state and issuer of the answer (RFC 9207), spends the code, and checks the ID token: signature, issuer,
        // audience, time, nonce.
        const tokens = await oidc.authorizationCodeGrant(hub, callback, {
          expectedState: attempt.state,
          expectedNonce: attempt.nonce,
          pkceCodeVerifier: attempt.codeVerifier,
          idTokenExpected: true,
        });
        const idTokenClaims = tokens.claims();
        if (!tokens.id_token || !idTokenClaims) throw new RelyingPartyError('answer_refused');
        // `acr_values` is a wish; whether it was granted is for the relying party to see.
        if (idTokenClaims.acr !== REQUIRED_ACR) throw new RelyingPartyError('assurance_too_low');
        // The third argument makes sure that the claims are those of the person in the ID token.
        const claims = await oidc.fetchUserInfo(hub, tokens.access_token, idTokenClaims.sub);
        return {
          sub: idTokenClaims.sub,
          acr: idTokenClaims.acr,
          amr: Array.isArray(idTokenClaims.amr) ? idTokenClaims.amr.map(String) : [],
          authTime: idTokenClaims.auth_time,
          sid: typeof idTokenClaims.sid === 'string' ? idTokenClaims.sid : undefined,
          idToken: tokens.id_token,
          idTokenClaims,
          claims,
        };
      });
    },

    async signOutUrl(person, { returnTo, state, language }) {
      return oidc.buildEndSessionUrl(await connect(), {
        id_token_hint: person.idToken,
        post_logout_redirect_uri: returnTo,
        state,
        ui_locales: language,
      });
    },

    hub: async () => (await connect()).serverMetadata(),
  };
}

async function protocol<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw translateProtocolError(error);
  }
}
