import type { Certificate } from './certificate.ts';
import { PkiError } from './errors.ts';
import { anyPolicy } from './object_identifiers.ts';

/** The inputs of RFC 5280 §6.1.1 (c) to (g) that are about policies. */
export interface PolicyInputs {
  /** user-initial-policy-set; empty for any policy. */
  readonly policies: readonly string[];
  readonly explicitPolicy: boolean;
  readonly inhibitMapping: boolean;
  readonly inhibitAny: boolean;
}

/** A policy that is still good at this depth of the path. */
interface PolicyNode {
  /** What the next certificate may call it. */
  expected: ReadonlySet<string>;
  /** What the pinned root's community calls it: the policies at the top of every branch that leads here. */
  readonly origins: ReadonlySet<string>;
}

/**
 * Certificate policies along one path: RFC 5280 §6.1 as RFC 9618 rewrites it.
 *
 * The tree of RFC 5280 grows exponentially when policies are mapped criss-cross. RFC 9618 makes it a graph with one
 * node for each policy and depth; and since nothing is asked of a branch but where it began, each node carries
 * that and only the newest depth is kept. Work and memory are bounded by the policies that one certificate may hold.
 */
export class PolicyState {
  readonly #wanted: readonly string[];
  #level: Map<string, PolicyNode> | undefined;
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAny: number;

  /** @param length number of certificates below the anchor */
  constructor(length: number, inputs: PolicyInputs) {
    this.#wanted = inputs.policies.includes(anyPolicy) ? [] : inputs.policies;
    this.#explicitPolicy = inputs.explicitPolicy ? 0 : length + 1;
    this.#policyMapping = inputs.inhibitMapping ? 0 : length + 1;
    this.#inhibitAny = inputs.inhibitAny ? 0 : length + 1;
    this.#level = new Map([[anyPolicy, { expected: new Set([anyPolicy]), origins: new Set([anyPolicy]) }]]);
  }

  /**
   * §6.1.3 (d) to (f): what the certificate asserts of what its issuer may grant.
   *
   * @throws PkiError `path_policy`.
   */
  descend(certificate: Certificate, isFinal: boolean): void {
    const asserted = certificate.extensions.certificatePolicies;
    const anyAllowed = this.#inhibitAny > 0 || (!isFinal && certificate.isSelfIssued);
    this.#level = this.#level && nextLevel(this.#level, asserted, anyAllowed);
    if (this.#explicitPolicy === 0 && this.#level === undefined) throw noPolicy();
  }

  /**
   * §6.1.4 (a), (b), (h) to (j): what an authority lays down for those below it.
   *
   * @throws PkiError `path_policy` for a mapping from or to anyPolicy.
   */
  prepare(authority: Certificate): void {
    this.#map(authority);
    if (!authority.isSelfIssued) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAny = Math.max(0, this.#inhibitAny - 1);
    }
    this.constrain(authority);
  }

  /** §6.1.4 (i) and (j), which the pinned root may ask for too (RFC 5937 §3.2). */
  constrain({ extensions }: Certificate): void {
    const { policyConstraints, inhibitAnyPolicy } = extensions;
    this.#explicitPolicy = Math.min(this.#explicitPolicy, policyConstraints?.requireExplicitPolicy ?? Infinity);
    this.#policyMapping = Math.min(this.#policyMapping, policyConstraints?.inhibitPolicyMapping ?? Infinity);
    this.#inhibitAny = Math.min(this.#inhibitAny, inhibitAnyPolicy ?? Infinity);
  }

  /**
   * §6.1.5 (a), (b), (g): one of the wanted policies has come all the way, or none is demanded.
   *
   * @throws PkiError `path_policy`.
   */
  finish(final: Certificate): void {
    const demanded = final.extensions.policyConstraints?.requireExplicitPolicy === 0;
    if (this.#explicitPolicy > 1 && !demanded) return;
    const origins = [...(this.#level?.values() ?? [])].flatMap((node) => [...node.origins]);
    const granted =
      this.#wanted.length === 0
        ? origins.length > 0
        : origins.some((policy) => policy === anyPolicy || this.#wanted.includes(policy));
    if (!granted) throw noPolicy();
  }

  #map({ extensions }: Certificate): void {
    const mapped = new Map<string, Set<string>>();
    for (const { issuerDomainPolicy, subjectDomainPolicy } of extensions.policyMappings) {
      if (issuerDomainPolicy === anyPolicy || subjectDomainPolicy === anyPolicy) {
        throw new PkiError('path_policy', 'a policy is mapped from or to anyPolicy');
      }
      const targets = mapped.get(issuerDomainPolicy) ?? new Set();
      mapped.set(issuerDomainPolicy, targets.add(subjectDomainPolicy));
    }
    const level = this.#level;
    if (level === undefined) return;
    for (const [policy, expected] of mapped) {
      const node = level.get(policy);
      if (this.#policyMapping === 0) level.delete(policy);
      else if (node !== undefined) node.expected = expected;
      else if (level.has(anyPolicy)) level.set(policy, { expected, origins: new Set([policy]) });
    }
    if (level.size === 0) this.#level = undefined;
  }
}

/** §6.1.3 (d)(1) to (3) and (e). Undefined when no policy is left. */
function nextLevel(
  level: ReadonlyMap<string, PolicyNode>,
  asserted: readonly string[],
  anyAllowed: boolean,
): Map<string, PolicyNode> | undefined {
  const parents = new Map<string, PolicyNode[]>();
  for (const node of level.values()) {
    for (const policy of node.expected) {
      const expecting = parents.get(policy);
      if (expecting === undefined) parents.set(policy, [node]);
      else expecting.push(node);
    }
  }
  const next = new Map<string, PolicyNode>();
  const add = (policy: string, origins: ReadonlySet<string>) =>
    next.set(policy, { expected: new Set([policy]), origins });
  for (const policy of asserted) {
    if (policy === anyPolicy) continue;
    const expecting = parents.get(policy);
    if (expecting !== undefined) add(policy, originsOf(expecting));
    else if (level.has(anyPolicy)) add(policy, new Set([policy]));
  }
  if (asserted.includes(anyPolicy) && anyAllowed) {
    for (const [policy, expecting] of parents) if (!next.has(policy)) add(policy, originsOf(expecting));
  }
  return next.size === 0 ? undefined : next;
}

function originsOf(nodes: readonly PolicyNode[]): Set<string> {
  return new Set(nodes.flatMap((node) => [...node.origins]));
}

function noPolicy(): PkiError {
  return new PkiError('path_policy', 'the path grants none of the policies that are demanded');
}
