import { readFileSync } from 'node:fs';
import {
  createLatestAttributesService,
  createLinkageService,
  createRevocation,
  openIndexFile,
  type Revocation,
  systemSchedule,
  type TakenList,
} from '../../adapters/authority/index.ts';
import { createGuardedFetch } from '../../adapters/outbound/guarded_fetch.ts';
import type { Configuration } from '../../config/schema.ts';
import type { LatestAttributesSource } from '../attributes/latest_attributes_source.ts';
import type { AuditEvent } from '../audit/audit_log.ts';
import type { RevocationChannel, RevocationPolicy } from '../authentication/revocation.ts';
import { createRevocationPolicies, type RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { ListDifference } from '../identity/follow_lists.ts';
import type { LinkageSource } from '../identity/linkage.ts';
import type { Metrics } from '../operations/metrics.ts';
import { MAX_OCSP_RESPONSE_SIZE, RevocationList } from '../pki/index.ts';
import type { CertificateKind, Trust } from '../trust.ts';
import type { Base, Store } from './store.ts';

/* Wiring of the composition root: everything that asks the certification authority. */

export function openAuthority(
  { config, log, clock, random }: Base,
  { user, signing }: Readonly<Record<CertificateKind, Trust>>,
  storage: Store['storage'],
  hears: {
    onTaken(taken: TakenList, event: AuditEvent): Promise<void>;
    onQuestion(outcome: 'asked' | 'remembered', clientId: string | undefined): void;
  },
): Revocation {
  const { revocation } = config;
  const forSignIn = [...user.anchors, ...user.intermediates];
  const anchors = [...forSignIn, ...signing.anchors];
  const idOf = new Map(anchors.map(({ name, anchor }) => [name, anchor.id]));
  const known = <Url>(entries: readonly { anchor: string; url: Url }[]) =>
    entries.map(({ anchor, url }) => ({ anchor: idOf.get(anchor) ?? anchor, url }));
  const policies = policiesFrom(config);
  const asks = (channel: RevocationChannel) => policies.some(({ sources }) => sources.includes(channel));
  return createRevocation({
    anchors: anchors.map(({ anchor }) => anchor),
    lists: asks('crl') ? known(revocation.lists.map(({ anchor, url }) => ({ anchor, url }))) : [],
    responders: asks('ocsp') ? known(revocation.responders) : [],
    // A signing certificate that cannot be checked keeps nobody out.
    needed: new Set(forSignIn.map(({ anchor }) => anchor.id)),
    crlNumbers: storage.crlNumbers,
    folder: revocation.listFolder,
    onTaken: (taken) => hears.onTaken(taken, listTaken(taken, anchors)),
    onQuestion: hears.onQuestion,
    fetch: authorityFetch(config),
    clock,
    random,
    log,
    settings: {
      refreshInterval: revocation.refreshSeconds * 1000,
      listGrace: revocation.graceSeconds * 1000,
      listTimeout: revocation.listTimeoutSeconds * 1000,
      listMaxSize: revocation.listMaxBytes,
      listHosts: asks('crl') ? revocation.listHosts : [],
      ocspTimeout: revocation.ocspTimeoutSeconds * 1000,
      ocspHosts: asks('ocsp') ? revocation.ocspHosts : [],
      ocspNonce: revocation.ocspNonce,
      ocspDigest: revocation.ocspDigest,
      ocspMaxAge: revocation.ocspMaxAgeSeconds * 1000,
      ocspBreakerFailures: revocation.ocspBreakerFailures,
    },
  });
}

export function differenceOf({ difference, newlyRevoked }: TakenList): ListDifference | undefined {
  if (difference === undefined || newlyRevoked === undefined) return undefined;
  return {
    since: { number: difference.since, thisUpdate: difference.sinceThisUpdate },
    open() {
      const file = openIndexFile(newlyRevoked);
      return { entries: new RevocationList(file).entries.entries(), close: file.close };
    },
  };
}

/** What the audit chain keeps of a list: which one, and what it brought; never whose certificates. */
function listTaken({ anchor, series, list, difference }: TakenList, anchors: Trust['anchors']): AuditEvent {
  const { since, sinceThisUpdate: _known, ...counts } = difference ?? {};
  return {
    kind: 'revocation_list.taken',
    actor: list.labels.url === undefined ? 'operator' : 'hub',
    data: {
      anchor: anchors.find((known) => known.anchor.id === anchor.id)?.name,
      scope: series.slice(series.indexOf(':') + 1),
      number: list.number.toString(),
      thisUpdate: list.thisUpdate,
      nextUpdate: list.nextUpdate,
      entries: list.size,
      ...(since !== undefined && { since: since.toString(), ...counts }),
    },
  };
}

/** Where the operator says that the authority is, private networks included, and nowhere else. */
function authorityFetch({ revocation, linkage }: Configuration): typeof fetch {
  const { lists, responders, ocspHosts, listHosts, listTimeoutSeconds, ocspTimeoutSeconds, listMaxBytes } = revocation;
  return createGuardedFetch({
    // The widest of what it is used for; each exchange has its own, narrower limits.
    timeout: Math.max(listTimeoutSeconds, ocspTimeoutSeconds, linkage?.timeoutSeconds ?? 0) * 1000,
    maxBody: Math.max(listMaxBytes, MAX_OCSP_RESPONSE_SIZE),
    streaming: true,
    allowedNetworks: [],
    // Lists and answers are signed, and production sends its token over TLS only (config/rules.ts).
    allowPlainHttp: true,
    places: {
      configured: [
        ...[...lists, ...responders].map(({ url }) => url),
        ...[linkage?.url, linkage?.latestAttributesUrl],
      ].flatMap((url) => (url === undefined ? [] : [new URL(url).origin])),
      allowed: [...ocspHosts, ...listHosts],
    },
  });
}

export function openLinkage(base: Base): LinkageSource | undefined {
  const { linkage } = base.config;
  return linkage && createLinkageService({ ...verifierWorld(base, linkage), url: linkage.url });
}

/** By what the hub is known to the authority's services for verifiers, and knows their answers. */
function verifierWorld(
  { config, clock, log }: Base,
  { tokenFile, keysFile, timeoutSeconds }: NonNullable<Configuration['linkage']>,
) {
  return {
    token: readFileSync(tokenFile, 'utf8').trim(),
    keys: JSON.parse(readFileSync(keysFile, 'utf8')),
    timeout: timeoutSeconds * 1000,
    fetch: authorityFetch(config),
    schedule: systemSchedule,
    ...{ clock, log },
  };
}

export function openLatestAttributes(base: Base): LatestAttributesSource | undefined {
  const { linkage } = base.config;
  if (linkage?.latestAttributesUrl === undefined) return undefined;
  const { latestAttributesUrl: url } = linkage;
  return createLatestAttributesService({ ...verifierWorld(base, linkage), url, random: base.random });
}

export function policiesOf(config: Configuration): RevocationPolicies {
  const [first, ...others] = policiesFrom(config);
  return createRevocationPolicies({ default: first, policies: others, byAcr: config.revocation.policyByAcr });
}

/** The default one first: one of that name takes the place of what `revocation.sources` makes. */
function policiesFrom({ revocation }: Configuration): readonly [RevocationPolicy, ...RevocationPolicy[]] {
  const policies = revocation.policies.map(
    ({ name, sources, maxAgeSeconds }): RevocationPolicy => ({
      name,
      sources,
      maxAge: maxAgeSeconds === undefined ? undefined : maxAgeSeconds * 1000,
    }),
  );
  const ordinary = { name: 'default', sources: revocation.sources, maxAge: undefined };
  return [
    policies.find(({ name }) => name === ordinary.name) ?? ordinary,
    ...policies.filter(({ name }) => name !== ordinary.name),
  ];
}

/** The same source, counted by the channel that answered. */
export function watched(metrics: Metrics, revocation: Revocation): Revocation {
  metrics.watchRevocation(() => revocation.status().lists);
  return {
    ...revocation,
    async check(certificate, anchor, policy, askedFor) {
      try {
        const verdict = await revocation.check(certificate, anchor, policy, askedFor);
        metrics.revocationChecked(verdict.source);
        return verdict;
      } catch (error) {
        metrics.revocationChecked('unavailable');
        throw error;
      }
    },
  };
}

export function namedAnchors({ user, signing }: Readonly<Record<CertificateKind, Trust>>): Trust['anchors'] {
  return [...user.anchors, ...user.intermediates, ...signing.anchors];
}
