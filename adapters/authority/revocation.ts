import type {
  CrlNumberStore,
  RevocationPolicy,
  RevocationSource,
  RevocationVerdict,
} from '../../provider/authentication/revocation.ts';
import { HubError } from '../../provider/errors.ts';
import { type Certificate, isAboutPersonsOnly, type TrustAnchor } from '../../provider/pki/index.ts';
import type { Clock, Random } from '../../provider/world.ts';
import type { CrlSourceStatus } from './crl_source.ts';
import { CrlSource } from './crl_source.ts';
import type { AuthorityLog } from './log.ts';
import type { OcspSourceStatus } from './ocsp_source.ts';
import { OcspSource } from './ocsp_source.ts';
import type { Schedule } from './schedule.ts';
import { systemSchedule } from './schedule.ts';
import type { AuthoritySettings } from './settings.ts';
import { defaultAuthoritySettings } from './settings.ts';
import { SourceUnavailable } from './source_unavailable.ts';

export interface RevocationWorld {
  readonly anchors: readonly TrustAnchor[];
  /** Where each root's lists are. `anchor` is the id of one of the anchors. */
  readonly lists: readonly { readonly anchor: string; readonly url: string }[];
  /** Ids of the roots without whose lists nobody can sign in; all of them unless given. */
  readonly needed?: ReadonlySet<string>;
  /** Where each root's responder is; takes precedence over the address inside a certificate. */
  readonly responders?: readonly { readonly anchor: string; readonly url: string }[];
  readonly crlNumbers: CrlNumberStore;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuthorityLog;
  /** Timers; the process's own unless a test holds them. */
  readonly schedule?: Schedule;
  readonly settings?: Partial<AuthoritySettings>;
}

export interface RevocationStatus {
  readonly lists: readonly CrlSourceStatus[];
  readonly ocsp: OcspSourceStatus;
}

export interface Revocation extends RevocationSource {
  /** Resolves when every list has been tried once. Does not reject when the authority is away: it tries again later. */
  start(): Promise<void>;
  /** Looks at every list now, without waiting for the schedule. Does not reject either. */
  refresh(): Promise<void>;
  stop(): void;
  /** Whether sign-ins can be decided now: every list of a needed root that is in date is fresh. */
  ready(): boolean;
  status(): RevocationStatus;
}

/** Shortest and longest `Retry-After`, seconds: not at once, and not so late that the person has gone. */
const RETRY_AFTER_RANGE = { min: 5, max: 300 } as const;

/**
 * The authority's word on who is revoked, by list and by OCSP, in the order of the policy. If two sources are known
 * and disagree, revoked wins, whatever the policy names.
 *
 * @throws RangeError when a list or responder names an anchor that is not among the anchors.
 */
export function createRevocation(world: RevocationWorld): Revocation {
  const { anchors, clock, lists, responders = [] } = world;
  const common = {
    ...world,
    schedule: world.schedule ?? systemSchedule,
    settings: Object.freeze({ ...defaultAuthoritySettings, ...world.settings }),
  };
  const anchorOf = (id: string): TrustAnchor => {
    const anchor = anchors.find((candidate) => candidate.id === id);
    if (anchor === undefined) throw new RangeError('a list or responder is configured for a root that is not pinned');
    return anchor;
  };
  const sources = lists.map(({ anchor, url }) => new CrlSource(anchorOf(anchor), url, common));
  const ocsp = new OcspSource({
    ...common,
    addresses: new Map(responders.map(({ anchor, url }) => [anchorOf(anchor).id, url])),
    isResponderGood: (responder, anchor) => askLists(sources, responder, anchor, clock())?.status === 'good',
  });

  const refresh = async () => {
    await Promise.all(sources.map((source) => source.refresh()));
  };

  return {
    async check(certificate, anchor, policy) {
      const now = clock();
      const byList = askLists(sources, certificate, anchor, now);
      if (byList?.status === 'revoked') return byList;
      const byAnswer = ocsp.known(certificate, anchor, now);
      if (byAnswer?.status === 'revoked') return byAnswer;
      const failures: SourceUnavailable[] = [];
      for (const channel of policy.sources) {
        try {
          const verdict =
            channel === 'crl'
              ? (byList ?? noList(sources, anchor, now))
              : await askResponder(ocsp, certificate, anchor, policy);
          if (verdict.status === 'revoked' || isRecent(verdict, policy, clock())) return verdict;
          const nextAt = channel === 'crl' ? nextLook(sources, anchor, now) : now;
          failures.push(new SourceUnavailable(`${channel}_too_old`, nextAt));
        } catch (error) {
          if (!(error instanceof SourceUnavailable)) throw error;
          failures.push(error);
        }
      }
      throw unavailable(failures, policy, anchor, now);
    },
    start: refresh,
    refresh,
    stop() {
      for (const source of sources) source.stop();
    },
    ready() {
      const now = clock();
      return sources
        .filter(({ anchor }) => now <= anchor.certificate.notAfter && world.needed?.has(anchor.id) !== false)
        .every((source) => source.freshList(now) !== undefined);
    },
    status() {
      return { lists: sources.map((source) => source.status()), ocsp: ocsp.status() };
    },
  };
}

/** What the fresh lists that cover a certificate say; undefined when there is none. One entry anywhere is enough. */
function askLists(
  sources: readonly CrlSource[],
  certificate: Certificate,
  anchor: TrustAnchor,
  now: number,
): RevocationVerdict | undefined {
  let verdict: RevocationVerdict | undefined;
  for (const source of sources) {
    if (source.anchor.id !== anchor.id) continue;
    const list = source.freshList(now);
    if (list === undefined || !list.covers(certificate)) continue;
    // An authority below the root is on the root's list for authorities, if it has one for persons only.
    if (isAuthority(certificate) && isAboutPersonsOnly(list.scope)) continue;
    const { thisUpdate, nextUpdate } = list;
    const common = { source: 'crl', thisUpdate, nextUpdate, checkedAt: now } as const;
    const revocation = list.find(certificate.serial);
    if (revocation !== undefined) return { status: 'revoked', ...revocation, ...common };
    if (verdict === undefined || thisUpdate > verdict.thisUpdate) {
      verdict = { status: 'good', reason: undefined, revokedAt: undefined, ...common };
    }
  }
  return verdict;
}

function isAuthority({ extensions }: Certificate): boolean {
  return extensions.basicConstraints?.cA === true;
}

function isRecent({ thisUpdate }: RevocationVerdict, { maxAge }: RevocationPolicy, now: number): boolean {
  return maxAge === undefined || now - thisUpdate <= maxAge;
}

function noList(sources: readonly CrlSource[], anchor: TrustAnchor, now: number): never {
  throw new SourceUnavailable('crl_none_fresh', nextLook(sources, anchor, now));
}

/** Throws SourceUnavailable, or HubError `certificate_unknown`. */
async function askResponder(
  ocsp: OcspSource,
  certificate: Certificate,
  anchor: TrustAnchor,
  { maxAge }: RevocationPolicy,
): Promise<RevocationVerdict> {
  const address = ocsp.addressOf(certificate, anchor);
  if (address === undefined) throw new SourceUnavailable('ocsp_no_responder', Number.POSITIVE_INFINITY);
  return ocsp.ask(address, certificate, anchor, maxAge);
}

/** When one of the root's lists is looked at next. */
function nextLook(sources: readonly CrlSource[], anchor: TrustAnchor, now: number): number {
  const due = sources.filter((source) => source.anchor.id === anchor.id).map((source) => source.nextAt ?? now);
  return due.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...due);
}

function unavailable(
  failures: readonly SourceUnavailable[],
  policy: RevocationPolicy,
  anchor: TrustAnchor,
  now: number,
): HubError {
  const seconds = Math.ceil((Math.min(...failures.map(({ retryAt }) => retryAt)) - now) / 1000);
  return new HubError('revocation_unavailable', 503, 'Whether the card is still valid cannot be checked just now.', {
    retryAfter: Math.min(Math.max(seconds, RETRY_AFTER_RANGE.min), RETRY_AFTER_RANGE.max),
    details: { reason: failures.map(({ code }) => code).join(' '), policy: policy.name, anchor: anchor.id },
    cause: failures.at(-1),
  });
}
