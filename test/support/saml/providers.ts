import type { KeyObject } from 'node:crypto';
import { createWebAuthority, type KeyPair } from '../../../adapters/sandbox/pki/index.ts';
import { createGate, type Gate } from '../../../provider/saml/gate.ts';
import type {
  ServiceProvider,
  ServiceProviderMetadata,
  ServiceProviderSettings,
} from '../../../provider/saml/service_provider.ts';
import type { Clock } from '../../../provider/world.ts';
import { NOW, SP } from './messages.ts';

/** A key, and the certificate of it that stands in metadata. */
export interface SigningIdentity {
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  /** Base64 of DER. */
  readonly certificate: string;
}

export async function signingIdentity(key: KeyPair): Promise<SigningIdentity> {
  const { der } = await createWebAuthority({ key, commonName: 'sp.example', notBefore: NOW });
  return { key: key.privateKey, publicKey: key.publicKey, certificate: Buffer.from(der).toString('base64') };
}

export function serviceProvider(
  metadata: Partial<ServiceProviderMetadata> = {},
  settings: Partial<ServiceProviderSettings> = {},
): ServiceProvider {
  return {
    metadata: {
      entityId: SP,
      signingCertificates: [],
      encryptionCertificates: [],
      authnRequestsSigned: false,
      wantAssertionsSigned: false,
      assertionConsumerServices: [{ binding: 'post', location: 'https://sp.example/acs', index: 0, isDefault: true }],
      singleLogoutServices: [],
      nameIdFormats: [],
      attributeConsumingServices: [],
      subjectIdRequirement: undefined,
      display: { names: {}, descriptions: {}, logoUrl: undefined, informationUrls: {}, privacyStatementUrls: {} },
      validUntil: undefined,
      ...metadata,
    },
    settings: {
      requireSignedRequests: false,
      idpInitiated: false,
      encryptAssertions: 'when_possible',
      sector: undefined,
      attributeProfile: 'uri',
      claims: [],
      revocationPolicy: undefined,
      purpose: {},
      ...settings,
    },
  };
}

/** A gate that knows these, at `NOW`. */
export function gateOf(...known: readonly ServiceProvider[]): Gate {
  return gateAt(() => NOW, ...known);
}

/** For senders that take the time from the system's clock. */
export function gateAt(clock: Clock, ...known: readonly ServiceProvider[]): Gate {
  const find = async (entityId: string) => known.find(({ metadata }) => metadata.entityId === entityId);
  return createGate({ providers: { find }, clock, tolerance: 15_000 });
}
