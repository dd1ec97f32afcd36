import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { BINDING_URIS, NAME_ID_FORMATS } from '../../../provider/saml/names.ts';
import type { KeyFiles } from './provider_keys.ts';
import type { PublishedHub } from './published_hub.ts';

export const SAMLIFY_ORIGIN = 'https://samlify.example.jp';

/** What is used of it: its own types would bring those of a browser into every file here. */
interface Library {
  setSchemaValidator(validator: { validate(xml: string): Promise<string> }): void;
  IdentityProvider(settings: Record<string, unknown>): unknown;
  ServiceProvider(settings: Record<string, unknown>): LibraryProvider;
}

interface LibraryProvider {
  getMetadata(): string;
  createLoginRequest(hub: unknown, binding: 'redirect' | 'post'): SamlifyRequest;
  parseLoginResponse(
    hub: unknown,
    binding: 'post',
    request: { body: { SAMLResponse: string } },
  ): Promise<{ extract: SamlifySignIn }>;
  createLogoutRequest(hub: unknown, binding: 'redirect', user: Record<string, string>): SamlifyRequest;
  parseLogoutResponse(
    hub: unknown,
    binding: 'redirect',
    request: { query: Record<string, string>; octetString: string },
  ): Promise<{ extract: { response: { inResponseTo: string } } }>;
}

/** A message in base64 for a form, or the address that it goes to by redirect. */
interface SamlifyRequest {
  readonly id: string;
  readonly context: string;
  readonly entityEndpoint?: string;
}

export interface SamlifySignIn {
  readonly nameID: string;
  readonly sessionIndex: { readonly sessionIndex: string };
  readonly response: { readonly inResponseTo: string };
  readonly attributes: Readonly<Record<string, string | string[]>>;
}

export interface Samlify {
  metadata(): string;
  login(binding: 'redirect' | 'post'): SamlifyRequest;
  consume(response: string): Promise<SamlifySignIn>;
  /** The address that asks the hub to sign them out. */
  logout(signIn: SamlifySignIn): string;
  /** Reads the hub's answer to that; rejects where it does not say success. */
  loggedOut(url: string): Promise<void>;
}

/** A service provider of samlify that goes by the hub's metadata; nothing listens at its addresses. */
export function createSamlify(hub: PublishedHub, keys: KeyFiles): Samlify {
  const library: Library = createRequire(import.meta.url)('samlify');
  // It reads nothing until somebody vouches for the schema, which pysaml2 and Shibboleth do.
  library.setSchemaValidator({ validate: async () => 'checked elsewhere' });
  const identityProvider = library.IdentityProvider({
    // It signs requests for those only who want no others.
    metadata: hub.metadata.replace('WantAuthnRequestsSigned="false"', 'WantAuthnRequestsSigned="true"'),
    isAssertionEncrypted: true,
    wantLogoutRequestSigned: true,
    messageSigningOrder: 'encrypt-then-sign',
  });
  const privateKey = readFileSync(keys.key, 'utf8');
  const certificate = readFileSync(keys.certificate, 'utf8');
  const provider = library.ServiceProvider({
    entityID: `${SAMLIFY_ORIGIN}/saml/metadata`,
    ...{ authnRequestsSigned: true, wantAssertionsSigned: true, wantMessageSigned: true },
    ...{ privateKey, signingCert: certificate, encPrivateKey: privateKey, encryptCert: certificate },
    requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    signatureConfig: { prefix: 'ds', location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } },
    nameIDFormat: [NAME_ID_FORMATS.persistent],
    assertionConsumerService: [{ Binding: BINDING_URIS.post, Location: `${SAMLIFY_ORIGIN}/saml/acs` }],
    singleLogoutService: [{ Binding: BINDING_URIS.redirect, Location: `${SAMLIFY_ORIGIN}/saml/slo` }],
  });
  return {
    metadata: () => provider.getMetadata(),
    login: (binding) => provider.createLoginRequest(identityProvider, binding),
    async consume(response) {
      const { extract } = await provider.parseLoginResponse(identityProvider, 'post', {
        body: { SAMLResponse: response },
      });
      return extract;
    },
    logout({ nameID, sessionIndex }) {
      const user = { logoutNameID: nameID, sessionIndex: sessionIndex.sessionIndex };
      return provider.createLogoutRequest(identityProvider, 'redirect', user).context;
    },
    async loggedOut(url) {
      const { search, searchParams } = new URL(url);
      // What the signature is over: everything before it, as it came.
      const octetString = search.slice(1).replace(/&Signature=.*$/, '');
      await provider.parseLogoutResponse(identityProvider, 'redirect', {
        query: Object.fromEntries(searchParams),
        octetString,
      });
    },
  };
}
