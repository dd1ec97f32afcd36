import { z } from 'zod';
import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock } from '../../world.ts';
import type {
  Asking,
  AttributeSource,
  AttributeValue,
  ClaimWish,
  FetchedValues,
  UnavailableClaim,
} from '../attributes.ts';
import type { Catalogue, CatalogueClaim } from '../catalogue/catalogue.ts';
import { isValueOf } from '../catalogue/claim_type.ts';
import { isDate } from '../catalogue/formats.ts';
import { openCustomerReference } from './memberships.ts';
import type { AttributesAnswer } from './provider_messages.ts';
import { type ProviderQuestions, ProviderSilent } from './provider_questions.ts';
import type { Selectable } from './provider_store.ts';

/** Claims that attribute providers hold, as one source. */
export interface ProviderAttributes extends AttributeSource {
  /** What the person's own providers have of them, for their own eyes: whoever accepts it. */
  own(subjectId: string, purpose: string): Promise<FetchedValues>;
}

export interface ProviderAttributesWorld {
  storage: Pick<Storage, 'providers'>;
  vault: Vault;
  catalogue: Catalogue;
  questions: ProviderQuestions;
  clock: Clock;
  /** Hears of each question that a provider was asked. */
  observe(outcome: 'told' | 'silent'): void;
  /** Hears why a provider did not answer, or which claim of an answer could not be used. */
  onSilence(providerId: string, silence: ProviderSilent): void;
}

type Answer = AttributeValue | UnavailableClaim;
type AnsweredClaim = AttributesAnswer['claims'][string];

/** What one provider is asked for, of what it and the person have. */
interface Errand {
  readonly provider: Selectable['provider'];
  readonly membership: Selectable['membership'];
  readonly claims: readonly CatalogueClaim[];
}

const PURPOSE_ANSWER = 'provider.answer';
/** Milliseconds by which a provider's clock may be ahead. */
const TOLERANCE = 60_000;

const wishSchema = z.object({
  targetDate: z.string().refine(isDate).optional(),
  /** Seconds. */
  maxAge: z.number().min(0).optional(),
});
type ReadWish = z.infer<typeof wishSchema>;

const keptSchema = z.object({ value: z.unknown(), asOf: z.number(), validUntil: z.number().optional() });

/**
 * The source of what insurers and card issuers hold. Whom to ask follows from the person's memberships; all of them are asked at
 * once, each once for everything, and one that does not answer costs its own claims only. Nothing is kept but what the
 * catalogue says, for as long as it says.
 */
export function createProviderAttributes(world: ProviderAttributesWorld): ProviderAttributes {
  const { storage, vault, catalogue, questions, clock } = world;
  const claims = catalogue.claims.filter(({ source }) => source === 'provider').map(({ name }) => name);

  /** Of two providers that offer the same, the one that the person came to last. */
  async function selectable(
    subjectId: string,
    names: readonly string[],
    clientId: string | undefined,
  ): Promise<ReadonlyMap<string, Selectable>> {
    const found = await storage.providers.selectable(subjectId, clientId, names);
    return new Map(found.toReversed().map((each) => [each.claim, each]));
  }

  async function fetch(
    subjectId: string,
    names: readonly string[],
    { clientId, consent, wishes = {} }: Omit<Asking, 'clientId'> & { clientId: string | undefined },
  ): Promise<Record<string, Answer>> {
    const errands = errandsOf(await selectable(subjectId, names, clientId), catalogue);
    const answers = await Promise.all(errands.map((errand) => run(errand, consent, wishes)));
    return Object.assign({}, ...answers);
  }

  /** One list: what cannot be asked so → what is kept → what the provider says now → judged claim by claim → kept. */
  async function run(
    errand: Errand,
    consent: Asking['consent'],
    wishes: Readonly<Record<string, ClaimWish>>,
  ): Promise<Record<string, Answer>> {
    const { provider, membership } = errand;
    const missing = (unavailable: UnavailableClaim['unavailable']) => ({ unavailable, source: provider.id });
    const read = errand.claims.map((claim) => ({ claim, wish: readWish(claim, wishes[claim.name]) }));
    const impossible = read
      .filter(({ wish }) => wish === undefined)
      .map(({ claim }) => [claim.name, missing('not_possible')]);
    const possible = read.flatMap(({ claim, wish }) => (wish === undefined ? [] : [{ claim, wish }]));

    const kept = await findKept(errand, possible);
    const open = possible.filter(({ claim }) => !Object.hasOwn(kept, claim.name));
    const told = open.length === 0 ? {} : await ask(errand, consent, open);
    const judged = open.map(({ claim, wish }) => {
      const answered = told && Object.hasOwn(told, claim.name) ? told[claim.name] : undefined;
      if (told === undefined) return { claim, answer: missing('not_available') };
      return { claim, answer: judge(errand, claim, wish, answered) };
    });
    for (const { claim, answer } of judged) {
      const isPlain = open.some((each) => each.claim === claim && each.wish.targetDate === undefined);
      if (isPlain && claim.keepSeconds > 0 && 'value' in answer) await keep(membership.id, claim, answer);
    }
    return {
      ...Object.fromEntries(impossible),
      ...kept,
      ...Object.fromEntries(judged.map(({ claim, answer }) => [claim.name, answer])),
    };
  }

  /** Undefined when nothing that can be believed came back. */
  async function ask(
    { provider, membership }: Errand,
    { id, purpose }: Asking['consent'],
    open: readonly { claim: CatalogueClaim; wish: ReadWish }[],
  ): Promise<AttributesAnswer['claims'] | undefined> {
    try {
      const told = await questions.attributes(provider, {
        customer: openCustomerReference(vault, membership),
        consent: id,
        ...(purpose !== undefined && { purpose: purpose.slice(0, 1000) }),
        claims: Object.fromEntries(
          open.map(({ claim, wish: { targetDate } }) => [
            claim.name,
            targetDate === undefined ? {} : { target_date: targetDate },
          ]),
        ),
      });
      world.observe('told');
      return told;
    } catch (error) {
      if (!(error instanceof ProviderSilent)) throw error;
      world.observe('silent');
      world.onSilence(provider.id, error);
      return undefined;
    }
  }

  /** What a provider says of one claim is told when it is of its type, about the day that was asked for, and of now. */
  function judge(
    { provider }: Errand,
    claim: CatalogueClaim,
    wish: ReadWish,
    answered: AnsweredClaim | undefined,
  ): Answer {
    const missing = (unavailable: UnavailableClaim['unavailable']) => ({ unavailable, source: provider.id });
    if (answered === undefined) return missing('not_told');
    const now = clock();
    const asOf = answered.as_of * 1000;
    const validUntil = answered.valid_until === undefined ? undefined : answered.valid_until * 1000;
    const isOver = validUntil !== undefined && validUntil <= now;
    const isOfTheDay = wish.targetDate === undefined || answered.target_date === wish.targetDate;
    if (isOver || !isOfTheDay || asOf > now + TOLERANCE || !isValueOf(claim.type, answered.value)) {
      world.onSilence(provider.id, new ProviderSilent(`claim_not_usable ${claim.name}`));
      return missing('not_available');
    }
    if (wish.maxAge !== undefined && asOf < now - wish.maxAge * 1000) return missing('not_fresh');
    return valueFrom(provider.id, { value: answered.value, obtainedAt: now, asOf, validUntil });
  }

  async function findKept(
    { provider, membership }: Errand,
    possible: readonly { claim: CatalogueClaim; wish: ReadWish }[],
  ): Promise<Record<string, AttributeValue>> {
    const keepable = possible.filter(({ claim, wish }) => claim.keepSeconds > 0 && wish.targetDate === undefined);
    if (keepable.length === 0) return {};
    const names = keepable.map(({ claim }) => claim.name);
    const now = clock();
    const found = await storage.providers.findAnswers(membership.id, names, now);
    return Object.fromEntries(
      found.flatMap(({ claim, sealed, obtainedAt }) => {
        const { value, asOf, validUntil } = keptSchema.parse(
          JSON.parse(Buffer.from(vault.open(PURPOSE_ANSWER, sealed)).toString()),
        );
        const maxAge = keepable.find((each) => each.claim.name === claim)?.wish.maxAge;
        if (maxAge !== undefined && asOf < now - maxAge * 1000) return [];
        return [[claim, valueFrom(provider.id, { value, obtainedAt, asOf, validUntil })]];
      }),
    );
  }

  async function keep(
    membershipId: string,
    { name, keepSeconds }: CatalogueClaim,
    answer: AttributeValue,
  ): Promise<void> {
    const { value, provenance } = answer;
    if (provenance === undefined) return;
    const { obtainedAt, asOf, validUntil } = provenance;
    const sealed = vault.seal(PURPOSE_ANSWER, Buffer.from(JSON.stringify({ value, asOf, validUntil })));
    const keptUntil = Math.min(obtainedAt + keepSeconds * 1000, validUntil ?? Number.POSITIVE_INFINITY);
    await storage.providers.keepAnswer(membershipId, { claim: name, sealed, obtainedAt, keptUntil });
  }

  return {
    claims,

    async held(subjectId, names, clientId) {
      const found = await selectable(subjectId, names, clientId);
      const providers = [...found].map(([claim, { provider }]) => [claim, provider.names] as const);
      return { names: [...found.keys()], stale: [], providers: Object.fromEntries(providers) };
    },

    values: (subjectId, names, asking) => fetch(subjectId, names, asking),

    async own(subjectId, purpose) {
      const answers = await fetch(subjectId, claims, { clientId: undefined, consent: { id: 'own', purpose } });
      const entries = Object.entries(answers);
      return {
        values: Object.fromEntries(entries.flatMap(([name, answer]) => ('value' in answer ? [[name, answer]] : []))),
        unavailable: Object.fromEntries(
          entries.flatMap(([name, answer]) => ('unavailable' in answer ? [[name, answer]] : [])),
        ),
      };
    },
  };
}

function errandsOf(found: ReadonlyMap<string, Selectable>, catalogue: Catalogue): readonly Errand[] {
  const byMembership = Map.groupBy(found.values(), ({ membership }) => membership.id);
  return [...byMembership.values()].flatMap((selected) => {
    const [first] = selected;
    if (first === undefined) return [];
    const claims = selected.flatMap(({ claim }) => catalogue.find(claim) ?? []);
    return [{ provider: first.provider, membership: first.membership, claims }];
  });
}

/** Undefined when it is none that this claim can have. */
function readWish({ targetDate: hasTargetDate }: CatalogueClaim, wish: ClaimWish = {}): ReadWish | undefined {
  const read = wishSchema.safeParse(wish);
  if (!read.success) return undefined;
  return read.data.targetDate !== undefined && !hasTargetDate ? undefined : read.data;
}

function valueFrom(
  source: string,
  { value, ...times }: { value: unknown; obtainedAt: number; asOf: number; validUntil: number | undefined },
): AttributeValue {
  return { value, provenance: { source, isCurrent: true, ...times } };
}
