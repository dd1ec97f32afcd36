import { ACR_VALUES, type CardCheckOfSession, readAchievedAcr, requestedChannel } from './acr.ts';
import type { RevocationPolicy } from './revocation.ts';

export interface RevocationPolicySettings {
  /** For everybody who names none. */
  readonly default: RevocationPolicy;
  /** The others, by their names. */
  readonly policies: readonly RevocationPolicy[];
  /** Policies that a request asks for by an `acr` value. */
  readonly byAcr: readonly { readonly acr: string; readonly policy: string }[];
}

export interface PolicyRequest {
  /** The `acr` values of the request. */
  readonly acr: readonly string[];
  /** The policy that the relying party is registered with. */
  readonly registered: string | undefined;
}

export interface RevocationPolicies {
  /** `acr` values beside the hub's own that select a policy. */
  readonly acrValues: readonly string[];
  has(name: string): boolean;
  /**
   * What a sign-in for this request must be checked by. A request comes through the browser, where the wrong person may
   * change it, so it can tighten what the relying party is registered with and never loosen it:
   *
   * 1. The registered policy, else the one that a requested `acr` value stands for, else the default.
   * 2. With both, both hold: sources of the registered policy that the other has too, and the shorter age. Where no
   *    source is left the registered policy stands alone.
   * 3. A channel (`acr_values=aal3 ocsp`) leaves that one source, where the policy has it.
   *
   * @throws RangeError when the registered policy is not configured.
   */
  forRequest(request: PolicyRequest): RevocationPolicy;
  /** Those of `acrValues` that were requested and that a session meets. */
  metAcrValues(achieved: string | undefined, requested: readonly string[], now: number): readonly string[];
}

/** @throws RangeError when `byAcr` names a policy that is not there. */
export function createRevocationPolicies(settings: RevocationPolicySettings): RevocationPolicies {
  const byName = new Map([settings.default, ...settings.policies].map((policy) => [policy.name, policy]));
  const named = (name: string): RevocationPolicy => {
    const policy = byName.get(name);
    if (policy === undefined) throw new RangeError(`no revocation policy is called "${name}"`);
    return policy;
  };
  const byAcr = new Map(settings.byAcr.map(({ acr, policy }) => [acr, named(policy)]));

  return {
    acrValues: [...byAcr.keys()].filter((value) => !isOurOwn(value)),
    has: (name) => byName.has(name),
    forRequest({ acr, registered }) {
      const own = registered === undefined ? undefined : named(registered);
      const asked = tokensOf(acr)
        .map((token) => byAcr.get(token))
        .find((policy) => policy !== undefined);
      const both = own && asked ? tightened(own, asked) : (own ?? asked ?? settings.default);
      const channel = requestedChannel(acr);
      if (channel === undefined || !both.sources.includes(channel) || both.sources.length === 1) return both;
      return { ...both, name: `${both.name}/${channel}`, sources: [channel] };
    },
    metAcrValues(achieved, requested, now) {
      const check = readAchievedAcr(achieved);
      return tokensOf(requested).filter((token) => {
        const policy = byAcr.get(token);
        return policy !== undefined && !isOurOwn(token) && check !== undefined && isMetBy(policy, check, now);
      });
    },
  };
}

/**
 * Whether the check that a session was made with is good enough for a policy: from one of its sources, and of an age
 * that it allows. A list counts for a policy that prefers OCSP only when it was this very policy that fell back to the
 * list; an OCSP answer counts for one that prefers the list, since it is given only where no list says otherwise.
 */
export function isMetBy(policy: RevocationPolicy, check: CardCheckOfSession, now: number): boolean {
  if (!policy.sources.includes(check.source)) return false;
  if (check.source === 'crl' && policy.sources[0] === 'ocsp' && check.policy !== policy.name) return false;
  if (policy.maxAge === undefined) return true;
  return check.asOf !== undefined && now - check.asOf <= policy.maxAge;
}

function tightened(own: RevocationPolicy, asked: RevocationPolicy): RevocationPolicy {
  const sources = own.sources.filter((source) => asked.sources.includes(source));
  if (own.name === asked.name || sources.length === 0) return own;
  const ages = [own.maxAge, asked.maxAge].filter((age) => age !== undefined);
  return {
    name: `${own.name}+${asked.name}`,
    sources,
    maxAge: ages.length === 0 ? undefined : Math.min(...ages),
  };
}

/** What these say is said by the level and the channel themselves. */
function isOurOwn(acr: string): boolean {
  return (ACR_VALUES as readonly string[]).includes(acr);
}

function tokensOf(acr: readonly string[]): string[] {
  return acr.flatMap((value) => value.split(' '));
}
