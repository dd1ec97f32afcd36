import type { HeldListStatus } from '../../provider/authentication/list_administration.ts';
import type {
  CrlNumberStore,
  RevocationPolicy,
  RevocationSource,
  RevocationVerdict,
} from '../../provider/authentication/revocation.ts';
import { HubError } from '../../provider/errors.ts';
import { type Certificate, isAboutPersonsOnly, listAddressesOf, type TrustAnchor } from '../../provider/pki/index.ts';
import type { AuthorityWord } from '../../provider/status/authority_word.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { isAtHost } from './address.ts';
import { createAuthorityWord } from './authority_word.ts';
import type { CrlSourceStatus, CrlSourceWorld } from './crl_source.ts';
import { CrlSource } from './crl_source.ts';
import { importList } from './import_list.ts';
import { createListCompiler } from './list_compiler.ts';
import { type HeldList, ListShelf, type TakenList } from './list_shelf.ts';
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
  /** Where each root's lists are, or that they are imported. `anchor` is the id of one of the anchors. */
  readonly lists: readonly { readonly anchor: string; readonly url: string | undefined }[];
  /** Ids of the roots without whose lists nobody can sign in; all of them unless given. */
  readonly needed?: ReadonlySet<string>;
  /** Where each root's responder is; takes precedence over the address inside a certificate. */
  readonly responders?: readonly { readonly anchor: string; readonly url: string }[];
  readonly crlNumbers: CrlNumberStore;
  /** Where compiled lists are kept; the processes of one machine share it. */
  readonly folder: string;
  /** Called after a list has come into service in this process. */
  readonly onTaken?: (taken: TakenList) => Promise<void>;
  /** Hears of every question that is put to a responder, or need not be (ocsp_source.ts). */
  readonly onQuestion?: (outcome: 'asked' | 'remembered', askedFor: string | undefined) => void;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuthorityLog;
  /** Timers; the process's own unless a test holds them. */
  readonly schedule?: Schedule;
  readonly settings?: Partial<AuthoritySettings>;
}

export interface RevocationStatus {
  /** Addresses, and how each is doing. */
  readonly lists: readonly CrlSourceStatus[];
  /** Lists in service, wherever they came from. */
  readonly held: readonly HeldListStatus[];
  readonly ocsp: OcspSourceStatus;
}

export interface Revocation extends RevocationSource {
  /**
   * Resolves when what is on disk is in service and every address has been tried once. Does not reject when the
   * authority is away: it tries again later.
   */
  start(): Promise<void>;
  /** Takes what is on disk into service, and asks nobody. */
  restore(): Promise<void>;
  /** Looks at every address now, without waiting for the schedule. Does not reject either. */
  refresh(): Promise<void>;
  /**
   * Takes a list from a file into service, as it would be taken from an address.
   *
   * @param anchorId the root that must have signed it; found among those with the list's issuer name unless given.
   * @throws HubError `crl_import_failed` with the reason in its message; what was in service stays.
   */
  importList(path: string, anchorId: string | undefined): Promise<TakenList>;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /**
   * Whether sign-ins can be decided now: of every needed root that is in date, a full list is fresh, or the list of
   * each of its addresses is, or each one that was imported.
   */
  ready(): boolean;
  status(): RevocationStatus;
  /** Responders, about certificates that nobody shows at the moment. */
  readonly word: AuthorityWord;
  /** The lists in service, in date or not. One that is replaced meanwhile throws when it is read. */
  held(): readonly HeldList[];
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
  const settings = Object.freeze({ ...defaultAuthoritySettings, ...world.settings });
  const schedule = world.schedule ?? systemSchedule;
  const compiler = createListCompiler();
  const shelf = new ListShelf({ ...world, compiler, settings });
  const onTaken = world.onTaken ?? (async () => {});
  const common = { ...world, schedule, settings, shelf, onTaken };
  const anchorOf = (id: string): TrustAnchor => {
    const anchor = anchors.find((candidate) => candidate.id === id);
    if (anchor === undefined) throw new RangeError('a list or responder is configured for a root that is not pinned');
    return anchor;
  };
  const withLists = [...new Set(lists.map(({ anchor }) => anchorOf(anchor)))];
  const configured = lists.flatMap(({ anchor, url }) =>
    url === undefined ? [] : [new CrlSource(anchorOf(anchor), url, common)],
  );
  const demanded = new DemandedLists(common);
  const isFresh = ({ list }: HeldList, now: number) => list.isFresh(now, settings.listGrace);
  const askLists = (certificate: Certificate, anchor: TrustAnchor, now: number) =>
    askEach(
      shelf.covering(certificate, anchor.id).filter((held) => isFresh(held, now)),
      certificate,
      now,
    );
  const held = () => anchors.flatMap(({ id }) => shelf.of(id));
  const sources = () => [...configured, ...demanded.sources];
  const ocsp = new OcspSource({
    ...common,
    addresses: new Map(responders.map(({ anchor, url }) => [anchorOf(anchor).id, url])),
    isResponderGood: (responder, anchor) => askLists(responder, anchor, clock())?.status === 'good',
  });
  const refresh = async () => {
    await Promise.all(sources().map((source) => source.refresh()));
  };
  // The first look makes the folder that everything fetched is put in.
  let firstLook: Promise<void> | undefined;
  const looked = () => {
    firstLook ??= shelf.look();
    return firstLook;
  };
  let stopped = false;
  let cancelLook = () => {};
  const lookLater = () => {
    if (stopped || settings.shelfInterval === 0) return;
    cancelLook = schedule(settings.shelfInterval, () => void shelf.look().then(lookLater));
  };

  return {
    async check(certificate, anchor, policy, askedFor) {
      const now = clock();
      let byList = askLists(certificate, anchor, now);
      if (byList?.status === 'revoked') return byList;
      const byAnswer = ocsp.known(certificate, anchor, now);
      if (byAnswer?.status === 'revoked') return byAnswer;
      const failures: SourceUnavailable[] = [];
      for (const channel of policy.sources) {
        try {
          if (channel === 'crl' && byList === undefined && (await demanded.fetchFor(certificate, anchor))) {
            byList = askLists(certificate, anchor, clock());
          }
          const verdict =
            channel === 'crl'
              ? (byList ?? noList(sources(), anchor, now))
              : await askResponder(ocsp, certificate, anchor, policy, askedFor);
          if (verdict.status === 'revoked' || isRecent(verdict, policy, clock())) return verdict;
          const nextAt = channel === 'crl' ? nextLook(sources(), anchor, now) : now;
          failures.push(new SourceUnavailable(`${channel}_too_old`, nextAt));
        } catch (error) {
          if (!(error instanceof SourceUnavailable)) throw error;
          failures.push(error);
        }
      }
      throw unavailable(failures, policy, anchor, now);
    },
    async start() {
      await looked();
      lookLater();
      await refresh();
    },
    restore: () => shelf.look(),
    async refresh() {
      await looked();
      await refresh();
    },
    async importList(path, anchorId) {
      await shelf.look();
      const taken = await importList(shelf, path, anchorId === undefined ? anchors : [anchorOf(anchorId)]);
      if (taken.isNew) await onTaken(taken);
      return taken;
    },
    async stop() {
      stopped = true;
      cancelLook();
      compiler.stop();
      await Promise.all(sources().map((source) => source.stop()));
      shelf.close();
    },
    ready() {
      const now = clock();
      return withLists
        .filter(({ id, certificate }) => now <= certificate.notAfter && world.needed?.has(id) !== false)
        .every((anchor) => {
          const ofAnchor = shelf.of(anchor.id);
          if (ofAnchor.some((one) => one.list.distributionPoints === undefined && isFresh(one, now))) return true;
          const addresses = configured.filter((source) => source.anchor === anchor);
          if (addresses.length > 0) return addresses.every((source) => source.isFresh(now));
          return ofAnchor.length > 0 && ofAnchor.every((one) => isFresh(one, now));
        });
    },
    word: createAuthorityWord({ ocsp, anchors, responders, clock }),
    held,
    status() {
      const statuses = held().map((list) => statusOf(list, clock(), settings.listGrace));
      return { lists: sources().map((source) => source.status()), held: statuses, ocsp: ocsp.status() };
    },
  };
}

function statusOf({ anchor, series, list }: HeldList, now: number, grace: number): HeldListStatus {
  return {
    anchor: anchor.id,
    scope: series.slice(series.indexOf(':') + 1),
    number: list.number.toString(),
    entries: list.size,
    thisUpdate: list.thisUpdate,
    nextUpdate: list.nextUpdate,
    fresh: list.isFresh(now, grace),
    url: list.labels.url,
  };
}

/** Addresses out of certificates that the hub asks; a certificate is one of millions, their lists are of a community. */
const MAX_DEMANDED = 500;

/** Lists at the addresses that certificates themselves name, for hosts that the operator allows. */
class DemandedLists {
  readonly #world: CrlSourceWorld;
  readonly #sources = new Map<string, CrlSource>();

  constructor(world: CrlSourceWorld) {
    this.#world = world;
  }

  get sources(): readonly CrlSource[] {
    return [...this.#sources.values()];
  }

  /**
   * Fetches the list that a trusted certificate names, unless that has been tried: then it is looked at by its schedule,
   * as every list is, and no sign-in adds to that. False when there is none to fetch.
   *
   * @throws SourceUnavailable `crl_underway` when it does not come while a person can wait.
   */
  async fetchFor(certificate: Certificate, anchor: TrustAnchor): Promise<boolean> {
    const { settings, schedule, clock } = this.#world;
    const { listHosts } = settings;
    if (listHosts.length === 0) return false;
    const url = listAddressesOf(certificate).find((address) => isAtHost(address, listHosts));
    if (url === undefined) return false;
    const key = `${anchor.id} ${url}`;
    const known = this.#sources.get(key);
    if (known === undefined && this.#sources.size >= MAX_DEMANDED) return false;
    const source = known ?? new CrlSource(anchor, url, this.#world);
    this.#sources.set(key, source);
    if (known !== undefined && !source.isUnderway) return false;
    let cancel = () => {};
    const late = new Promise<'late'>((resolve) => {
      cancel = schedule(settings.ocspTimeout, () => resolve('late'));
    });
    const outcome = await Promise.race([source.refresh(), late]);
    cancel();
    if (outcome === 'late') throw new SourceUnavailable('crl_underway', clock() + settings.ocspTimeout);
    return true;
  }
}

/** What the fresh lists that cover a certificate say; undefined when there is none. One entry anywhere is enough. */
function askEach(lists: readonly HeldList[], certificate: Certificate, now: number): RevocationVerdict | undefined {
  let verdict: RevocationVerdict | undefined;
  for (const { list } of lists) {
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
  askedFor: string | undefined,
): Promise<RevocationVerdict> {
  const address = ocsp.addressOf(certificate, anchor);
  if (address === undefined) throw new SourceUnavailable('ocsp_no_responder', Number.POSITIVE_INFINITY);
  return ocsp.ask(address, certificate, anchor, maxAge, askedFor);
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
