/** The certification authority as a neighbour: revocation lists by schedule, OCSP on demand. */

export { openIndexFile } from './index_file.ts';
export { createLatestAttributesService } from './latest_attributes_service.ts';
export { createLinkageService } from './linkage_service.ts';
export type { TakenList } from './list_shelf.ts';
export type { Revocation, RevocationStatus, RevocationWorld } from './revocation.ts';
export { createRevocation } from './revocation.ts';
export { systemSchedule } from './schedule.ts';
export type { AuthoritySettings } from './settings.ts';
export { defaultAuthoritySettings } from './settings.ts';
