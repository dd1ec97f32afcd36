import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { HubError } from '../errors.ts';
import type { SamlExchange } from '../oidc/saml_parameter.ts';
import { claimNamed } from './attribute_names.ts';
import { wishesOf } from './attribute_wishes.ts';
import { answeringClass } from './authn_context.ts';
import { claimsAllowed } from './claims_allowed.ts';
import type { AuthnRequest } from './messages.ts';
import { answeringFormat } from './name_ids.ts';
import { BINDING_URIS, STATUS } from './names.ts';
import type { ServiceProvider } from './service_provider.ts';

/** A service provider's wish for a sign-in, or a person's own at a link of the hub. */
export interface SignOnWish {
  readonly provider: ServiceProvider;
  /** Undefined when nobody asked (IdP-initiated). */
  readonly request: AuthnRequest | undefined;
  readonly relayState: string | undefined;
}

/** What is asked of the engine, in the words of an authorization request. */
export interface SignOnPlan {
  readonly exchange: Omit<SamlExchange, 'sub'>;
  readonly acrValues: readonly string[];
  readonly prompt: 'login' | 'none' | undefined;
  /** Whom the request names. */
  readonly subject: AuthnRequest['subject'];
}

/** An answer that is given at once, to the address that would have got the assertion. */
export interface SignOnRefusal {
  readonly acs: string;
  readonly statusCodes: readonly string[];
}

export interface PlanWorld {
  /** Values of `acr` for the hub's revocation policies. */
  readonly acrValues: readonly string[];
  /** Whether the hub takes the card by TLS. */
  readonly certificateSignIn: boolean;
  readonly catalogue: Catalogue;
  /** Seconds that a person may take to sign in, and that a request may be old. */
  readonly answerWithin: number;
}

/**
 * What a sign-in for a service provider has to be. One list: where to → how the person is named → how strongly → which
 * claims, how fresh → whether the person may be asked.
 *
 * @throws HubError 400 `saml_acs_unknown`: there is no address that the answer may go to.
 */
export function planSignOn(
  { provider, request, relayState }: SignOnWish,
  world: PlanWorld,
): { plan: SignOnPlan } | { refusal: SignOnRefusal } {
  const acs = answerAddress(provider, request);
  const refuse = (...statusCodes: string[]) => ({ refusal: { acs, statusCodes } });

  const binding = request?.protocolBinding;
  if (binding !== undefined && binding !== BINDING_URIS.post) {
    return refuse(STATUS.requester, STATUS.unsupportedBinding);
  }
  const nameIdFormat = answeringFormat(request?.nameIdPolicy, provider);
  if (nameIdFormat === undefined) return refuse(STATUS.requester, STATUS.invalidNameIdPolicy);

  const named = request?.requestedAuthnContext?.classes ?? [];
  const acrValues = named.filter((name) => world.acrValues.includes(name));
  const { challenge, tls } = answeringClass(request?.requestedAuthnContext, acrValues);
  const classes = { challenge, tls: world.certificateSignIn ? tls : undefined };
  if (classes.challenge === undefined && classes.tls === undefined) {
    return refuse(STATUS.responder, STATUS.noAuthnContext);
  }

  const claims = claimsFor(provider, request, world);
  const wishes = wishesOf(world.catalogue, request?.requestedAttributes ?? []);
  if (claims === undefined || wishes === undefined) return refuse(STATUS.requester, STATUS.requestUnsupported);
  // The person carries the request, and might have another day asked for than the service provider wants to know of.
  if (!request?.isSigned && Object.keys(wishes).length > 0) return refuse(STATUS.requester, STATUS.requestDenied);
  const { encryptAssertions } = provider.settings;
  if (encryptAssertions === 'always' && provider.metadata.encryptionCertificates.length === 0) {
    return refuse(STATUS.responder, STATUS.requestUnsupported);
  }
  // To show a card is not passive.
  if (request?.forceAuthn && request.isPassive) return refuse(STATUS.responder, STATUS.noPassive);

  const { id: requestId, issueInstant } = request ?? {};
  return {
    plan: {
      exchange: {
        requestId,
        answerOnceUntil: issueInstant === undefined ? undefined : Math.ceil(issueInstant / 1000) + world.answerWithin,
        ...{ acs, relayState, nameIdFormat, classes },
        ...{ claims: Object.fromEntries(claims), wishes },
      },
      acrValues,
      prompt: request?.forceAuthn ? 'login' : request?.isPassive ? 'none' : undefined,
      subject: request?.subject,
    },
  };
}

/** An address of its metadata: the one that the request names, by address or index, else the default one. */
function answerAddress({ metadata }: ServiceProvider, request: AuthnRequest | undefined): string {
  const { assertionConsumerServices: services } = metadata;
  const { assertionConsumerServiceUrl: url, assertionConsumerServiceIndex: index } = request ?? {};
  const found =
    url !== undefined
      ? services.find(({ location }) => location === url)
      : index !== undefined
        ? services.find((service) => service.index === index)
        : services[0];
  if (!found) {
    throw new HubError('saml_acs_unknown', 400, 'The website’s metadata does not have the address for the answer.');
  }
  return found.location;
}

/**
 * Claims, and whether it cannot do without: those that the request lists, of what it may ask for at all; else those of the
 * service of its metadata. Undefined when the request names a service that its metadata does not have.
 */
function claimsFor(
  provider: ServiceProvider,
  request: AuthnRequest | undefined,
  { catalogue }: PlanWorld,
): ReadonlyMap<string, boolean> | undefined {
  const { metadata, settings } = provider;
  const { attributeConsumingServices: services } = metadata;
  const index = request?.attributeConsumingServiceIndex;
  const service = index === undefined ? services[0] : services.find((each) => each.index === index);
  if (!service && index !== undefined) return undefined;
  const listed = request?.requestedAttributes;
  const allowed = claimsAllowed(provider, catalogue);
  const claims = new Map(listed ? [] : settings.claims.map((name) => [name, false]));
  for (const { name, isRequired } of listed ?? service?.requested ?? []) {
    const claim = claimNamed(catalogue, name);
    if (claim !== undefined && allowed.has(claim)) claims.set(claim, isRequired || claims.get(claim) === true);
  }
  return claims;
}
