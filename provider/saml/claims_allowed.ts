import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { claimNamed } from './attribute_names.ts';
import type { ServiceProvider } from './service_provider.ts';

/** What it may be told at all: what the operator allows it, and what its metadata asks for, for any of its services. */
export function claimsAllowed({ metadata, settings }: ServiceProvider, catalogue: Catalogue): ReadonlySet<string> {
  const requested = metadata.attributeConsumingServices.flatMap((service) => service.requested);
  const claims = requested.map(({ name }) => claimNamed(catalogue, name));
  return new Set([...settings.claims, ...claims.filter((claim) => claim !== undefined)]);
}
