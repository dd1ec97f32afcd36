import { hash } from 'node:crypto';
import { SAML_METADATA_VALIDITY } from '../../oidc/signing_keys.ts';
import type { Clock } from '../../world.ts';
import { attribute, dateTime, text } from '../answers/canonical.ts';
import { RSA_SHA256, SHA256, signEnveloped } from '../answers/sign.ts';
import type { SamlKeySet } from '../key_set.ts';
import { BINDING_URIS, type Binding, NAME_ID_FORMATS, NAMESPACES } from '../names.ts';

/** What service providers are told of the hub (SAML Metadata §2.3), as a document that can be sent. */
export interface OwnMetadata {
  readonly xml: string;
  /** The same in every process of the hub, since they have the same keys and the same day. */
  readonly etag: string;
}

export interface OwnMetadataSettings {
  /** Origin of the hub. */
  readonly publicUrl: string;
  /** What the hub is called on its pages. */
  readonly names: { readonly ja: string; readonly en: string };
}

export const METADATA_CONTENT_TYPE = 'application/samlmetadata+xml';

/** Seconds for which a cache between the hub and a service provider may keep the document: it must see a new key soon. */
export const METADATA_MAX_AGE = 3600;

/** How soon a service provider should look again (SAML Metadata §2.3.2, `cacheDuration`). */
const CACHE_DURATION = 'PT6H';

/** How long a document is given out before it is made anew (ms). */
const RENEWED_EVERY = 24 * 60 * 60 * 1000;

export const samlEntityId = (publicUrl: string): string => new URL('/saml/metadata', publicUrl).href;

/**
 * The document of now. It is made once for each set of keys and each day of UTC, and is valid for a week after that day:
 * a hub that is away for some days locks nobody out.
 *
 * @param world.keys the set of now, which a rotation replaces.
 */
export function createOwnMetadata(
  world: OwnMetadataSettings & { keys: () => SamlKeySet; clock: Clock },
): () => Promise<OwnMetadata> {
  const { keys, clock } = world;
  let made: { readonly keys: SamlKeySet; readonly day: number; readonly document: Promise<OwnMetadata> } | undefined;
  return () => {
    const now = { keys: keys(), day: Math.floor(clock() / RENEWED_EVERY) };
    if (made?.keys !== now.keys || made.day !== now.day) {
      made = { ...now, document: writeOwnMetadata(world, now.keys, (now.day + 1) * RENEWED_EVERY) };
    }
    return made.document;
  };
}

async function writeOwnMetadata(
  settings: OwnMetadataSettings,
  keys: SamlKeySet,
  replacedFrom: number,
): Promise<OwnMetadata> {
  const validUntil = dateTime(replacedFrom + SAML_METADATA_VALIDITY);
  const tail = `${identityProvider(settings, keys)}${attributeAuthority(settings, keys)}</md:EntityDescriptor>`;
  const id = `_${hash('sha256', `${validUntil} ${tail}`, 'hex').slice(0, 40)}`;
  const head =
    `<md:EntityDescriptor xmlns:md="${NAMESPACES.metadata}" ID="${id}" cacheDuration="${CACHE_DURATION}"` +
    `${attribute('entityID', samlEntityId(settings.publicUrl))} validUntil="${validUntil}">`;
  const xml = await signEnveloped({ id, head, tail }, keys.signing);
  return { xml, etag: `"${id.slice(1)}"` };
}

/** SAML Metadata §2.4.3; the order of the elements is the schema's. */
function identityProvider({ publicUrl, names }: OwnMetadataSettings, keys: SamlKeySet): string {
  const userInterface =
    `<mdui:UIInfo xmlns:mdui="${NAMESPACES.mdui}"><mdui:DisplayName xml:lang="ja">${text(names.ja)}</mdui:DisplayName>` +
    `<mdui:DisplayName xml:lang="en">${text(names.en)}</mdui:DisplayName></mdui:UIInfo>`;
  return (
    `<md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="${NAMESPACES.protocol}">` +
    `<md:Extensions>${userInterface}${scope(publicUrl)}${algorithms()}</md:Extensions>${keyDescriptors(keys)}` +
    endpoint('SingleLogoutService', 'redirect', '/saml/slo', publicUrl) +
    endpoint('SingleLogoutService', 'post', '/saml/slo', publicUrl) +
    endpoint('SingleLogoutService', 'soap', '/saml/soap/slo', publicUrl) +
    nameIdFormats() +
    signOnEndpoint('redirect', publicUrl) +
    signOnEndpoint('post', publicUrl) +
    '</md:IDPSSODescriptor>'
  );
}

/** SAML Metadata §2.4.7. */
function attributeAuthority({ publicUrl }: OwnMetadataSettings, keys: SamlKeySet): string {
  return (
    `<md:AttributeAuthorityDescriptor protocolSupportEnumeration="${NAMESPACES.protocol}">` +
    `<md:Extensions>${scope(publicUrl)}</md:Extensions>${keyDescriptors(keys)}` +
    endpoint('AttributeService', 'soap', '/saml/soap/attributes', publicUrl) +
    `${nameIdFormats()}</md:AttributeAuthorityDescriptor>`
  );
}

/** The part behind the @ of a pairwise-id that service providers may believe this hub (Shibboleth Metadata Extensions 1.0). */
function scope(publicUrl: string): string {
  const { hostname } = new URL(publicUrl);
  return `<shibmd:Scope xmlns:shibmd="${NAMESPACES.shibmd}" regexp="false">${text(hostname)}</shibmd:Scope>`;
}

/**
 * What a message to the hub is best signed with (SAML Metadata Profile for Algorithm Support 1.0 §2): a Shibboleth SP that is
 * told nothing signs by HTTP-POST with SHA-1, which the hub refuses.
 */
function algorithms(): string {
  return (
    `<alg:DigestMethod xmlns:alg="${NAMESPACES.alg}" Algorithm="${SHA256}"></alg:DigestMethod>` +
    `<alg:SigningMethod xmlns:alg="${NAMESPACES.alg}" Algorithm="${RSA_SHA256}"></alg:SigningMethod>`
  );
}

function keyDescriptors({ publishedCertificates }: SamlKeySet): string {
  return publishedCertificates
    .map(
      (certificate) =>
        `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="${NAMESPACES.signature}"><ds:X509Data>` +
        `<ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
    )
    .join('');
}

function nameIdFormats(): string {
  return [NAME_ID_FORMATS.persistent, NAME_ID_FORMATS.transient]
    .map((format) => `<md:NameIDFormat>${format}</md:NameIDFormat>`)
    .join('');
}

/** Told of it: that a request may list attributes by itself (Protocol Extension for Requesting Attributes per Request 1.0). */
function signOnEndpoint(binding: Binding, publicUrl: string): string {
  const location = attribute('Location', new URL('/saml/sso', publicUrl).href);
  return (
    `<md:SingleSignOnService xmlns:req-attr="${NAMESPACES.reqAttr}" Binding="${BINDING_URIS[binding]}"${location} ` +
    'req-attr:supportsRequestedAttributes="true"></md:SingleSignOnService>'
  );
}

function endpoint(element: string, binding: Binding, path: string, publicUrl: string): string {
  const location = attribute('Location', new URL(path, publicUrl).href);
  return `<md:${element} Binding="${BINDING_URIS[binding]}"${location}></md:${element}>`;
}
