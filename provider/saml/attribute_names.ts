import type { AttributeValue } from '../attributes/catalogue.ts';
import { provenanceClaim } from '../oidc/claims_provenance.ts';
import { ATTRIBUTE_NAME_FORMATS, PAIRWISE_ID } from './names.ts';
import type { ServiceProviderSettings } from './service_provider.ts';

export type AttributeProfile = ServiceProviderSettings['attributeProfile'];

interface Naming {
  readonly name: string;
  readonly friendlyName?: string;
  /** The value as this name wants it; undefined when it has no form for it. Unless given: as text. */
  readonly form?: (value: string) => string | undefined;
}

/** ISO/IEC 5218, as schacGender has it. */
const ISO_5218: Readonly<Record<string, string>> = { male: '1', female: '2', unspecified: '9', unknown: '0' };
const EIDAS_GENDER: Readonly<Record<string, string>> = { male: 'Male', female: 'Female' };

const EIDAS = 'http://eidas.europa.eu/attributes/naturalperson/';

/**
 * What the claims of the catalogue are called in SAML. `uri`: object identifiers of the attributes' own definitions (inetOrgPerson,
 * SCHAC), as X.500/LDAP profile and most stacks expect them; `eidas`: eIDAS SAML Attribute Profile 1.2; `basic`: the claim's
 * own name, for products where somebody types it.
 */
const NAMES: Readonly<Record<string, Readonly<Partial<Record<AttributeProfile, Naming>>>>> = {
  name: {
    uri: { name: 'urn:oid:2.16.840.1.113730.3.1.241', friendlyName: 'displayName' },
    // Of a Japanese name the card does not say where the family name ends.
    eidas: { name: `${EIDAS}CurrentFamilyName`, friendlyName: 'FamilyName' },
  },
  address: {
    uri: { name: 'urn:oid:2.5.4.16', friendlyName: 'postalAddress' },
    eidas: { name: `${EIDAS}CurrentAddress`, friendlyName: 'CurrentAddress' },
  },
  birthdate: {
    uri: {
      name: 'urn:oid:1.3.6.1.4.1.25178.1.2.3',
      friendlyName: 'schacDateOfBirth',
      form: (date) => date.replaceAll('-', ''),
    },
    eidas: { name: `${EIDAS}DateOfBirth`, friendlyName: 'DateOfBirth' },
  },
  gender: {
    uri: {
      name: 'urn:oid:1.3.6.1.4.1.25178.1.2.2',
      friendlyName: 'schacGender',
      form: (gender) => ISO_5218[gender] ?? '9',
    },
    eidas: { name: `${EIDAS}Gender`, friendlyName: 'Gender', form: (gender) => EIDAS_GENDER[gender] ?? 'Unspecified' },
  },
};

export interface NamedAttribute {
  readonly name: string;
  readonly nameFormat: string;
  readonly friendlyName: string | undefined;
  readonly values: readonly string[];
}

/** The claim that an attribute is, and in which of the profiles it has that name. */
interface Meaning {
  readonly claim: string;
  readonly profile: AttributeProfile;
}

const byName = new Map<string, Meaning>(
  Object.entries(NAMES).flatMap(([claim, profiles]) =>
    Object.entries(profiles).map(([profile, { name }]) => [name, { claim, profile: profile as AttributeProfile }]),
  ),
);

function meaningOf(attributeName: string, isClaim: (name: string) => boolean): Meaning | undefined {
  return byName.get(attributeName) ?? (isClaim(attributeName) ? { claim: attributeName, profile: 'basic' } : undefined);
}

/** The claim that a service provider means by an attribute of this name: in any of the profiles, or the claim's own name. */
export function claimNamed(attributeName: string, isClaim: (name: string) => boolean): string | undefined {
  return meaningOf(attributeName, isClaim)?.claim;
}

/** Released claims as attributes, with whose word they are, and the pairwise identifier where it is wanted. */
export function attributesFor(
  values: Readonly<Record<string, AttributeValue>>,
  profile: AttributeProfile,
  pairwiseId: string | undefined,
): readonly NamedAttribute[] {
  const told = Object.entries(values).map(([claim, { value }]) => namedAttribute(claim, value, profile));
  return [pairwiseIdAttribute(pairwiseId), ...told, provenanceAttribute(values)].filter(
    (attribute) => attribute !== undefined,
  );
}

/**
 * The same for whoever asks for attributes by name: of those that there are the ones that were named, each under the name
 * that it was asked by, whichever profile has it.
 */
export function attributesNamed(
  names: readonly string[],
  values: Readonly<Record<string, AttributeValue>>,
  pairwiseId: string | undefined,
): readonly NamedAttribute[] {
  const attributeNamed = (name: string): NamedAttribute | undefined => {
    if (name === PAIRWISE_ID) return pairwiseIdAttribute(pairwiseId);
    if (name === PROVENANCE) return provenanceAttribute(values);
    const meaning = meaningOf(name, (claim) => Object.hasOwn(values, claim));
    return meaning && namedAttribute(meaning.claim, values[meaning.claim]?.value, meaning.profile);
  };
  return names.map(attributeNamed).filter((attribute) => attribute !== undefined);
}

function pairwiseIdAttribute(pairwiseId: string | undefined): NamedAttribute | undefined {
  if (pairwiseId === undefined) return undefined;
  const { uri: nameFormat } = ATTRIBUTE_NAME_FORMATS;
  return { name: PAIRWISE_ID, nameFormat, friendlyName: 'pairwise-id', values: [pairwiseId] };
}

const PROVENANCE = 'claims_provenance';

function provenanceAttribute(values: Readonly<Record<string, AttributeValue>>): NamedAttribute | undefined {
  return namedAttribute(PROVENANCE, provenanceClaim(values), 'basic');
}

/** A released claim as an attribute; undefined when it has no value that can be told in text. */
function namedAttribute(claim: string, value: unknown, profile: AttributeProfile): NamedAttribute | undefined {
  const texts = textsOf(value);
  if (texts.length === 0) return undefined;
  const naming = NAMES[claim]?.[profile];
  // A claim that is named in no profile keeps its own name, in every profile.
  if (!naming) return { name: claim, nameFormat: ATTRIBUTE_NAME_FORMATS.basic, friendlyName: undefined, values: texts };
  const values = texts.flatMap((text) => (naming.form ? (naming.form(text) ?? []) : text));
  if (values.length === 0) return undefined;
  return { name: naming.name, nameFormat: ATTRIBUTE_NAME_FORMATS.uri, friendlyName: naming.friendlyName, values };
}

/** An address is told by the text that it has for that (OIDC Core §5.1.1 `formatted`), any other structure as JSON. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  return 'formatted' in value ? textsOf(value.formatted) : [JSON.stringify(value)];
}
