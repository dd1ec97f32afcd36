import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { AuditEvent } from '../../audit/audit_log.ts';
import { HubError } from '../../errors.ts';
import { isShown } from '../../shown_text.ts';
import type { Storage, Stores } from '../../storage.ts';
import type { Clock } from '../../world.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { CARRIED_FORMS } from '../delivery.ts';
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

const shownText = (maxLength: number) =>
  z.string().min(1).max(maxLength).refine(isShown, 'must be one line that can be read');
const bilingual = (maxLength: number) => z.strictObject({ ja: shownText(maxLength), en: shownText(maxLength) });

/** Members of a key that only whoever signs may have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const keySet = z.strictObject({
  keys: z
    .array(
      z
        .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP']) })
        .refine((key) => PRIVATE.every((member) => !(member in key)), 'must be a public key'),
    )
    .min(1)
    .max(10),
});

const draftSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be of a-z, 0-9 and -'),
  kind: z.enum(['insurer', 'card_issuer', 'public_body', 'other']),
  names: bilingual(100),
  url: z.string().max(2048),
  keys: keySet,
  entries: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be of a-z, 0-9 and _'),
        label: bilingual(60),
        maxLength: z.int().min(1).max(100).default(40),
        isOptional: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(10),
  forms: z.array(z.enum(CARRIED_FORMS)).max(CARRIED_FORMS.length).default([]),
  isActive: z.boolean().default(true),
});
const { id: _id, forms, isActive, ...changeable } = draftSchema.shape;
/** Without the defaults: what is not named stays as it is. */
const changeSchema = z.strictObject({ ...changeable, forms: forms.unwrap(), isActive: isActive.unwrap() }).partial();

export function createProviderAdministration(world: {
  storage: Storage;
  catalogue: Catalogue;
  clock: Clock;
  /** For neighbours on this machine, in the sandbox. */
  allowPlainHttp: boolean;
}): ProviderAdministration {
  const { storage, catalogue, clock } = world;

  /** @throws HubError `attribute_provider_invalid` */
  function judged(provider: AttributeProvider): AttributeProvider {
    const { url, keys, entries } = provider;
    const { protocol, search, hash, username, password } = URL.parse(url) ?? {};
    const isAllowed = protocol === 'https:' || (protocol === 'http:' && world.allowPlainHttp);
    if (!isAllowed || search || hash || username || password || url.endsWith('/')) {
      throw invalid('url must be an https address without query, and without a slash at the end');
    }
    try {
      createLocalJWKSet(keys as JSONWebKeySet);
    } catch (cause) {
      throw invalid('keys cannot be read', cause);
    }
    if (new Set(entries.map(({ name }) => name)).size < entries.length) throw invalid('an entry is there twice');
    return provider;
  }

  /** @throws HubError `claim_unknown` */
  function assertProvided(claims: readonly string[]): void {
    const unknown = claims.find((name) => catalogue.find(name)?.source !== 'provider');
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
      const read = draftSchema.safeParse(draft);
      if (!read.success) throw invalid(reasonOf(read.error), read.error);
      const now = clock();
      const provider = judged({ ...read.data, keys: read.data.keys as JSONWebKeySet, createdAt: now });
      await storage.transaction(async (stores) => {
        const { id, kind, url } = provider;
        if (!(await stores.providers.insert(provider))) {
          throw new HubError('attribute_provider_exists', 409, `There is an attribute provider ${id} already.`);
        }
        await stores.audit.append(operator('attribute_provider.added', { provider: id, kind, url }), now);
      });
      return provider;
    },

    list: () => storage.providers.list(),
    show: (id) => found(storage, id),

    async set(id, change) {
      const read = changeSchema.safeParse(change);
      if (!read.success) throw invalid(reasonOf(read.error), read.error);
      const given = Object.entries(read.data).filter(([, value]) => value !== undefined);
      if (given.length === 0) throw invalid('nothing is said that is to be different');
      return storage.transaction(async (stores) => {
        const changed = judged({ ...(await found(stores, id)), ...Object.fromEntries(given) });
        if (!(await stores.providers.replace(changed))) throw unknownProvider(id);
        const data = { provider: id, changed: given.map(([name]) => name) };
        await stores.audit.append(operator('attribute_provider.changed', data), clock());
        return changed;
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

function reasonOf({ issues: [issue] }: z.ZodError): string {
  return issue === undefined ? 'it is not as it must be' : `${issue.path.join('.')}: ${issue.message}`;
}

function invalid(what: string, cause?: unknown): HubError {
  return new HubError('attribute_provider_invalid', 400, `The attribute provider cannot be registered so: ${what}.`, {
    cause,
  });
}

function unknownProvider(id: string): HubError {
  return new HubError('attribute_provider_unknown', 404, `There is no attribute provider ${id}.`);
}
