import type { Certificate } from './certificate.ts';
import { contextConstructed, contextPrimitive, DerReader, malformed, Tag } from './der.ts';
import { readAscii, readList, readNamedBits } from './der_values.ts';
import { GeneralNameTag, readGeneralName } from './general_name.ts';
import { foldName, foldRelativeName } from './name.ts';

/** Every bit of ReasonFlags that means something (RFC 5280 §4.2.1.13): 1 to 8; bit 0 is unused. */
export const ALL_REASONS = 0x1fe;

/** One DistributionPoint of a certificate (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  /** The names under which its lists are published, in a form that can be compared; empty when there are none. */
  readonly names: readonly string[];
  /** Bits of ReasonFlags that lists of this point answer for. */
  readonly reasons: number;
  /** Somebody other than the certificate's issuer signs the lists: indirect, and not followed here. */
  readonly indirect: boolean;
}

/**
 * Reads cRLDistributionPoints.
 *
 * @param issuer folded name of the certificate's issuer, which relative names continue.
 * @throws PkiError `der_malformed`.
 */
export function readDistributionPoints(der: Uint8Array, issuer: readonly string[]): DistributionPoint[] {
  const list = new DerReader(der);
  const element = list.next(Tag.sequence);
  list.finish();
  return readList(element, (inner) => {
    const point = inner.next(Tag.sequence).open();
    const name = point.optional(contextConstructed(0));
    const reasons = point.optional(contextPrimitive(1));
    const crlIssuer = point.optional(contextConstructed(2));
    point.finish();
    return {
      names: name === undefined ? [] : readPointNames(name.der, issuer),
      reasons: reasons === undefined ? ALL_REASONS : readNamedBits(reasons) & ALL_REASONS,
      indirect: crlIssuer !== undefined,
    };
  });
}

/**
 * Where a certificate says that lists covering it for every reason can be fetched. Not to be used before the
 * certificate is trusted, and then for hosts that the operator named only.
 */
export function listAddressesOf({ extensions }: Certificate): readonly string[] {
  return extensions.distributionPoints
    .map((name) => new DerReader(name).next())
    .filter(({ tag }) => tag === contextPrimitive(GeneralNameTag.uniformResourceIdentifier))
    .map(readAscii);
}

/** The names of a `distributionPoint [0]`, a relative one made whole. Throws `der_malformed`. */
export function readPointNames(der: Uint8Array, issuer: readonly string[]): string[] {
  const reader = new DerReader(der).next(contextConstructed(0)).open();
  const choice = reader.next();
  reader.finish();
  if (choice.tag === contextConstructed(1)) return [directory([...issuer, foldRelativeName(choice.content)])];
  if (choice.tag !== contextConstructed(0)) throw malformed('a distribution point has no known kind of name');
  return readList(choice, (inner) => {
    const { tag, value } = readGeneralName(inner.next());
    if (tag === GeneralNameTag.directoryName) return directory(foldName(value));
    return `${tag}:${Buffer.from(value).toString('hex')}`;
  });
}

/** How the name of an authority compares with the names of points. */
export function directory(relativeNames: readonly string[]): string {
  return `directory:${relativeNames.join()}`;
}
