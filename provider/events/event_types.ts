import type { Happening } from '../identity/happenings.ts';
import type { NoticeKind } from '../identity/notices.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';

/** Events about the stream itself (SSF 1.0 §8.1.4, §8.1.5). */
export const VERIFICATION = `${SSF}verification`;
export const STREAM_UPDATED = `${SSF}stream-updated`;

/**
 * Something that the person is to be told, for the one service that the operator lets write to people: no relying party's
 * business. No standard has an event for it.
 */
export const PERSON_NOTICE = 'https://musubi.example/secevent/event-type/person-notice';

/**
 * The person took their consent back: nothing is released to this relying party any more, and its tokens of this person have
 * ended. No standard has an event for it (CAEP's `session-revoked` would say less, RISC's `opt-out` something else).
 */
export const CONSENT_WITHDRAWN = 'https://musubi.example/secevent/event-type/consent-withdrawn';

export interface EventType {
  readonly uri: string;
  /** What stands in it beside the time. */
  readonly members: Readonly<Record<string, unknown>>;
}

/**
 * What happens here, in the standard's events. The one table of it; each with where it is defined.
 *
 * A renewed card is no event of its own: the person comes back with the new one. None has a reason (`reason_admin`,
 * `reason_user`, RISC's `reason`), and none tells a death from a lost card: `account-disabled` says that nobody can sign in
 * by what the relying party knows, and no more. `credential-change` is not used, since which certificate of whom was revoked
 * is the authority's word, which is not passed on (law, article 52).
 */
export const EVENT_OF: Readonly<Record<Happening, EventType>> = {
  'notice:card_renewed': notice('card_renewed'),
  'notice:device_added': notice('device_added'),
  'notice:registration_taken_over': notice('registration_taken_over'),
  'notice:attributes_stale': notice('attributes_stale'),
  'notice:unusual_sign_in': notice('unusual_sign_in'),
  'notice:account_unlocked': notice('account_unlocked'),
  // CAEP 1.0 §3.1. The subject is the person: every session of theirs.
  sessions_ended: { uri: `${CAEP}session-revoked`, members: { initiating_entity: 'system' } },
  // RISC 1.0 §2.3, without its optional reason.
  contact_needed: { uri: `${RISC}account-disabled`, members: {} },
  // CAEP 1.0 §3.2, of the member that status checks answer with. Values of attributes never leave this way.
  attributes_stale: { uri: `${CAEP}token-claims-change`, members: { claims: { attributes: 'stale' } } },
  consent_withdrawn: { uri: CONSENT_WITHDRAWN, members: { initiating_entity: 'user' } },
  attributes_current: { uri: `${CAEP}token-claims-change`, members: { claims: { attributes: 'current' } } },
};

function notice(kind: NoticeKind): EventType {
  return { uri: PERSON_NOTICE, members: { notice: kind } };
}

/** What every receiver may ask for. */
const SUPPORTED_EVENTS: readonly string[] = [...new Set(Object.values(EVENT_OF).map(({ uri }) => uri))].filter(
  (uri) => uri !== PERSON_NOTICE,
);

/** What this one may ask for. */
export function supportedEvents({ hearsNotices }: { readonly hearsNotices: boolean }): readonly string[] {
  return hearsNotices ? [...SUPPORTED_EVENTS, PERSON_NOTICE] : SUPPORTED_EVENTS;
}
