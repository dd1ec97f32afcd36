import type { Binding } from './names.ts';

/** An address for messages (SAML Metadata §2.2.2). */
export interface Endpoint {
  readonly binding: Binding;
  readonly location: string;
  /** Where responses go, when not to `location`. */
  readonly responseLocation: string | undefined;
}

/** One of several addresses of a kind (SAML Metadata §2.2.3). */
export interface IndexedEndpoint {
  readonly binding: Binding;
  readonly location: string;
  readonly index: number;
  readonly isDefault: boolean;
}

export interface RequestedAttribute {
  readonly name: string;
  readonly nameFormat: string | undefined;
  readonly isRequired: boolean;
}

/** What a service provider asks for, and for which of its services (SAML Metadata §2.4.4.1). */
export interface AttributeConsumingService {
  readonly index: number;
  readonly isDefault: boolean;
  readonly names: Texts;
  readonly descriptions: Texts;
  readonly requested: readonly RequestedAttribute[];
}

/** By language; `other` is the first in a language that the hub has no pages in. */
export interface Texts {
  readonly ja?: string;
  readonly en?: string;
  readonly other?: string;
}

/** What its metadata says of a service provider, judged once when it is imported. */
export interface ServiceProviderMetadata {
  readonly entityId: string;
  /** X.509 certificates as base64 of DER: keys that its messages may be signed with. Only the key in them counts. */
  readonly signingCertificates: readonly string[];
  /** Likewise; keys that assertions for it may be encrypted for, the preferred first. */
  readonly encryptionCertificates: readonly string[];
  /** Whether it says that it signs every AuthnRequest: one without signature is then not its own. */
  readonly authnRequestsSigned: boolean;
  readonly wantAssertionsSigned: boolean;
  /** By HTTP-POST only: at least one, the default one first. */
  readonly assertionConsumerServices: readonly IndexedEndpoint[];
  readonly singleLogoutServices: readonly Endpoint[];
  readonly nameIdFormats: readonly string[];
  readonly attributeConsumingServices: readonly AttributeConsumingService[];
  /** `pairwise-id`, `subject-id`, `any`, `none`; undefined when it does not say. */
  readonly subjectIdRequirement: string | undefined;
  readonly display: {
    readonly names: Texts;
    readonly descriptions: Texts;
    readonly logoUrl: string | undefined;
    readonly informationUrls: Texts;
    readonly privacyStatementUrls: Texts;
  };
  /** Milliseconds since 1970; undefined for ever. */
  readonly validUntil: number | undefined;
}

/** What the operator decides about it. */
export interface ServiceProviderSettings {
  /** Requests without signature are refused, whatever its metadata says. */
  readonly requireSignedRequests: boolean;
  /** It may be entered from a link of the hub, without a request of its own. */
  readonly idpInitiated: boolean;
  /** `when_possible`: whenever its metadata has a key for it. */
  readonly encryptAssertions: 'when_possible' | 'always' | 'never';
  /** Whose identifiers it gets. Undefined: its own, which nobody else sees. A host: those of that organisation's OIDC clients. */
  readonly sector: string | undefined;
  /** How attributes are named to it. */
  readonly attributeProfile: 'uri' | 'basic' | 'eidas';
  /** Claims of the catalogue that it gets beside those that its metadata requests. */
  readonly claims: readonly string[];
  /** Seconds that a claim may be old, by claim of an attribute provider. Undefined: whatever they have. */
  readonly freshness?: Readonly<Record<string, number>> | undefined;
  /** Name of a revocation policy. */
  readonly revocationPolicy: string | undefined;
  /** Why it wants the attributes, for the consent page; goes before what its metadata says. */
  readonly purpose: Texts;
}

export interface ServiceProvider {
  readonly metadata: ServiceProviderMetadata;
  readonly settings: ServiceProviderSettings;
}

/** The registered service providers, as the flows look them up. */
export interface ServiceProviders {
  /** Undefined when there is none, and when its metadata has expired. */
  find(entityId: string): Promise<ServiceProvider | undefined>;
}

/**
 * Whose identifiers it gets. Its own, unless the operator said that it is one with others: an entity id is a name that
 * anybody may write into metadata, and must not by itself give the identifiers of a website of that host.
 */
export function sectorOfProvider({ metadata, settings }: ServiceProvider): string {
  return settings.sector ?? `saml:${metadata.entityId}`;
}
