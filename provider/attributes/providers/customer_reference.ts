import { randomUUID } from 'node:crypto';
import type { AuditEvent } from '../../audit/audit_log.ts';
import { HubError } from '../../errors.ts';
import type { Storage, Stores } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import type { Membership } from './provider_store.ts';

const PURPOSE_REFERENCE = 'membership.reference';
const PURPOSE_CUSTOMER = 'membership.customer';

/** Makes somebody the customer that a provider has named. */
export interface CustomerBinding {
  /**
   * In the place of an earlier membership there.
   *
   * @param reference the provider's, of the customer.
   * @param also what is kept with it, or not at all.
   * @throws HubError `membership_taken` (409) when the customer is somebody else here.
   */
  bind(
    subjectId: string,
    providerId: string,
    reference: string,
    also?: (stores: Stores, membership: Membership) => Promise<void>,
  ): Promise<Membership>;
  /** Has the chain say why somebody did not become a customer. */
  refuse(subjectId: string, providerId: string, reason: string): Promise<void>;
}

export function createCustomerBinding(world: { storage: Storage; vault: Vault; clock: Clock }): CustomerBinding {
  const { storage, vault, clock } = world;
  const event = (
    kind: AuditEvent['kind'],
    subjectId: string,
    provider: string,
    data: Record<string, unknown>,
  ): AuditEvent => ({ kind, actor: `subject:${subjectId}`, subjectId, data: { provider, ...data } });

  const refuse: CustomerBinding['refuse'] = (subjectId, providerId, reason) =>
    storage.audit.append(event('membership.refused', subjectId, providerId, { reason }), clock());

  return {
    refuse,

    async bind(subjectId, providerId, reference, also) {
      const membership: Membership = {
        ...{ id: randomUUID(), subjectId, providerId, boundAt: clock() },
        customer: vault.index(PURPOSE_CUSTOMER, Buffer.from(JSON.stringify([providerId, reference]))),
        sealedReference: vault.seal(PURPOSE_REFERENCE, Buffer.from(reference)),
      };
      try {
        await storage.transaction(async (stores) => {
          if (!(await stores.providers.bind(membership))) {
            throw new HubError('membership_taken', 409, 'This customer is registered here as somebody else.');
          }
          await also?.(stores, membership);
          const bound = event('membership.bound', subjectId, providerId, { membership: membership.id });
          await stores.audit.append(bound, membership.boundAt);
        });
      } catch (error) {
        if (error instanceof HubError && error.code === 'membership_taken') {
          await refuse(subjectId, providerId, 'taken');
        }
        throw error;
      }
      return membership;
    },
  };
}

/** The provider's reference of a customer, as it is kept. */
export function openCustomerReference(vault: Vault, { sealedReference }: Pick<Membership, 'sealedReference'>): string {
  return Buffer.from(vault.open(PURPOSE_REFERENCE, sealedReference)).toString();
}
