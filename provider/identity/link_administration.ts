import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';

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
   * For a link that was wrong: the certificate signs in no more, the one that it replaced does again.
   *
   * @param certificate its fingerprint as `list` shows it.
   * @throws HubError `link_unknown` (404) when it is not the newest of its line, or was never linked.
   */
  undo(certificate: string): Promise<void>;
}

const SHOWN = 100;
/** Sixteen digits: what is kept of a fingerprint. */
const FINGERPRINT = /^[0-9a-f]{16}$/;

export function createLinkAdministration(storage: Storage, clock: Clock): LinkAdministration {
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
      await storage.transaction(async (stores) => {
        const subjectId = await stores.identity.undoLink(Buffer.from(certificate, 'hex'));
        if (subjectId === undefined) throw unknown();
        await stores.audit.append(
          { kind: 'certificate.unlinked', actor: 'operator', subjectId, data: { certificate } },
          clock(),
        );
      });
    },
  };
}
