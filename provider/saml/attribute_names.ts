import type { FetchedValues } from '../attributes/attributes.ts';
import type { Catalogue, SamlName } from '../attributes/catalogue/catalogue.ts';
import { provenanceClaim, unavailableClaim } from '../oidc/claims_provenance.ts';
import { ATTRIBUTE_NAME_FORMATS, PAIRWISE_ID } from './names.ts';
import type { ServiceProviderSettings } from './service_provider.ts';

export type AttributeProfile = ServiceProviderSettings['attributeProfile'];

/** ISO/IEC 5218, as schacGender has it. */
const ISO_5218: Readonly<Record<string, string>> = { male: '1', female: '2', unspecified: '9', unknown: '0' };
const EIDAS_GENDER: Readonly<Record<string, string>> = { male: 'Male', female: 'Female' };

/** The forms that a name of the catalogue can want a value in. */
const FORMS: Readonly<Record<NonNullable<SamlName['form']>, (text: string) => string>> = {
  basic_date: (date) => date.replaceAll('-', ''),
  iso_5218: (gender) => ISO_5218[gender] ?? '9',
  eidas_gender: (gender) => EIDAS_GENDER[gender] ?? 'Unspecified',
};

export interface NamedAttribute {
  readonly name: string;
  readonly nameFormat: string;
  readonly friendlyName: string | undefined;
  readonly values: readonly string[];
}

/**
 * The claim that a service provider means by an attribute of this name: in any of the profiles, or the claim's own name.
 * The identifier is no attribute.
 */
export function claimNamed(catalogue: Catalogue, attributeName: string): string | undefined {
  const found = catalogue.findBySamlName(attributeName)?.name;
  return found === 'sub' ? undefined : found;
}

/*
 * What the claims of the catalogue are called in SAML. `uri`: object identifiers of the attributes' own definitions (inetOrgPerson,
 * SCHAC), as X.500/LDAP profile and most stacks expect them; `eidas`: eIDAS SAML Attribute Profile 1.2; `basic`: the claim's
 * own name, for products where somebody types it.
 */

/**
 * Released claims as attributes, with whose word they are, what could not be had, and the pairwise identifier where it is
 * wanted.
 */
export function attributesFor(
  catalogue: Catalogue,
  { values, unavailable }: FetchedValues,
  profile: AttributeProfile,
  pairwiseId: string | undefined,
): readonly NamedAttribute[] {
  const told = Object.entries(values).map(([claim, { value }]) =>
    namedAttribute(claim, value, catalogue.find(claim)?.saml[profile]),
  );
  const beside = [provenanceAttribute(values), unavailableAttribute(unavailable)];
  return [pairwiseIdAttribute(pairwiseId), ...told, ...beside].filter((attribute) => attribute !== undefined);
}

/**
 * The same for whoever asks for attributes by name: of those that there are the ones that were named, each under the name
 * that it was asked by, whichever profile has it. That one of them could not be had is told unasked: it is not the same as
 * that there is none.
 */
export function attributesNamed(
  catalogue: Catalogue,
  names: readonly string[],
  { values, unavailable }: FetchedValues,
  pairwiseId: string | undefined,
): readonly NamedAttribute[] {
  const attributeNamed = (name: string): NamedAttribute | undefined => {
    if (name === PAIRWISE_ID) return pairwiseIdAttribute(pairwiseId);
    if (name === PROVENANCE) return provenanceAttribute(values);
    if (name === UNAVAILABLE) return unavailableAttribute(unavailable);
    const claim = catalogue.findBySamlName(name);
    const naming = claim && Object.values(claim.saml).find((each) => each.name === name);
    return claim && namedAttribute(claim.name, values[claim.name]?.value, naming);
  };
  return [...new Set([...names, UNAVAILABLE])].map(attributeNamed).filter((attribute) => attribute !== undefined);
}

function pairwiseIdAttribute(pairwiseId: string | undefined): NamedAttribute | undefined {
  if (pairwiseId === undefined) return undefined;
  const { uri: nameFormat } = ATTRIBUTE_NAME_FORMATS;
  return { name: PAIRWISE_ID, nameFormat, friendlyName: 'pairwise-id', values: [pairwiseId] };
}

const PROVENANCE = 'claims_provenance';
const UNAVAILABLE = 'claims_unavailable';

function provenanceAttribute(values: FetchedValues['values']): NamedAttribute | undefined {
  return namedAttribute(PROVENANCE, provenanceClaim(values), undefined);
}

function unavailableAttribute(unavailable: FetchedValues['unavailable']): NamedAttribute | undefined {
  return namedAttribute(UNAVAILABLE, unavailableClaim(unavailable), undefined);
}

/** A released claim as an attribute; undefined when it has no value that can be told in text. */
function namedAttribute(claim: string, value: unknown, naming: SamlName | undefined): NamedAttribute | undefined {
  const texts = textsOf(value);
  if (texts.length === 0) return undefined;
  // A claim that is named in no profile keeps its own name, in every profile.
  if (!naming) return { name: claim, nameFormat: ATTRIBUTE_NAME_FORMATS.basic, friendlyName: undefined, values: texts };
  const { form } = naming;
  const values = form === undefined ? texts : texts.map(FORMS[form]);
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
