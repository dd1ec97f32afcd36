import { randomUUID } from 'node:crypto';
import type { Asking, Attributes, ClaimWish, FetchedValues } from '../attributes/attributes.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { ProviderPermissions } from '../attributes/providers/provider_permissions.ts';
import type { SubjectEvents } from '../identity/happenings.ts';
import type { MailToPerson } from '../notices_by_mail/mail_to_person.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import { carriedStatement, STATEMENT_TYPE, type StatedClaim } from './carried_statement.ts';
import { type AskedClaims, type ConsentNeed, claimsToDecide, consentNeed, decide } from './consent_rules.ts';
import type { ClaimToTell, Consent, ConsentPeriod, Exit, ReceiptEvent, StoredReceipt } from './consent_store.ts';
import type { Deliveries } from './deliveries.ts';
import {
  RECEIPT_TYPE,
  type ReceiptLanguage,
  type ReceiptParties,
  type RecordSigner,
  receiptContent,
} from './receipt.ts';

export interface Consents {
  /** What must be asked before `asked` may leave, and the live consent it was judged by. */
  need(
    subjectId: string,
    clientId: string,
    asked: AskedClaims,
  ): Promise<{ need: ConsentNeed; live: Consent | undefined }>;
  /**
   * The live consent, when everything that is asked for has been decided as it is asked for now: then there is no page to show,
   * whoever would answer. Undefined while `need` names something undecided.
   *
   * @param givenNow id of the consent that was given for this very request, when it was.
   */
  decided(
    subjectId: string,
    clientId: string,
    asked: AskedClaims,
    givenNow: string | undefined,
  ): Promise<Consent | undefined>;
  /** The last decision of the pair, live or not: what a page that asks every time shows as chosen. */
  lastDecision(subjectId: string, clientId: string): Promise<Consent | undefined>;
  /** Records the person's answer to the consent page, with its audit event and its receipt, in one transaction. */
  record(decision: {
    subjectId: string;
    clientId: string;
    asked: AskedClaims;
    /** The relying party wants all decided again, also what has been. */
    decidesAll: boolean;
    agreed: readonly string[];
    period: ConsentPeriod;
    /** The relying party's purpose as it was shown, and the page's language. */
    purpose: string | undefined;
    language: ReceiptLanguage;
  }): Promise<{ readonly consent: Consent; readonly receiptId: string }>;
  /**
   * Takes a consent back: nothing leaves from this moment, every grant and token that the relying party has of this person
   * ends, at providers too, it is told (a security event, and back-channel logout where a session stood on it), and the person has a receipt.
   * False when it is not this subject's, or no longer live.
   */
  withdraw(consentId: string, subjectId: string, language?: ReceiptLanguage): Promise<boolean>;
  /**
   * Values that may leave now. Only what the live consent grants is fetched; then what has a value is disclosed, in one
   * statement with another look at the consent, since fetching takes time (invariant 6). A claim that its source does not
   * give costs that claim only, and no row says that it left. Undefined when there is no live consent any more.
   *
   * What a provider made for the relying party itself has rows of its own form (`aggregated`, `distributed`, `sealed`), written
   * in the same transaction, and a statement of the hub's beside it.
   *
   * @param disclosure.exit of plain values.
   * @param disclosure.wishes what the relying party says about single claims.
   */
  release(disclosure: {
    subjectId: string;
    clientId: string;
    exit: Exit;
    claims: readonly string[];
    wishes?: Readonly<Record<string, ClaimWish>>;
    sealFor?: Asking['sealFor'];
  }): Promise<Released | undefined>;
  /**
   * Whether the pairwise identifier may leave, and nothing with it: the live consent is checked and the disclosure row
   * written in one statement, as by `release`.
   */
  releaseIdentifier(disclosure: { subjectId: string; clientId: string; exit: Exit }): Promise<boolean>;
}

export interface Released extends Omit<FetchedValues, 'carried'> {
  readonly carried: readonly StatedClaim[];
}

/** What a person's sign-ins at one relying party rest on; implemented where sessions are. */
export interface RelyingPartySessions {
  /** Ends every grant of the pair with all codes and tokens, and has the relying party told of sessions that it is part of. */
  endAt(subjectId: string, clientId: string): Promise<{ readonly sessions: number; readonly grants: number }>;
}

export interface ConsentsWorld {
  catalogue: Catalogue;
  storage: Storage;
  attributes: Attributes;
  sessions: RelyingPartySessions;
  permissions: ProviderPermissions;
  events: SubjectEvents;
  mail: MailToPerson;
  statements: RecordSigner;
  /** Who the two sides of a consent are, for its receipt. */
  parties(subjectId: string, clientId: string, language: ReceiptLanguage): Promise<ReceiptParties>;
  deliveries: Pick<Deliveries, 'note'>;
  issuer: string;
  clock: Clock;
  /** Milliseconds that a consent lives. */
  lifetime: number;
  /** Milliseconds that the code and the access token of one sign-in live: as long as what is agreed to once. */
  signInLifetime: number;
}

export function createConsents(world: ConsentsWorld): Consents {
  const { storage, catalogue, attributes, sessions, permissions, events, mail, statements, deliveries, issuer, clock } =
    world;
  const isSensitive = (claim: string) => catalogue.find(claim)?.sensitivity === 'sensitive';

  const need: Consents['need'] = async (subjectId, clientId, asked) => {
    const [live, held] = await Promise.all([
      storage.consents.findLive(subjectId, clientId, clock()),
      attributes.held(subjectId, Object.keys(asked), clientId),
    ]);
    return { need: consentNeed(asked, held, live, { isSensitive, givenNow: undefined }), live };
  };

  const decided: Consents['decided'] = async (subjectId, clientId, asked, givenNow) => {
    const live = await storage.consents.findLive(subjectId, clientId, clock());
    if (!live) return undefined;
    // What is not held needs no decision: only something undecided is worth asking the sources.
    const names = Object.keys(asked);
    const circumstances = { isSensitive, givenNow };
    if (consentNeed(asked, { names, stale: [] }, live, circumstances).undecided.length === 0) return live;
    const held = await attributes.held(subjectId, names, clientId);
    return consentNeed(asked, held, live, circumstances).undecided.length === 0 ? live : undefined;
  };

  /** `sub` has no source: where nothing else is asked for, the one statement that discloses is all there is. */
  async function fetchGranted(
    subjectId: string,
    clientId: string,
    claims: readonly string[],
    options: Pick<Asking, 'wishes' | 'sealFor'>,
  ): Promise<FetchedValues | undefined> {
    const sourced = claims.filter((claim) => claim !== 'sub');
    if (sourced.length === 0) return { values: {}, unavailable: {}, carried: [] };
    const now = clock();
    const live = await storage.consents.findLive(subjectId, clientId, now);
    const passed = live?.passingUntil !== undefined && live.passingUntil <= now ? live.passing : [];
    const granted = sourced.filter((claim) => live?.granted.includes(claim) && !passed.includes(claim));
    return live && attributes.values(subjectId, granted, { clientId, consent: live, ...options });
  }

  async function receiptOf(
    consent: Consent,
    event: ReceiptEvent,
    language: ReceiptLanguage,
    at: number,
  ): Promise<StoredReceipt> {
    const id = randomUUID();
    const { subjectId, clientId } = consent;
    const parties = await world.parties(subjectId, clientId, language);
    const content = receiptContent({
      ...{ issuer, receiptId: id, event, consent, parties, language, isSensitive, at },
    });
    const receipt = await statements.sign(RECEIPT_TYPE, content);
    return { id, subjectId, consentId: consent.id, event, receipt, at };
  }

  const disclose = (
    { consents }: Pick<Storage, 'consents'>,
    disclosure: { subjectId: string; clientId: string; exit: Exit; claims: readonly ClaimToTell[] },
  ) =>
    consents.disclose({
      ...disclosure,
      claims: disclosure.claims.map(({ claim, source }) => ({ claim, source })),
      now: clock(),
    });

  async function stated(
    carried: FetchedValues['carried'],
    { subjectId, clientId }: { subjectId: string; clientId: string },
    consentId: string,
  ): Promise<readonly StatedClaim[]> {
    const { subject } = await world.parties(subjectId, clientId, 'ja');
    const release = { issuer, audience: clientId, subject, consentId, at: clock() };
    return Promise.all(
      carried.map(async (each) => ({
        ...each,
        statement: await statements.sign(STATEMENT_TYPE, carriedStatement(each, release)),
      })),
    );
  }

  return {
    need,
    decided,

    lastDecision: (subjectId, clientId) => storage.consents.findLast(subjectId, clientId),

    async record({ subjectId, clientId, asked, decidesAll, agreed, period, purpose, language }) {
      const judged = await need(subjectId, clientId, asked);
      const now = clock();
      const decision = decide(asked, claimsToDecide(judged.need, decidesAll), { agreed, period }, judged.live);
      const passingUntil = now + world.signInLifetime;
      const consent: Consent = {
        id: randomUUID(),
        subjectId,
        clientId,
        ...decision,
        purpose,
        grantedAt: now,
        // Without `sub` nothing leaves: a consent to be known once is over with that.
        expiresAt: decision.passing.includes('sub') ? passingUntil : now + world.lifetime,
        passingUntil: decision.passing.length > 0 ? passingUntil : undefined,
      };
      const receipt = await receiptOf(consent, judged.live ? 'changed' : 'granted', language, now);
      await storage.transaction(async (stores) => {
        await stores.consents.replace(consent);
        await stores.consents.addReceipt(receipt);
        await stores.audit.append(
          {
            kind: 'consent.granted',
            actor: `subject:${subjectId}`,
            subjectId,
            clientId,
            data: { consent: consent.id, granted: consent.granted, declined: consent.declined, period },
          },
          now,
        );
        const { granted } = consent;
        if (granted.length > 0) await mail.tell(stores, subjectId, { kind: 'consent', clientId, claims: granted }, now);
      });
      // What was agreed to earlier is over: the new consent says what may be had from now on.
      if (judged.live) await permissions.end(subjectId, judged.live.id);
      return { consent, receiptId: receipt.id };
    },

    /* First what stops everything by itself, with its records; then the sessions, and the relying party hears. */
    async withdraw(consentId, subjectId, language = 'ja') {
      const consent = await storage.consents.find(subjectId, consentId);
      const now = clock();
      if (!consent || consent.withdrawnAt !== undefined || consent.expiresAt <= now) return false;
      const { clientId } = consent;
      const receipt = await receiptOf(consent, 'withdrawn', language, now);
      const isWithdrawn = await storage
        .transaction(async (stores) => {
          // Told to whom a live consent stands for: so before it is withdrawn, and not at all if it was meanwhile.
          await events.emit(stores, subjectId, ['consent_withdrawn'], clientId);
          if (!(await stores.consents.withdraw(consentId, now))) throw new AlreadyWithdrawn();
          await stores.consents.addReceipt(receipt);
          await stores.audit.append(
            {
              kind: 'consent.withdrawn',
              actor: `subject:${subjectId}`,
              subjectId,
              clientId,
              data: { consent: consentId },
            },
            now,
          );
          return true;
        })
        .catch((error: unknown) => {
          if (error instanceof AlreadyWithdrawn) return false;
          throw error;
        });
      if (isWithdrawn) await Promise.all([sessions.endAt(subjectId, clientId), permissions.end(subjectId, consentId)]);
      return isWithdrawn;
    },

    /* One list: what is granted → its values → disclosed, the consent seen once more → given. */
    async release({ subjectId, clientId, exit, claims, wishes, sealFor }) {
      const fetched = await fetchGranted(subjectId, clientId, claims, { wishes, sealFor });
      if (!fetched) return undefined;
      const { values, unavailable, carried } = fetched;
      const had = claims.filter((claim) => claim === 'sub' || Object.hasOwn(values, claim));
      const plain = had.map((claim) => ({ claim, source: values[claim]?.provenance?.source }));
      const pair = { subjectId, clientId };
      const told =
        carried.length === 0
          ? [await disclose(storage, { ...pair, exit, claims: plain })]
          : await storage.transaction(async (stores) => {
              const first = await disclose(stores, { ...pair, exit, claims: plain });
              const others = [];
              for (const [form, each] of Map.groupBy(carried, (one) => one.form)) {
                others.push(await disclose(stores, { ...pair, exit: form, claims: each }));
              }
              return [first, ...others];
            });
      const [first] = told;
      if (!first) return undefined;
      for (const { sequence } of told.flatMap((each) => each ?? [])) {
        if (sequence !== undefined) deliveries.note({ subjectId, sequence });
      }
      const leaving = Object.entries(values).filter(([claim]) => first.claims.includes(claim));
      const handedOn = carried.filter(({ claim }) => told.some((each) => each?.claims.includes(claim)));
      return {
        values: Object.fromEntries(leaving),
        unavailable,
        carried: handedOn.length === 0 ? [] : await stated(handedOn, pair, first.consentId),
      };
    },

    async releaseIdentifier(disclosure) {
      const { subjectId } = disclosure;
      const told = await disclose(storage, { ...disclosure, claims: [{ claim: 'sub', source: undefined }] });
      if (told?.sequence === undefined) return false;
      deliveries.note({ subjectId, sequence: told.sequence });
      return true;
    },
  };
}

/** Two withdrawals at once: undoes the transaction of the second, with what it would have told. */
class AlreadyWithdrawn extends Error {}
