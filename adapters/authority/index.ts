/** The certification authority as a neighbour: revocation lists by schedule, OCSP on demand. */

export type { Revocation, RevocationStatus, RevocationWorld } from './revocation.ts';
export { createRevocation } from './revocation.ts';
export type { AuthoritySettings } from './settings.ts';
export { defaultAuthoritySettings } from './settings.ts';
