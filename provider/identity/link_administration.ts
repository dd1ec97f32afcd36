import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { SubjectSessions } from './revocation_effects.ts';

/** A renewal that was followed, as commands show it: certificates by their short fingerprints only (invariant 1). */
export interface ShownLink {
  readonly certificate: string;
  readonly replaced: string;
  /** ISO 8601. */
  readonly linked: string;
  /** `superseded`: a newer one has come since. */
  readonly status: string;
}

export interface LinkAdministration {
  /** The newest hundred. */
  list(): Promise<readonly ShownLink[]>;
  /**
   * For a link that was wrong: the certificate signs in no more, the one that it replaced does again. Every session of the
   * person ends, since nobody can tell which of the two cards began it.
   *
   * @param certificate its fingerprint as `list` shows it.
   * @throws HubError `link_unknown` (404) when it is not the newest of its line, or was never linked.
   */
  undo(certificate: string): Promise<void>;
}

const SHOWN = 100;
/** Sixteen digits: what is kept of a fingerprint. */
const FINGERPRINT = /^[0-9a-f]{16}$/;

export function createLinkAdministration(world: {
  storage: Storage;
  sessions: SubjectSessions;
  clock: Clock;
}): LinkAdministration {
  const { storage, sessions, clock } = world;
  return {
    async list() {
      const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');
      return (await storage.identity.listLinks(SHOWN)).map(({ fingerprint, predecessor, linkedAt, status }) => ({
        certificate: hex(fingerprint),
        replaced: hex(predecessor),
        linked: new Date(linkedAt).toISOString(),
        status,
      }));
    },
    async undo(certificate) {
      const unknown = () => new HubError('link_unknown', 404, `There is no newest link of "${certificate}" to undo.`);
      if (!FINGERPRINT.test(certificate)) throw unknown();
      const subjectId = await storage.transaction(async (stores) => {
        const found = await stores.identity.undoLink(Buffer.from(certificate, 'hex'));
        if (found === undefined) throw unknown();
        await stores.audit.append(
          { kind: 'certificate.unlinked', actor: 'operator', subjectId: found, data: { certificate } },
          clock(),
        );
        return found;
      });
      await sessions.endAllOf(subjectId);
    },
  };
}
