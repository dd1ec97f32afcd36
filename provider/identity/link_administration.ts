import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { SubjectEvents } from './happenings.ts';
import type { LinkMethod } from './identity_store.ts';
import type { SubjectSessions } from './revocation_effects.ts';

/** A certificate that was recognised by another, as commands show it: by short fingerprints only (invariant 1). */
export interface ShownLink {
  readonly certificate: string;
  readonly method: LinkMethod;
  /** The certificate that was known. */
  readonly by: string;
  /** ISO 8601. */
  readonly linked: string;
  /** `superseded`: a newer one has come since. `unlinked`: undone. */
  readonly status: string;
}

export interface LinkAdministration {
  /** The newest hundred. */
  list(): Promise<readonly ShownLink[]>;
  /**
   * For a link that was wrong: the certificate signs in no more, the one that it replaced, if it did, does again. Every
   * session of the person ends, since nobody can tell which of the cards began it.
   *
   * @param certificate its fingerprint as `list` shows it.
   * @throws HubError `link_unknown` (404) when it is not the newest of its line, or was never linked; `link_in_use` (409)
   *   when others were recognised by it, whose links fall with it: they are to be undone first.
   */
  undo(certificate: string): Promise<void>;
}

const SHOWN = 100;
/** Sixteen digits: what is kept of a fingerprint. */
const FINGERPRINT = /^[0-9a-f]{16}$/;

export function createLinkAdministration(world: {
  storage: Storage;
  sessions: SubjectSessions;
  events: SubjectEvents;
  clock: Clock;
}): LinkAdministration {
  const { storage, sessions, events, clock } = world;
  return {
    async list() {
      return (await storage.identity.listLinks(SHOWN)).map(({ fingerprint, method, by, linkedAt, status }) => ({
        certificate: hex(fingerprint),
        method,
        by: hex(by),
        linked: new Date(linkedAt).toISOString(),
        status,
      }));
    },
    async undo(certificate) {
      const unknown = () => new HubError('link_unknown', 404, `There is no newest link of "${certificate}" to undo.`);
      if (!FINGERPRINT.test(certificate)) throw unknown();
      const subjectId = await storage.transaction(async (stores) => {
        const found = await stores.identity.findLink(Buffer.from(certificate, 'hex'));
        if (found === undefined) throw unknown();
        await stores.identity.reserve([found.lookup]);
        const others = await stores.identity.recognisedBy(found.lookup);
        if (others.length > 0) throw inUse(others);
        if (!(await stores.identity.undoLink(found.lookup))) throw unknown();
        await stores.audit.append(
          { kind: 'certificate.unlinked', actor: 'operator', subjectId: found.subjectId, data: { certificate } },
          clock(),
        );
        await events.emit(stores, found.subjectId, ['sessions_ended']);
        return found.subjectId;
      });
      await sessions.endAllOf(subjectId);
    },
  };
}

function inUse(others: readonly Uint8Array[]): HubError {
  const named = others.map(hex).join(', ');
  return new HubError('link_in_use', 409, `Undo the links that rest on it first: ${named}.`);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
