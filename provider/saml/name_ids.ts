import type { Identity } from '../identity/identity.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { AuthnRequest, NameId } from './messages.ts';
import { NAME_ID_FORMATS } from './names.ts';
import { type ServiceProvider, sectorOfProvider } from './service_provider.ts';

export type NameIdFormat = 'persistent' | 'transient';

/** One that the hub gives: it always says of which format it is. */
export type GivenNameId = NameId & { readonly format: string };

/** How a service provider knows a person. */
export interface NameIds {
  /**
   * `persistent`: the pairwise identifier, the same for ever. `transient`: another one each time, good until `expiresAt`
   * (milliseconds since 1970); it is the person sealed for this service provider, so that nothing need be kept.
   */
  of(subjectId: string, provider: ServiceProvider, format: NameIdFormat, expiresAt: number): Promise<GivenNameId>;
  /** Back from what this service provider was given; undefined when it was not, or has expired. */
  subjectOf(nameId: NameId, provider: ServiceProvider): Promise<string | undefined>;
  /** The value of `urn:oasis:names:tc:SAML:attribute:pairwise-id`: the persistent identifier in that attribute's own letters. */
  pairwiseId(subjectId: string, provider: ServiceProvider): Promise<string>;
}

/** @param issuer entity id of the hub. @param scope its host, the scope of pairwise-id. */
export function createNameIds(world: {
  identity: Identity;
  vault: Vault;
  clock: Clock;
  issuer: string;
  scope: string;
}): NameIds {
  const { identity, vault, clock } = world;

  const purposeFor = ({ metadata: { entityId } }: ServiceProvider) => `saml.transient ${entityId}`;

  function open(value: string, provider: ServiceProvider): string | undefined {
    if (!/^[A-Za-z0-9_-]{1,256}$/.test(value)) return undefined;
    try {
      const sealed = Buffer.from(value, 'base64url');
      const text = Buffer.from(vault.open(purposeFor(provider), sealed)).toString('utf8');
      const [subjectId, expires] = text.split(' ');
      return Number(expires) > clock() ? subjectId : undefined;
    } catch {
      return undefined; // nothing that we have sealed for it
    }
  }

  return {
    async of(subjectId, provider, format, expiresAt) {
      const { entityId } = provider.metadata;
      if (format === 'transient') {
        const sealed = vault.seal(purposeFor(provider), Buffer.from(`${subjectId} ${expiresAt}`));
        return {
          value: Buffer.from(sealed).toString('base64url'),
          format: NAME_ID_FORMATS.transient,
          nameQualifier: undefined,
          spNameQualifier: undefined,
        };
      }
      return {
        value: await identity.pairwiseIdentifier(subjectId, sectorOfProvider(provider)),
        format: NAME_ID_FORMATS.persistent,
        nameQualifier: world.issuer,
        spNameQualifier: entityId,
      };
    },

    async subjectOf({ value, format, nameQualifier, spNameQualifier }, provider) {
      const isOurs =
        (nameQualifier === undefined || nameQualifier === world.issuer) &&
        (spNameQualifier === undefined || spNameQualifier === provider.metadata.entityId);
      if (!isOurs) return undefined;
      if (format === NAME_ID_FORMATS.transient) return open(value, provider);
      if (format !== undefined && format !== NAME_ID_FORMATS.persistent && format !== NAME_ID_FORMATS.unspecified) {
        return undefined;
      }
      return identity.subjectByPairwise(sectorOfProvider(provider), value);
    },

    // SAML Subject Identifier Attributes 1.0 §3.4: of letters and digits without regard to case, which base64 has.
    async pairwiseId(subjectId, provider) {
      const identifier = await identity.pairwiseIdentifier(subjectId, sectorOfProvider(provider));
      return `${Buffer.from(identifier, 'base64url').toString('hex')}@${world.scope}`;
    },
  };
}

/**
 * The format that answers a NameIDPolicy (SAML Core §3.4.1.1); undefined: it cannot be met. AllowCreate is not looked at:
 * the identifier belongs to the person at this service provider and is not created by a request, and stacks send either.
 */
export function answeringFormat(
  policy: AuthnRequest['nameIdPolicy'],
  { metadata }: ServiceProvider,
): NameIdFormat | undefined {
  // An affiliation's identifiers (SAML Core §8.3.7) would be another sector's.
  if (policy?.spNameQualifier !== undefined && policy.spNameQualifier !== metadata.entityId) return undefined;
  switch (policy?.format) {
    case NAME_ID_FORMATS.persistent:
      return 'persistent';
    case NAME_ID_FORMATS.transient:
      return 'transient';
    case undefined:
    case NAME_ID_FORMATS.unspecified:
      return preferredFormat(metadata.nameIdFormats);
    default:
      // emailAddress among them: no mail address is among the claims that the hub can release.
      return undefined;
  }
}

function preferredFormat(formats: readonly string[]): NameIdFormat {
  const first = formats.find((format) => format === NAME_ID_FORMATS.persistent || format === NAME_ID_FORMATS.transient);
  return first === NAME_ID_FORMATS.transient ? 'transient' : 'persistent';
}
