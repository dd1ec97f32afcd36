import { HubError } from '../../errors.ts';
import { isoDate, openAttributes } from '../../identity/registered_attributes.ts';
import type { RateLimit } from '../../operations/rate_limit.ts';
import { isShown } from '../../shown_text.ts';
import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import type { CustomerBinding } from './customer_reference.ts';
import type { MembershipTokens } from './membership_tokens.ts';
import type { CustomerQuestion } from './provider_messages.ts';
import { type ProviderQuestions, ProviderSilent } from './provider_questions.ts';
import type { AttributeProvider, EntryField, Membership } from './provider_store.ts';

/** A membership as a person sees it. */
export interface ShownMembership {
  readonly id: string;
  readonly provider: Pick<AttributeProvider, 'id' | 'kind' | 'names' | 'isActive'>;
  /** Milliseconds since 1970. */
  readonly boundAt: number;
  /** Whether the provider tells nothing until the person has signed in there again. */
  readonly needsSignIn: boolean;
}

/** A provider that somebody can become a customer of. */
export type ShownProvider = Pick<AttributeProvider, 'id' | 'kind' | 'names' | 'entries'> & {
  /** The issuer by whose sign-in that is done (provider_sign_ins.ts), and not by what they enter. */
  readonly signInAt: string | undefined;
};

/** Whose customer a person is: by the provider's own word, never by the hub's guess. */
export interface Memberships {
  /** Active providers, with what each wants to be told to find its customer. */
  providers(): Promise<readonly ShownProvider[]>;
  /** Live ones, newest first. */
  list(subjectId: string): Promise<readonly ShownMembership[]>;
  /**
   * Has the provider say whether what the person entered, and the four attributes that the person is registered with, are
   * those of one customer; then that customer is this person, in the place of an earlier membership there.
   *
   * Throws HubError: `attribute_provider_unknown` (404), `membership_entry_invalid` (400, `details.field`),
   * `membership_attributes_needed` (403) for somebody who has not enrolled or whose attributes nobody vouches for any more,
   * `too_many_attempts` (429), `membership_not_confirmed` (403), `membership_taken` (409) when the customer is somebody
   * else here, `attribute_provider_unavailable` (503).
   *
   * @param entered by the names of the provider's entries.
   */
  bind(subjectId: string, providerId: string, entered: Readonly<Record<string, string>>): Promise<ShownMembership>;
  /**
   * Nothing is asked of the provider about this person from now on; one that has given tokens for it hears of that. False when
   * there is no such membership of theirs.
   */
  end(membershipId: string, subjectId: string): Promise<boolean>;
}

export interface MembershipsWorld {
  storage: Storage;
  vault: Vault;
  questions: ProviderQuestions;
  binding: CustomerBinding;
  tokens: Pick<MembershipTokens, 'revoke'>;
  /** Attempts to bind, by subject: nobody is to find out a number by trying. */
  attempts: RateLimit;
  clock: Clock;
  /** Hears why a provider did not answer. */
  onSilence(providerId: string, silence: ProviderSilent): void;
}

/** Seconds after which somebody may try again whose provider was away. */
const RETRY_AFTER = 30;

export function createMemberships(world: MembershipsWorld): Memberships {
  const { storage, vault, questions, binding, clock } = world;

  /** @throws HubError `membership_attributes_needed` */
  async function attributesOf(subjectId: string): Promise<CustomerQuestion['attributes']> {
    const found = await storage.enrolments.findAttributes(subjectId, clock());
    const { name, address, birthdate, gender } = found?.isCurrent ? openAttributes(vault, found.sealed) : {};
    const date = birthdate && isoDate(birthdate);
    if (!name || !address || !date) {
      const message = 'For this you have to be registered with attributes that are up to date.';
      throw new HubError('membership_attributes_needed', 403, message);
    }
    const isKnown = gender === 'female' || gender === 'male';
    return { name: name.text, address: address.text, birthdate: date, ...(isKnown && { gender }) };
  }

  /** The provider's reference of the customer; `not_confirmed` and silence are errors for the person. */
  async function confirm(
    provider: AttributeProvider,
    question: Pick<CustomerQuestion, 'entered' | 'attributes'>,
    refuse: (reason: string) => Promise<void>,
  ): Promise<string> {
    let customer: string | undefined;
    try {
      customer = await questions.customer(provider, question);
    } catch (cause) {
      if (!(cause instanceof ProviderSilent)) throw cause;
      world.onSilence(provider.id, cause);
      const message = 'The provider does not answer at the moment.';
      throw new HubError('attribute_provider_unavailable', 503, message, { cause, retryAfter: RETRY_AFTER });
    }
    if (customer !== undefined) return customer;
    await refuse('not_confirmed');
    throw new HubError('membership_not_confirmed', 403, 'The provider knows no such customer.');
  }

  return {
    async providers() {
      const all = await storage.providers.list();
      return all
        .filter(({ isActive }) => isActive)
        .map(({ id, kind, names, entries, url, userinfo }) => ({
          ...{ id, kind, names, entries, signInAt: userinfo && url },
        }));
    },

    async list(subjectId) {
      const [memberships, providers, lapsed] = await Promise.all([
        storage.providers.listMemberships(subjectId),
        storage.providers.list(),
        storage.providerSignIns.lapsed(subjectId),
      ]);
      return memberships.flatMap((membership) => {
        const provider = providers.find(({ id }) => id === membership.providerId);
        return provider ? [{ ...shown(membership, provider), needsSignIn: lapsed.includes(membership.id) }] : [];
      });
    },

    async bind(subjectId, providerId, given) {
      const provider = await storage.providers.find(providerId);
      if (!provider?.isActive || provider.userinfo) {
        throw new HubError('attribute_provider_unknown', 404, 'There is no such provider.');
      }
      const entered = readEntries(provider.entries, given);
      const attributes = await attributesOf(subjectId);
      const retryAfter = world.attempts.count(subjectId);
      if (retryAfter !== undefined) {
        throw new HubError('too_many_attempts', 429, 'Too many attempts in a short time.', { retryAfter });
      }
      const refuse = (reason: string) => binding.refuse(subjectId, providerId, reason);
      const reference = await confirm(provider, { entered, attributes }, refuse);
      return shown(await binding.bind(subjectId, providerId, reference), provider);
    },

    async end(membershipId, subjectId) {
      const now = clock();
      const ended = await storage.transaction(async (stores) => {
        const provider = await stores.providers.end(membershipId, subjectId, 'person', now);
        if (provider === undefined) return undefined;
        const data = { provider, membership: membershipId };
        await stores.audit.append({ kind: 'membership.ended', actor: `subject:${subjectId}`, subjectId, data }, now);
        return { provider, tokens: await stores.providerSignIns.dropTokens(subjectId, provider) };
      });
      if (!ended) return false;
      await world.tokens.revoke(ended.provider, ended.tokens);
      return true;
    },
  };
}

/** As it is when it has been bound. */
export function shown(
  { id, boundAt }: Membership,
  { id: providerId, kind, names, isActive }: AttributeProvider,
): ShownMembership {
  return { id, boundAt, provider: { id: providerId, kind, names, isActive }, needsSignIn: false };
}

/** What the provider asks for and nothing else. */
function readEntries(
  entries: readonly EntryField[],
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.flatMap(({ name, maxLength, isOptional }) => {
      const text = (Object.hasOwn(given, name) ? (given[name] ?? '') : '').normalize('NFKC').trim();
      if (text === '' && isOptional) return [];
      if (text === '' || [...text].length > maxLength || !isShown(text)) {
        const options = { details: { field: name } };
        throw new HubError(
          'membership_entry_invalid',
          400,
          'Something that was entered is missing or too long.',
          options,
        );
      }
      return [[name, text]];
    }),
  );
}
