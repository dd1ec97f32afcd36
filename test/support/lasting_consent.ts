import type { Consent } from '../../provider/consent/consent_store.ts';

/** A consent until it expires, of before terms were kept unless given. */
export function lastingConsent(
  given: Pick<Consent, 'id' | 'subjectId' | 'clientId' | 'grantedAt' | 'expiresAt'> & Partial<Consent>,
): Consent {
  return {
    granted: ['sub'],
    declined: [],
    purpose: undefined,
    period: 'lasting',
    passing: [],
    passingUntil: undefined,
    terms: {},
    ...given,
  };
}
