/** The simulated authority: start it, command it, and what it keeps where. */
export { type Anchor, type AnchorsFile, describeAnchors } from './anchors.ts';
export { AuthorityInUseError, type AuthorityOptions, authorityFolder, cardsFolder, runtimeFile } from './authority.ts';
export type { CitizenSummary, IssueInput, MoveInput, RevokeInput } from './citizen_operations.ts';
export { SANDBOX_PIN, SANDBOX_SIGNING_PIN } from './issuing.ts';
export type { ConsentRequest, LatestAttributes } from './latest_attributes.ts';
export type { LinkageWant } from './linkage.ts';
export { type CitizenSpec, SANDBOX_CITIZENS, SCENARIOS, type Scenario } from './sandbox_citizens.ts';
export { SIGNATURE_HEADER } from './signed_answers.ts';
export { type RunningAuthority, type StartOptions, startAuthority } from './start_authority.ts';
export type { ConsentItem } from './state.ts';
