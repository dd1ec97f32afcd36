import type { CardMethod } from '../authentication/acr.ts';
import type { AuthnRequest } from './messages.ts';

const CLASS = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';

export const SMARTCARD_PKI = `${CLASS}SmartcardPKI`;
const X509 = `${CLASS}X509`;
const TLS_CLIENT = `${CLASS}TLSClient`;
/** REFEDS MFA Profile 1.2: the card is one factor and its PIN another. */
const REFEDS_MFA = 'https://refeds.org/profile/mfa';

/**
 * How strong the classes of SAML Authentication Context §3.4 are beside each other, as far as a request may have them
 * compared: something known, something had, a key, a key in hardware behind a PIN. What is not here compares with nothing.
 */
const STRENGTH: Readonly<Record<string, number>> = {
  [`${CLASS}unspecified`]: 0,
  [`${CLASS}InternetProtocol`]: 0,
  [`${CLASS}PreviousSession`]: 0,
  [`${CLASS}InternetProtocolPassword`]: 1,
  [`${CLASS}Password`]: 1,
  [`${CLASS}PasswordProtectedTransport`]: 1,
  [`${CLASS}SecureRemotePassword`]: 1,
  [`${CLASS}Kerberos`]: 1,
  [`${CLASS}MobileOneFactorUnregistered`]: 1,
  [`${CLASS}MobileOneFactorContract`]: 1,
  [`${CLASS}TimeSyncToken`]: 2,
  [`${CLASS}MobileTwoFactorUnregistered`]: 2,
  [`${CLASS}MobileTwoFactorContract`]: 2,
  [`${CLASS}SoftwarePKI`]: 3,
  [`${CLASS}XMLDSig`]: 3,
  [`${CLASS}SPKI`]: 3,
  [`${CLASS}PGP`]: 3,
  [X509]: 3,
  [TLS_CLIENT]: 3,
  [`${CLASS}Smartcard`]: 3,
  [REFEDS_MFA]: 3,
  [SMARTCARD_PKI]: 4,
};

/** What is true of every sign-in with the card, the strongest first. */
const OF_EVERY_CARD = [SMARTCARD_PKI, X509, REFEDS_MFA, `${CLASS}unspecified`];

const ACHIEVED: Readonly<Record<CardMethod, readonly string[]>> = {
  challenge: OF_EVERY_CARD,
  tls: [...OF_EVERY_CARD, TLS_CLIENT],
};

/** What to assert, by how the card signed; undefined where nothing that was asked for would be true. */
export type ClassByMethod = Readonly<Record<CardMethod, string | undefined>>;

/**
 * The class that answers a RequestedAuthnContext (SAML Core §3.3.2.2.1): never one that is not true of the sign-in, and
 * with `exact` the very class that was asked for, the first that fits.
 *
 * @param ownValues values of `acr` that the engine is asked to meet: named as a class, it is answered with that name.
 */
export function answeringClass(
  requested: AuthnRequest['requestedAuthnContext'],
  ownValues: readonly string[],
): ClassByMethod {
  if (!requested) return { challenge: SMARTCARD_PKI, tls: SMARTCARD_PKI };
  const of = (method: CardMethod) => answerFor(requested, [...ACHIEVED[method], ...ownValues]);
  return { challenge: of('challenge'), tls: of('tls') };
}

function answerFor(
  { comparison, classes }: NonNullable<AuthnRequest['requestedAuthnContext']>,
  achieved: readonly string[],
): string | undefined {
  if (comparison === 'exact') return classes.find((name) => achieved.includes(name));
  const asked = classes.flatMap((name) => STRENGTH[name] ?? []);
  if (asked.length === 0) return undefined;
  const fits = (name: string) => {
    const strength = STRENGTH[name];
    if (strength === undefined) return false;
    switch (comparison) {
      case 'minimum':
        return strength >= Math.min(...asked);
      case 'better':
        return strength > Math.max(...asked);
      case 'maximum':
        return strength <= Math.max(...asked);
    }
  };
  // As strong as it may be.
  const fitting = achieved.filter(fits).toSorted((a, b) => (STRENGTH[b] ?? 0) - (STRENGTH[a] ?? 0));
  return fitting[0];
}
