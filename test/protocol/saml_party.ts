import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type Profile, SAML, type SamlConfig, ValidateInResponseTo } from '@node-saml/node-saml';
import { writeSelfSignedCertificate } from '../../provider/pki/index.ts';
import { BINDING_URIS, type Binding } from '../../provider/saml/names.ts';
import type { SettingsChange } from '../../provider/saml/provider_settings.ts';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { type SignInOptions, type TestHub, UnexpectedPage } from '../support/hub.ts';

/** A key with the certificate that metadata carries it in. */
export interface PartyKey {
  readonly privateKey: KeyObject;
  /** Base64 of DER. */
  readonly certificate: string;
}

export interface SamlParty {
  readonly entityId: string;
  readonly acs: string;
  readonly key: PartyKey;
  readonly saml: SAML;
  /** Signs in from a request of this service provider. */
  signIn(options?: SamlSignIn): Promise<Profile>;
  /** The same, as far as the hub's page with the answer in it. */
  answer(options?: SamlSignIn): Promise<Visited>;
  /** What the library makes of such a page; rejects as the library does. */
  accept(page: Visited): Promise<Profile>;
}

export interface SamlSignIn extends SignInOptions {
  readonly binding?: 'redirect' | 'post';
  readonly relayState?: string;
  /** Over what the library was configured with. */
  readonly saml?: Partial<SamlConfig>;
}

export interface SamlPartyOptions {
  readonly host?: string;
  readonly settings?: SettingsChange;
  readonly saml?: Partial<SamlConfig>;
  /** Elements of SPSSODescriptor, in the schema's order. */
  readonly services?: string;
  readonly extensions?: string;
  /** SingleLogoutService elements; by redirect unless given. */
  readonly logoutServices?: string;
  readonly hasEncryptionKey?: boolean;
  readonly signsRequests?: boolean;
}

let sharedKey: PartyKey | undefined;

/** Made once a file: RSA keys take their time. */
export function partyKey(): PartyKey {
  sharedKey ??= newPartyKey();
  return sharedKey;
}

export function newPartyKey(): PartyKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const notBefore = Date.now();
  const notAfter = notBefore + 86_400_000;
  const serial = randomBytes(16);
  serial[0] = 1;
  const der = writeSelfSignedCertificate({ privateKey, commonName: 'sp.example', serial, notBefore, notAfter });
  return { privateKey, certificate: Buffer.from(der).toString('base64') };
}

/** Registers a service provider at the hub whose library is node-saml. */
export async function createSamlParty(hub: TestHub, options: SamlPartyOptions = {}): Promise<SamlParty> {
  const host = options.host ?? 'sp.example';
  const entityId = `https://${host}/saml`;
  const acs = `https://${host}/acs`;
  const key = partyKey();
  const document = Buffer.from(metadataOf(entityId, acs, key, options));
  await hub.hub.serviceProviders.add({ kind: 'file', document }, { settings: options.settings ?? {} });

  const idpCert = await hubCertificates(hub);
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const configuration: SamlConfig = {
    issuer: entityId,
    callbackUrl: acs,
    entryPoint: `${hub.issuer}/saml/sso`,
    logoutUrl: `${hub.issuer}/saml/slo`,
    idpIssuer: `${hub.issuer}/saml/metadata`,
    idpCert,
    audience: entityId,
    privateKey: pem,
    decryptionPvk: pem,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAuthnResponseSigned: true,
    wantAssertionsSigned: true,
    validateInResponseTo: ValidateInResponseTo.ifPresent,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    ...(options.signsRequests === false && { privateKey: undefined as unknown as string }),
    ...options.saml,
  };
  const saml = new SAML(configuration);

  const party: SamlParty = {
    ...{ entityId, acs, key, saml },

    async answer({ binding = 'redirect', relayState = '', saml: over, browser = createHttpBrowser(), ...signIn } = {}) {
      // The one library object keeps the ids that were sent; what is asked otherwise is asked by its likeness.
      const form = { authnRequestBinding: 'HTTP-POST', skipRequestCompression: true };
      const asking = new SAML({
        ...{ ...configuration, cacheProvider: saml.cacheProvider },
        ...(binding === 'post' && form),
        ...over,
      });
      const first =
        binding === 'redirect'
          ? await browser.get(await asking.getAuthorizeUrlAsync(relayState, undefined, {}))
          : await postForm(browser, await asking.getAuthorizeFormAsync(relayState));
      const page = await hub.answerPages(first, { ...signIn, browser });
      if (!page.text.includes('data-send-form')) throw new UnexpectedPage(page);
      return page;
    },

    async accept(page) {
      const { SAMLResponse = '' } = hiddenFields(page.text);
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse });
      if (!profile) throw new Error('the library found no profile');
      return profile;
    },

    signIn: async (signIn) => party.accept(await party.answer(signIn)),
  };
  return party;
}

/** Sends the form that a page would send by script. */
export async function postForm(browser: HttpBrowser, html: string): Promise<Visited> {
  return browser.post(formAction(html, 'method', 'http://nowhere.invalid'), hiddenFields(html));
}

/** The certificates that the hub's metadata publishes, the one that signs first. */
export async function hubCertificates(hub: TestHub): Promise<string[]> {
  const metadata = await (await fetch(`${hub.issuer}/saml/metadata`)).text();
  const descriptors = metadata.slice(metadata.indexOf('<md:IDPSSODescriptor'));
  const found = [...descriptors.matchAll(/<ds:X509Certificate>([^<]+)</g)].map(([, certificate = '']) => certificate);
  return [...new Set(found)];
}

/** SAML Metadata §2.2.2. */
export function logoutService(binding: Binding, location: string, responseLocation?: string): string {
  const responses = responseLocation === undefined ? '' : ` ResponseLocation="${responseLocation}"`;
  return `<md:SingleLogoutService Binding="${BINDING_URIS[binding]}" Location="${location}"${responses}/>`;
}

/** SAML Metadata §2.4.4. */
export function metadataOf(
  entityId: string,
  acs: string,
  { certificate }: PartyKey,
  {
    services = '',
    extensions = '',
    hasEncryptionKey = false,
    signsRequests = true,
    logoutServices = logoutService('redirect', new URL('/slo', acs).href),
  }: SamlPartyOptions = {},
): string {
  const descriptor = (use: string) =>
    `<md:KeyDescriptor use="${use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}` +
    '</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>';
  return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${entityId}">${extensions}<md:SPSSODescriptor AuthnRequestsSigned="${signsRequests}" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${descriptor('signing')}${hasEncryptionKey ? descriptor('encryption') : ''}${logoutServices}<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${acs}" index="0" isDefault="true"/>${services}</md:SPSSODescriptor></md:EntityDescriptor>`;
}
