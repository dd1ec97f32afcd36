import type { SubjectEvents } from '../identity/happenings.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import type { OutgoingEvent } from './event_store.ts';
import { EVENT_OF } from './event_types.ts';

/** What a security event token says beside who sends it to whom (RFC 8417 §2.2). */
export interface EventContent {
  /** RFC 9493. */
  readonly sub_id: Readonly<Record<string, string>>;
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const PURPOSE = 'event.content';
/** Octets: every event about a person comes to one or two of these. A length must not tell of a death. */
const BLOCK = 512;

/** Writes events for whoever wants to hear of them, in the transaction that makes them happen. */
export function createSubjectEvents(world: {
  issuer: string;
  vault: Vault;
  clock: Clock;
  random: Random;
}): SubjectEvents {
  const { issuer, vault, clock, random } = world;
  return {
    async emit(stores, subjectId, happenings, clientId) {
      if (happenings.length === 0) return;
      const at = clock();
      const known = await stores.events.targets(subjectId, at);
      const targets = clientId === undefined ? known : known.filter((target) => target.clientId === clientId);
      const events = targets.flatMap(({ streamId, identifier, eventsRequested }) =>
        happenings
          .map((happening) => EVENT_OF[happening])
          .filter(({ uri }) => eventsRequested.includes(uri))
          .map(({ uri, members }) =>
            outgoing(vault, random, streamId, at, {
              sub_id: { format: 'iss_sub', iss: issuer, sub: identifier },
              events: { [uri]: { event_timestamp: Math.floor(at / 1000), ...members } },
            }),
          ),
      );
      if (events.length > 0) await stores.events.enqueue(events);
    },
  };
}

/** An event for one stream, sealed. */
export function outgoing(
  vault: Vault,
  random: Random,
  streamId: string,
  at: number,
  content: EventContent,
): OutgoingEvent {
  const text = Buffer.from(JSON.stringify(content));
  const padded = Buffer.alloc(Math.ceil(text.length / BLOCK) * BLOCK, ' ');
  text.copy(padded);
  return {
    streamId,
    jti: Buffer.from(random(16)).toString('base64url'),
    sealedEvent: vault.seal(PURPOSE, padded),
    at,
  };
}

export function openEvent(vault: Vault, { sealedEvent }: Pick<OutgoingEvent, 'sealedEvent'>): EventContent {
  return JSON.parse(Buffer.from(vault.open(PURPOSE, sealedEvent)).toString('utf8'));
}
