import type { DerElement } from './der.ts';
import { contextConstructed, malformed } from './der.ts';
import { readList } from './der_values.ts';
import type { GeneralName } from './general_name.ts';
import { GeneralNameTag, readGeneralName } from './general_name.ts';
import { foldName } from './name.ts';

/** One subtree: a kind of name and what a name of that kind is compared with. */
export type NameSubtree =
  | { readonly kind: 'directory'; readonly relativeNames: readonly string[] }
  | { readonly kind: 'dns'; readonly domain: string }
  | { readonly kind: 'mail'; readonly mailbox: string | undefined; readonly host: string; readonly below: boolean }
  | { readonly kind: 'uri'; readonly host: string; readonly below: boolean }
  | { readonly kind: 'ip'; readonly address: Uint8Array; readonly mask: Uint8Array }
  /** A kind that is not compared here: names of it are refused wherever it is limited. */
  | { readonly kind: 'other'; readonly tag: number };

/** RFC 5280 §4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly NameSubtree[];
  readonly excluded: readonly NameSubtree[];
}

/** A host name or a subtree of them: letters, digits, hyphens and underscores in labels, no dot at either end. */
const HOST = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Whether a lower-case text is a host name by its syntax. */
export function isHostName(text: string): boolean {
  return HOST.test(text);
}

/** Reads a NameConstraints. Subtrees with a minimum or maximum are refused: RFC 5280 §4.2.1.10 forbids them. */
export function readNameConstraints(element: DerElement): NameConstraints {
  const reader = element.open();
  const permitted = reader.optional(contextConstructed(0));
  const excluded = reader.optional(contextConstructed(1));
  reader.finish();
  if (permitted === undefined && excluded === undefined) throw malformed('nameConstraints is empty');
  return {
    permitted: permitted === undefined ? [] : readSubtrees(permitted),
    excluded: excluded === undefined ? [] : readSubtrees(excluded),
  };
}

function readSubtrees(element: DerElement): NameSubtree[] {
  return readList(element, (inner) => {
    const subtree = inner.next(0x30).open();
    const base = readGeneralName(subtree.next());
    subtree.finish();
    return readSubtree(base);
  });
}

function readSubtree({ tag, value }: GeneralName): NameSubtree {
  switch (tag) {
    case GeneralNameTag.directoryName:
      return { kind: 'directory', relativeNames: foldName(value) };
    case GeneralNameTag.dNSName:
      return { kind: 'dns', domain: asHost(readText(value), { emptyIsEverything: true }) };
    case GeneralNameTag.rfc822Name:
      return readMailSubtree(readText(value));
    case GeneralNameTag.uniformResourceIdentifier: {
      const { host, below } = readHostOrBelow(readText(value));
      return { kind: 'uri', host, below };
    }
    case GeneralNameTag.iPAddress:
      return readAddressSubtree(value);
    default:
      return { kind: 'other', tag };
  }
}

function readMailSubtree(text: string): NameSubtree {
  const at = text.indexOf('@');
  if (at === -1) return { kind: 'mail', mailbox: undefined, ...readHostOrBelow(text) };
  if (at === 0) throw malformed('a mailbox has no local part');
  return { kind: 'mail', mailbox: text.slice(0, at), host: asHost(text.slice(at + 1)), below: false };
}

/** `host` names one host, `.host` all hosts below it (RFC 5280 §4.2.1.10, for mail and URIs). */
function readHostOrBelow(text: string): { host: string; below: boolean } {
  const below = text.startsWith('.');
  return { host: asHost(below ? text.slice(1) : text), below };
}

function asHost(text: string, { emptyIsEverything = false } = {}): string {
  const host = text.toLowerCase();
  if (!(emptyIsEverything && host === '') && !isHostName(host)) throw malformed('a name is limited by no host name');
  return host;
}

function readAddressSubtree(value: Uint8Array): NameSubtree {
  if (value.length !== 8 && value.length !== 32) throw malformed('an address range is neither IPv4 nor IPv6');
  const address = value.subarray(0, value.length / 2);
  const mask = value.subarray(value.length / 2);
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  // RFC 4632: ones, then zeros. Anything else is read differently by different readers.
  if (!/^1*0*$/.test(bits)) throw malformed('an address range has a mask with holes');
  return { kind: 'ip', address, mask };
}

/** IA5String content of a name that is compared. Throws `der_malformed` beyond printable ASCII. */
export function readText(value: Uint8Array): string {
  for (const byte of value) {
    if (byte < 0x21 || byte > 0x7e) throw malformed('a name holds something other than visible ASCII');
  }
  return Buffer.from(value).toString('latin1');
}

/** A name as it is compared with subtrees; `invalid` where its own syntax is wrong. */
export type ComparableName =
  | { readonly kind: 'directory'; readonly relativeNames: readonly string[] }
  | { readonly kind: 'dns'; readonly host: string; readonly wildcard: boolean }
  | { readonly kind: 'mail'; readonly mailbox: string; readonly host: string }
  | { readonly kind: 'uri'; readonly host: string }
  | { readonly kind: 'ip'; readonly address: Uint8Array }
  | { readonly kind: 'other'; readonly tag: number }
  | { readonly kind: 'invalid'; readonly of: 'dns' | 'mail' | 'uri' | 'ip' };

/** Prepares a name of a subjectAltName for comparison. Throws `der_malformed`. */
export function comparable({ tag, value }: GeneralName): ComparableName {
  switch (tag) {
    case GeneralNameTag.directoryName:
      return { kind: 'directory', relativeNames: foldName(value) };
    case GeneralNameTag.dNSName:
      return comparableHost(readText(value));
    case GeneralNameTag.rfc822Name:
      return comparableMailbox(readText(value));
    case GeneralNameTag.uniformResourceIdentifier:
      return comparableAddress(readText(value));
    case GeneralNameTag.iPAddress:
      return value.length === 4 || value.length === 16 ? { kind: 'ip', address: value } : { kind: 'invalid', of: 'ip' };
    default:
      return { kind: 'other', tag };
  }
}

function comparableHost(text: string): ComparableName {
  const wildcard = text.startsWith('*.');
  const host = (wildcard ? text.slice(2) : text).toLowerCase();
  return isHostName(host) ? { kind: 'dns', host, wildcard } : { kind: 'invalid', of: 'dns' };
}

/** Also for the emailAddress of a subject (RFC 5280 §4.1.2.6). */
export function comparableMailbox(text: string): ComparableName {
  const [mailbox, host, ...rest] = text.split('@');
  const valid = mailbox && host && rest.length === 0 && isHostName(host.toLowerCase());
  return valid ? { kind: 'mail', mailbox, host: host.toLowerCase() } : { kind: 'invalid', of: 'mail' };
}

/** RFC 5280 §4.2.1.10: the constraint is on the host part, and a URI without one cannot be judged. */
function comparableAddress(text: string): ComparableName {
  // User information before the host is left to nobody's reading: such a URI does not match the pattern.
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#:@]+)(?::\d*)?(?:[/?#]|$)/i.exec(text)?.[1]?.toLowerCase();
  const named = host !== undefined && isHostName(host) && !/^[\d.]+$/.test(host);
  return named ? { kind: 'uri', host } : { kind: 'invalid', of: 'uri' };
}

/** Whether a limit on this subtree's kind says anything about this name. */
export function concerns(subtree: NameSubtree, name: ComparableName): boolean {
  if (name.kind === 'invalid') return subtree.kind === name.of;
  if (name.kind === 'other') return subtree.kind === 'other' && subtree.tag === name.tag;
  return subtree.kind === name.kind;
}

/**
 * Whether every host, person or place that the name stands for lies within the subtree (`within` = `all`), or whether
 * any of them may (`within` = `some`). The two differ for wildcards, which RFC 5280 does not know: `*.example.com`
 * reaches into an excluded `bar.example.com` and out of a permitted one (CVE-2025-61727). A name that cannot be
 * judged is in no permitted subtree and in every excluded one.
 */
export function isWithin(name: ComparableName, subtree: NameSubtree, within: 'all' | 'some'): boolean {
  const unsure = within === 'some';
  if (name.kind === 'invalid' || name.kind === 'other' || subtree.kind === 'other') return unsure;
  if (name.kind === 'directory' && subtree.kind === 'directory') {
    return subtree.relativeNames.every((relativeName, index) => name.relativeNames[index] === relativeName);
  }
  if (name.kind === 'dns' && subtree.kind === 'dns') {
    if (isDomainWithin(name.host, subtree.domain)) return true;
    return unsure && name.wildcard && subtree.domain.slice(subtree.domain.indexOf('.') + 1) === name.host;
  }
  if (name.kind === 'mail' && subtree.kind === 'mail') {
    if (subtree.mailbox !== undefined) {
      // The local part is case-sensitive (RFC 5321 §2.4), yet nobody tells apart mailboxes by case.
      const same = unsure
        ? subtree.mailbox.toLowerCase() === name.mailbox.toLowerCase()
        : subtree.mailbox === name.mailbox;
      return same && subtree.host === name.host;
    }
    return isHostWithin(name.host, subtree);
  }
  if (name.kind === 'uri' && subtree.kind === 'uri') return isHostWithin(name.host, subtree);
  if (name.kind === 'ip' && subtree.kind === 'ip') {
    const { address, mask } = subtree;
    if (name.address.length !== address.length) return false;
    return name.address.every((byte, index) => {
      const bits = mask[index] ?? 0xff;
      return (byte & bits) === ((address[index] ?? 0) & bits);
    });
  }
  return unsure;
}

function isDomainWithin(host: string, domain: string): boolean {
  return domain === '' || host === domain || host.endsWith(`.${domain}`);
}

function isHostWithin(host: string, subtree: { host: string; below: boolean }): boolean {
  return subtree.below ? host.endsWith(`.${subtree.host}`) : host === subtree.host;
}
