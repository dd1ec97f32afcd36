import { attributeNames, type FourAttributes } from '../identity/four_attributes.ts';
import { isoDate, openAttributes } from '../identity/registered_attributes.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { AttributeSource } from './catalogue.ts';

/** How a value's source is named to relying parties. */
const SOURCE = 'jpki_signing_certificate';

/**
 * The four attributes of enrolment as standard claims (OIDC Core §5.1). What the signing certificate no longer vouches for
 * is still told, as of its date and marked so: whom the relying party may write to is for them to decide.
 */
export function identityAttributesSource(world: { storage: Storage; vault: Vault; clock: Clock }): AttributeSource {
  const { storage, vault, clock } = world;

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

    async values(subjectId, claims) {
      const found = await find(subjectId);
      if (found === undefined) return {};
      const all = claimsOf(found.attributes);
      const provenance = { source: SOURCE, obtainedAt: found.obtainedAt, isCurrent: found.isCurrent };
      return Object.fromEntries(
        claims.flatMap((name) => (Object.hasOwn(all, name) ? [[name, { value: all[name], provenance }]] : [])),
      );
    },
  };
}

/** A sex that the register does not know is no value of the claim. */
function claimsOf({ name, address, birthdate, gender }: FourAttributes): Record<string, unknown> {
  const date = birthdate && isoDate(birthdate);
  return {
    ...(name && { name: name.text }),
    ...(address && { address: { formatted: address.text } }),
    ...(date && { birthdate: date }),
    ...((gender === 'female' || gender === 'male') && { gender }),
  };
}
