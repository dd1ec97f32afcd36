import type { Memberships } from '../attributes/providers/memberships.ts';
import type { DisclosureHistory, ExportedHistory } from '../consent/disclosure_history.ts';
import type { MailAddresses } from '../notices_by_mail/mail_addresses.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { MisuseReports } from './misuse_reports.ts';
import type { Portal } from './portal.ts';
import type { KeptConsent, KeptDisclosure, KnownRelyingParty } from './portal_store.ts';

export interface Records {
  /**
   * Everything that the hub holds about a person and may show them, as the text of one JSON object, in pieces: no more than
   * a piece of it is ever in memory. It is bounded; where there is more, `complete` says that it is not there.
   *
   * @param sessionId of the session that asks.
   */
  json(subjectId: string, sessionId: string): AsyncGenerator<string>;
  /** What the person needs to check that no disclosure of theirs was removed or changed (verify_records.ts). */
  history(subjectId: string): Promise<ExportedHistory>;
  /** Notes in the audit log that somebody takes their records along. */
  note(subjectId: string, form: 'json' | 'page' | 'history'): Promise<void>;
}

/** Rows that are read at once. */
const PIECE = 500;
const MOST_CONSENTS = 10_000;
const MOST_DISCLOSURES = 100_000;

export function createRecords(world: {
  issuer: string;
  storage: Storage;
  portal: Portal;
  reports: MisuseReports;
  memberships: Pick<Memberships, 'list'>;
  /** Undefined where the hub writes to nobody. */
  mailAddresses: Pick<MailAddresses, 'of'> | undefined;
  history: Pick<DisclosureHistory, 'export'>;
  clock: Clock;
}): Records {
  const { storage, portal, clock } = world;

  async function* consents(subjectId: string): AsyncGenerator<KeptConsent> {
    yield* await portal.liveConsents(subjectId);
    const now = clock();
    let after: string | undefined;
    do {
      const found = await storage.portal.listPastConsents(subjectId, now, after, PIECE);
      yield* found;
      after = found.length === PIECE ? found.at(-1)?.id : undefined;
    } while (after !== undefined);
  }

  async function* disclosures(subjectId: string): AsyncGenerator<KeptDisclosure> {
    let before: number | undefined;
    do {
      const found = await storage.portal.listDisclosures(subjectId, {}, before, PIECE);
      yield* found;
      before = found.length === PIECE ? found.at(-1)?.sequence : undefined;
    } while (before !== undefined);
  }

  /** Members of a list and then its end; `seen` hears of each. */
  async function* list<Item>(
    items: AsyncIterable<Item> | Iterable<Item>,
    shown: (item: Item) => unknown,
    most = Number.MAX_SAFE_INTEGER,
  ): AsyncGenerator<string, boolean> {
    let count = 0;
    yield '[';
    for await (const item of items) {
      if (count === most) {
        yield '\n]';
        return false;
      }
      yield `${count === 0 ? '' : ','}\n${JSON.stringify(shown(item))}`;
      count += 1;
    }
    yield '\n]';
    return true;
  }

  async function mailAddress(subjectId: string) {
    const { address, confirmedAt, pending } = (await world.mailAddresses?.of(subjectId)) ?? {};
    return {
      address: address ?? null,
      confirmed_at: confirmedAt === undefined ? null : iso(confirmedAt),
      to_be_confirmed: pending?.address ?? null,
    };
  }

  return {
    async *json(subjectId, sessionId) {
      const met = new Set<string>();
      const seen = (clientId: string) => {
        met.add(clientId);
        return clientId;
      };
      yield `{\n"issuer": ${JSON.stringify(world.issuer)},\n"made_at": "${iso(clock())}",\n"attributes": `;
      yield* list(await portal.attributes(subjectId), ({ name, value, source, asOf, isCurrent }) => ({
        ...{ name, value: value ?? null, source: source?.en, as_of: asOf === undefined ? undefined : iso(asOf) },
        is_current: isCurrent,
      }));
      yield ',\n"memberships": ';
      yield* list(await world.memberships.list(subjectId), ({ provider, boundAt }) => ({
        ...{ provider: provider.id, name: provider.names, connected_at: iso(boundAt) },
      }));
      yield `,\n"mail_address": ${JSON.stringify(await mailAddress(subjectId))}`;
      yield ',\n"consents": ';
      const allConsents = yield* list(
        consents(subjectId),
        (consent) => ({
          ...{ id: consent.id, client_id: seen(consent.clientId), state: portal.stateOf(consent) },
          ...{ granted: consent.granted, declined: consent.declined, purpose: consent.purpose },
          ...{ granted_at: iso(consent.grantedAt), expires_at: iso(consent.expiresAt) },
          withdrawn_at: consent.withdrawnAt === undefined ? undefined : iso(consent.withdrawnAt),
        }),
        MOST_CONSENTS,
      );
      yield ',\n"receipts": ';
      yield* list(await portal.receipts(subjectId), ({ consentId: consent, event, at, receipt }) => ({
        ...{ consent, event, at: iso(at), receipt },
      }));
      yield ',\n"disclosures": ';
      const allDisclosures = yield* list(
        disclosures(subjectId),
        ({ sequence, clientId, consentId, exit, claims, sources, at, deliveredAt }) => ({
          sources: sources.map((source) => source ?? null),
          delivered_at: deliveredAt === undefined ? null : iso(deliveredAt),
          ...{ sequence, at: iso(at), client_id: seen(clientId), claims, exit, consent: consentId },
        }),
        MOST_DISCLOSURES,
      );
      yield ',\n"certificates": ';
      yield* list(await portal.certificates(subjectId), (certificate) => ({
        ...{ kind: certificate.kind, state: certificate.state, known_since: iso(certificate.boundAt) },
        ...{ last_checked_at: iso(certificate.checkedAt), valid_until: iso(certificate.notAfter) },
        recognised_by: certificate.method,
      }));
      yield ',\n"sessions": ';
      yield* list(await portal.sessions(subjectId, sessionId), ({ signedInAt, expiresAt, clientIds, isThis }) => ({
        ...{ signed_in_at: iso(signedInAt), expires_at: iso(expiresAt), this_one: isThis },
        client_ids: clientIds.map(seen),
      }));
      yield ',\n"notices": ';
      yield* list(await portal.notices(subjectId), ({ kind, at }) => ({ kind, at: iso(at) }));
      yield ',\n"reports": ';
      yield* list(await world.reports.listOf(subjectId), (report) => report);
      yield ',\n"relying_parties": ';
      const parties = await portal.relyingParties([...met]);
      yield* list(parties.values(), ({ clientId, isRegistered, metadata }: KnownRelyingParty) => ({
        ...{ client_id: clientId, registered: isRegistered, name: metadata.client_name },
        ...{ name_ja: metadata['client_name#ja'], name_en: metadata['client_name#en'] },
      }));
      yield `,\n"complete": ${allConsents && allDisclosures}\n}\n`;
    },

    history: world.history.export,

    async note(subjectId, form) {
      await storage.audit.append(
        { kind: 'records.downloaded', actor: `subject:${subjectId}`, subjectId, data: { form } },
        clock(),
      );
    },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
