import type { AuditEvent } from '../../audit/audit_log.ts';
import { HubError } from '../../errors.ts';
import type { Storage, Stores } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { sealClientSecret } from './provider_credentials.ts';
import { changeRegistration, invalidProvider, readRegistration } from './provider_registration.ts';
import type { AttributeProvider, Member } from './provider_store.ts';

/** One row of the table of members and attributes: 保有・提供可否・受入可否. */
export interface ShownAttribute {
  readonly provider: string | undefined;
  readonly relyingParty: string | undefined;
  readonly claim: string;
  readonly holds: boolean;
  readonly offers: boolean;
  readonly accepts: boolean;
}

/** The register of attribute providers, and who offers and accepts what. Every change is audited and holds at once. */
export interface ProviderAdministration {
  /**
   * @param draft a registration, as in docs/attribute-providers.md
   * @throws HubError `attribute_provider_invalid`, `attribute_provider_exists`, `claim_unknown`
   */
  add(draft: unknown): Promise<AttributeProvider>;
  list(): Promise<readonly AttributeProvider[]>;
  /** @throws HubError `attribute_provider_unknown` */
  show(id: string): Promise<AttributeProvider>;
  /**
   * Changes what is named and leaves the rest.
   *
   * @throws HubError `attribute_provider_unknown`, `attribute_provider_invalid`
   */
  set(id: string, change: unknown): Promise<AttributeProvider>;
  /**
   * With its offers and memberships.
   *
   * @throws HubError `attribute_provider_unknown`
   */
  remove(id: string): Promise<void>;
  /**
   * What a provider holds, and whether it may be asked for it.
   *
   * @throws HubError `attribute_provider_unknown`, `claim_unknown`
   */
  offer(id: string, claims: readonly string[], offers: boolean): Promise<void>;
  /**
   * What a relying party is accredited to be told of providers' attributes.
   *
   * @throws HubError `client_not_found`, `claim_unknown`
   */
  accept(clientId: string, claims: readonly string[], accepts: boolean): Promise<void>;
  table(): Promise<readonly ShownAttribute[]>;
}

export function createProviderAdministration(world: {
  storage: Storage;
  vault: Vault;
  catalogue: Catalogue;
  clock: Clock;
  /** For neighbours on this machine, in the sandbox. */
  allowPlainHttp: boolean;
}): ProviderAdministration {
  const { storage, vault, catalogue, clock } = world;

  const rules = { allowPlainHttp: world.allowPlainHttp, isProvided };

  function isProvided(claim: string): boolean {
    return catalogue.find(claim)?.source === 'provider';
  }

  /** A secret that is given replaces the one that is kept; one that is needed and was never given is missed. */
  async function settleSecret(stores: Stores, { id, userinfo }: AttributeProvider, given: string | undefined) {
    if (given !== undefined) return stores.providerSignIns.setSecret(id, sealClientSecret(vault, given));
    const isNeeded = userinfo !== undefined && userinfo.authentication !== 'private_key_jwt';
    if (!isNeeded) return stores.providerSignIns.setSecret(id, undefined);
    if (!(await stores.providerSignIns.findSecret(id))) throw invalidProvider('client_secret is missing');
  }

  /** @throws HubError `claim_unknown` */
  function assertProvided(claims: readonly string[]): void {
    const unknown = claims.find((name) => !isProvided(name));
    if (unknown === undefined) return;
    throw new HubError('claim_unknown', 400, `${unknown} is no claim that attribute providers hold.`);
  }

  async function setAll(
    member: Member,
    claims: readonly string[],
    said: { holds: boolean; offers: boolean; accepts: boolean },
    { event, missing }: { event: AuditEvent; missing: HubError },
  ): Promise<void> {
    assertProvided(claims);
    await storage.transaction(async (stores) => {
      for (const claim of claims) {
        if (!(await stores.providers.setAttribute({ member, claim, ...said }))) throw missing;
      }
      await stores.audit.append(event, clock());
    });
  }

  const operator = (kind: AuditEvent['kind'], data: Record<string, unknown>): AuditEvent => ({
    ...{ kind, actor: 'operator', data },
  });

  async function found(stores: Pick<Stores, 'providers'>, id: string): Promise<AttributeProvider> {
    const provider = await stores.providers.find(id);
    if (provider === undefined) throw unknownProvider(id);
    return provider;
  }

  return {
    async add(draft) {
      const now = clock();
      const { provider, clientSecret } = readRegistration(draft, rules, now);
      await storage.transaction(async (stores) => {
        const { id, kind, url } = provider;
        if (!(await stores.providers.insert(provider))) {
          throw new HubError('attribute_provider_exists', 409, `There is an attribute provider ${id} already.`);
        }
        await settleSecret(stores, provider, clientSecret);
        await stores.audit.append(operator('attribute_provider.added', { provider: id, kind, url }), now);
      });
      return provider;
    },

    list: () => storage.providers.list(),
    show: (id) => found(storage, id),

    async set(id, change) {
      return storage.transaction(async (stores) => {
        const { provider, clientSecret, changed } = changeRegistration(await found(stores, id), change, rules);
        if (!(await stores.providers.replace(provider))) throw unknownProvider(id);
        await settleSecret(stores, provider, clientSecret);
        await stores.audit.append(operator('attribute_provider.changed', { provider: id, changed }), clock());
        return provider;
      });
    },

    async remove(id) {
      await storage.transaction(async (stores) => {
        if (!(await stores.providers.remove(id))) throw unknownProvider(id);
        await stores.audit.append(operator('attribute_provider.removed', { provider: id }), clock());
      });
    },

    offer: (id, claims, offers) =>
      setAll(
        { providerId: id },
        claims,
        { holds: true, offers, accepts: false },
        {
          event: operator('attribute.offered', { provider: id, claims, offers }),
          missing: unknownProvider(id),
        },
      ),

    accept: (clientId, claims, accepts) =>
      setAll(
        { clientId },
        claims,
        { holds: false, offers: false, accepts },
        {
          event: { ...operator('attribute.accepted', { claims, accepts }), clientId },
          missing: new HubError('client_not_found', 404, `There is no client ${clientId}.`),
        },
      ),

    async table() {
      const attributes = await storage.providers.listAttributes();
      return attributes.map(({ member, ...attribute }) => ({
        provider: 'providerId' in member ? member.providerId : undefined,
        relyingParty: 'clientId' in member ? member.clientId : undefined,
        ...attribute,
      }));
    },
  };
}

function unknownProvider(id: string): HubError {
  return new HubError('attribute_provider_unknown', 404, `There is no attribute provider ${id}.`);
}
