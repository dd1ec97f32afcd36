import type { JWK } from 'jose';
import { z } from 'zod';
import type { Storage } from '../../storage.ts';
import type { Vault } from '../../vault.ts';
import type { Clock, Random } from '../../world.ts';
import type {
  Asking,
  AttributeSource,
  AttributeValue,
  ClaimWish,
  FetchedValues,
  Provenance,
  SourceAnswer,
  UnavailableClaim,
} from '../attributes.ts';
import type { Catalogue, CatalogueClaim } from '../catalogue/catalogue.ts';
import { isValueOf } from '../catalogue/claim_type.ts';
import { isDate } from '../catalogue/formats.ts';
import { type CarriedForm, DELIVERIES } from '../delivery.ts';
import { type CarriedOrder, readCarriedClaim } from './carried_claims.ts';
import { openCustomerReference } from './customer_reference.ts';
import { isVisited } from './openid_providers.ts';
import type { AnsweredTimes, AttributesAnswer, AttributesQuestion } from './provider_messages.ts';
import { type ProviderQuestions, ProviderSilent } from './provider_questions.ts';
import type { Selectable } from './provider_store.ts';
import type { UserinfoQuestions } from './userinfo_questions.ts';

/** Claims that attribute providers hold, as one source. */
export interface ProviderAttributes extends AttributeSource {
  /** What the person's own providers have of them, for their own eyes: whoever accepts it. */
  own(subjectId: string, purpose: string): Promise<FetchedValues>;
  /** Of `claims` those of attribute providers that this relying party may never be told, whoever they are of. */
  notAccepted(clientId: string, claims: readonly string[]): Promise<readonly string[]>;
}

export interface ProviderAttributesWorld {
  storage: Pick<Storage, 'providers'>;
  vault: Vault;
  catalogue: Catalogue;
  questions: ProviderQuestions;
  userinfo: UserinfoQuestions;
  clock: Clock;
  random: Random;
  /** Hears of each question that a provider was asked. */
  observe(outcome: 'told' | 'silent'): void;
  /** Hears why a provider did not answer, or which claim of an answer could not be used. */
  onSilence(providerId: string, silence: ProviderSilent): void;
}

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
  delivery: z.enum(DELIVERIES).default('plain'),
});
type ReadWish = z.infer<typeof wishSchema>;

/** A claim that can be asked for as it is wished for. */
interface Question {
  readonly claim: CatalogueClaim;
  readonly wish: ReadWish;
  /** Where it is to come in another form than plain. */
  readonly order: CarriedOrder | undefined;
}

const keptSchema = z.object({ value: z.unknown(), asOf: z.number(), validUntil: z.number().optional() });

/**
 * The source of what insurers and card issuers hold. Whom to ask follows from the person's memberships; all of them are asked at
 * once, each once for everything, and one that does not answer costs its own claims only. Nothing is kept but what the
 * catalogue says, for as long as it says.
 */
export function createProviderAttributes(world: ProviderAttributesWorld): ProviderAttributes {
  const { storage, vault, catalogue, questions, clock, random } = world;
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
    { clientId, consent, wishes = {}, sealFor }: Omit<Asking, 'clientId'> & { clientId: string | undefined },
  ): Promise<Record<string, SourceAnswer>> {
    const errands = errandsOf(await selectable(subjectId, names, clientId), catalogue);
    const isSealed = names.some((name) => wishes[name]?.delivery === 'sealed');
    const key = isSealed ? await sealFor?.() : undefined;
    const answers = await Promise.all(errands.map((errand) => run(errand, { consent, wishes, sealFor: key })));
    return Object.assign({}, ...answers);
  }

  /** One list: what cannot be asked so → what is kept → what the provider says now → judged claim by claim → kept. */
  async function run(
    errand: Errand,
    { consent, wishes, sealFor }: Pick<Asking, 'consent'> & { wishes: NonNullable<Asking['wishes']>; sealFor?: JWK },
  ): Promise<Record<string, SourceAnswer>> {
    const { membership } = errand;
    const read = errand.claims.map((claim) => ({ claim, question: toQuestion(errand, claim, wishes, sealFor) }));
    const impossible = read
      .filter(({ question }) => question === undefined)
      .map(({ claim }) => [claim.name, missing(errand, 'not_possible')]);
    const possible = read.flatMap(({ question }) => question ?? []);

    const kept = await findKept(errand, possible);
    const open = possible.filter(({ claim }) => !Object.hasOwn(kept, claim.name));
    const told = open.length === 0 ? {} : await ask(errand, consent, open);
    const judged = await Promise.all(
      open.map(async (question) => {
        const { name } = question.claim;
        const answered = told && Object.hasOwn(told, name) ? told[name] : undefined;
        if (told === undefined) return { question, answer: missing(errand, 'not_available') };
        return { question, answer: await judge(errand, question, answered) };
      }),
    );
    for (const { question, answer } of judged) {
      if (isKeepable(question) && 'value' in answer) await keep(membership.id, question.claim, answer);
    }
    return {
      ...Object.fromEntries(impossible),
      ...kept,
      ...Object.fromEntries(judged.map(({ question, answer }) => [question.claim.name, answer])),
    };
  }

  /** Undefined when it cannot be asked for so: not for this day, or not in this form. */
  function toQuestion(
    { provider }: Errand,
    claim: CatalogueClaim,
    wishes: Readonly<Record<string, ClaimWish>>,
    sealFor: JWK | undefined,
  ): Question | undefined {
    const wish = readWish(provider, claim, wishes[claim.name]);
    if (wish === undefined || wish.delivery === 'plain') return wish && { claim, wish, order: undefined };
    const form: CarriedForm = wish.delivery;
    if (!provider.forms.includes(form) || (form === 'sealed' && sealFor === undefined)) return undefined;
    const delivery = Buffer.from(random(16)).toString('base64url');
    return { claim, wish, order: { claim, form, delivery, sealFor: form === 'sealed' ? sealFor : undefined } };
  }

  /** Undefined when nothing that can be believed came back. */
  async function ask(
    { provider, membership }: Errand,
    { id, purpose }: Asking['consent'],
    open: readonly Question[],
  ): Promise<AttributesAnswer['claims'] | undefined> {
    const sealFor = open.find(({ order }) => order?.sealFor)?.order?.sealFor;
    try {
      const told = isVisited(provider)
        ? await world.userinfo.attributes(
            provider,
            membership,
            open.map(({ claim }) => claim.name),
          )
        : await questions.attributes(provider, {
            customer: openCustomerReference(vault, membership),
            consent: id,
            ...(purpose !== undefined && { purpose: purpose.slice(0, 1000) }),
            claims: Object.fromEntries(open.map((question) => [question.claim.name, askedClaim(question)])),
            ...(sealFor && { seal_for: sealFor as AttributesQuestion['seal_for'] }),
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
  async function judge(
    errand: Errand,
    { claim, wish, order }: Question,
    answered: AnsweredClaim | undefined,
  ): Promise<SourceAnswer> {
    const { provider } = errand;
    if (answered === undefined) return missing(errand, 'not_told');
    const now = clock();
    try {
      if (order !== undefined) {
        const { carried, times } = await readCarriedClaim({ questions, clock }, provider, order, answered);
        if (times && !isOfNow(times, wish, now)) throw new ProviderSilent(`claim_not_usable ${claim.name}`);
        return times && isTooOld(times, wish, now) ? missing(errand, 'not_fresh') : { carried };
      }
      if (!('as_of' in answered) || !isOfNow(answered, wish, now) || !isValueOf(claim.type, answered.value)) {
        throw new ProviderSilent(`claim_not_usable ${claim.name}`);
      }
      if (isTooOld(answered, wish, now)) return missing(errand, 'not_fresh');
      const { targetDate } = wish;
      return valueFrom(provider.id, {
        ...{ value: answered.value, obtainedAt: now, ...inMilliseconds(answered) },
        ...(targetDate !== undefined && { targetDate }),
      });
    } catch (error) {
      if (!(error instanceof ProviderSilent)) throw error;
      world.onSilence(provider.id, error);
      return missing(errand, 'not_available');
    }
  }

  async function findKept(
    { provider, membership }: Errand,
    possible: readonly Question[],
  ): Promise<Record<string, AttributeValue>> {
    const keepable = possible.filter(isKeepable);
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
    carries: true,

    async held(subjectId, names, clientId) {
      const found = await selectable(subjectId, names, clientId);
      const providers = [...found].map(([claim, { provider }]) => [claim, provider.names] as const);
      return { names: [...found.keys()], stale: [], providers: Object.fromEntries(providers) };
    },

    async notAccepted(clientId, names) {
      const ofProviders = names.filter((name) => claims.includes(name));
      if (ofProviders.length === 0) return [];
      const accepted = await storage.providers.accepted(clientId, ofProviders);
      return ofProviders.filter((name) => !accepted.includes(name));
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
        carried: [],
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

function missing({ provider }: Errand, unavailable: UnavailableClaim['unavailable']): UnavailableClaim {
  return { unavailable, source: provider.id };
}

function askedClaim({ wish: { targetDate }, order }: Question): AttributesQuestion['claims'][string] {
  return {
    ...(targetDate !== undefined && { target_date: targetDate }),
    ...(order && { form: order.form, delivery: order.delivery }),
  };
}

/** Only what is of today, and the hub's to read. */
function isKeepable({ claim, wish, order }: Question): boolean {
  return claim.keepSeconds > 0 && wish.targetDate === undefined && order === undefined;
}

function inMilliseconds({ as_of: asOf, valid_until: validUntil }: AnsweredTimes) {
  return { asOf: asOf * 1000, validUntil: validUntil === undefined ? undefined : validUntil * 1000 };
}

/** Of the day that was asked for, not yet over, and not of the future. */
function isOfNow(times: AnsweredTimes, wish: ReadWish, now: number): boolean {
  const { asOf, validUntil } = inMilliseconds(times);
  const isOfTheDay = wish.targetDate === undefined || times.target_date === wish.targetDate;
  return isOfTheDay && asOf <= now + TOLERANCE && (validUntil === undefined || validUntil > now);
}

function isTooOld(times: AnsweredTimes, { maxAge }: ReadWish, now: number): boolean {
  return maxAge !== undefined && times.as_of * 1000 < now - maxAge * 1000;
}

/** Undefined when it is none that this claim can have, or this provider be asked by: a userinfo knows no day but today. */
function readWish(
  provider: Selectable['provider'],
  { targetDate: hasTargetDate }: CatalogueClaim,
  wish: ClaimWish = {},
): ReadWish | undefined {
  const read = wishSchema.safeParse(wish);
  if (!read.success) return undefined;
  const takesDate = hasTargetDate && !isVisited(provider);
  return read.data.targetDate !== undefined && !takesDate ? undefined : read.data;
}

function valueFrom(
  source: string,
  { value, ...times }: { value: unknown } & Pick<Provenance, 'obtainedAt' | 'asOf' | 'validUntil' | 'targetDate'>,
): AttributeValue {
  return { value, provenance: { source, isCurrent: true, ...times } };
}
