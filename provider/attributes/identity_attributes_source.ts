import { attributeNames, type FourAttributes } from '../identity/four_attributes.ts';
import { isoDate, openAttributes } from '../identity/registered_attributes.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { AttributeSource, AttributeValue, Provenance } from './attributes.ts';
import type { LatestAttributes } from './latest_attributes.ts';

/** How a value's source is named to relying parties. */
const SOURCE = 'jpki_signing_certificate';
const LATEST_SOURCE = 'jpki_latest_attributes';

/**
 * The four attributes of enrolment as standard claims (OIDC Core §5.1). What the signing certificate no longer vouches for
 * is still told, as of its date and marked so: whom the relying party may write to is for them to decide. A relying party
 * that the person signed a consent for is told what the authority has now instead.
 */
export function identityAttributesSource(world: {
  storage: Storage;
  vault: Vault;
  clock: Clock;
  /** Undefined where the authority's service is not configured. */
  latest: LatestAttributes | undefined;
}): AttributeSource {
  const { storage, vault, clock, latest } = world;

  async function find(subjectId: string) {
    const found = await storage.enrolments.findAttributes(subjectId, clock());
    return found && { ...found, attributes: openAttributes(vault, found.sealed) };
  }

  return {
    claims: attributeNames,

    async held(subjectId) {
      const found = await find(subjectId);
      if (found === undefined) return { names: [], stale: [] };
      const names = Object.keys(claimsOf(found.attributes));
      return { names, stale: found.isCurrent ? [] : names };
    },

    async values(subjectId, claims, { clientId }) {
      const found = await find(subjectId);
      if (found === undefined) return {};
      const { obtainedAt, isCurrent } = found;
      const kept = valuesOf(claims, found.attributes, { source: SOURCE, obtainedAt, isCurrent });
      if (isCurrent || latest === undefined) return kept;

      const told = await latest.tellable(subjectId, clientId);
      if (told === undefined) return kept;
      const provenance = { source: LATEST_SOURCE, obtainedAt: told.obtainedAt, isCurrent: true };
      const names = claims.filter((name) => told.items.some((item) => item === name));
      const others = Object.entries(kept).filter(([name]) => !names.includes(name));
      // What the authority has no value of any more is not told from the past.
      return { ...Object.fromEntries(others), ...valuesOf(names, told.attributes, provenance) };
    },
  };
}

function valuesOf(
  names: readonly string[],
  attributes: Partial<FourAttributes>,
  provenance: Provenance,
): Record<string, AttributeValue> {
  const all = claimsOf(attributes);
  return Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(all, name) ? [[name, { value: all[name], provenance }]] : [])),
  );
}

/** A sex that the register does not know is no value of the claim. */
function claimsOf({ name, address, birthdate, gender }: Partial<FourAttributes>): Record<string, unknown> {
  const date = birthdate && isoDate(birthdate);
  return {
    ...(name && { name: name.text }),
    ...(address && { address: { formatted: address.text } }),
    ...(date && { birthdate: date }),
    ...((gender === 'female' || gender === 'male') && { gender }),
  };
}
