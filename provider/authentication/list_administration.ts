import { HubError } from '../errors.ts';
import type { TrustAnchor } from '../pki/index.ts';

/** A revocation list in service, or one that is expected, as commands show it. Times are ISO 8601. */
export interface ShownList {
  /** The root's name in the configuration. */
  readonly anchor: string;
  /** `full`, or the digest of the partition's name. */
  readonly scope: string | undefined;
  readonly number: string | undefined;
  readonly entries: number | undefined;
  readonly issued: string | undefined;
  readonly ends: string | undefined;
  readonly state: 'fresh' | 'out of date' | 'missing';
  /** The address, or `imported`. */
  readonly from: string;
  /** Code of the latest attempt at the address, when it failed. */
  readonly failure: string | undefined;
}

/** What an import brought. */
export interface ImportedList {
  readonly anchor: string;
  readonly number: string;
  readonly entries: number;
  /** False when the list was in service already. */
  readonly isNew: boolean;
  /** Against the list before it; undefined for the first one of its series. */
  readonly added: number | undefined;
  readonly changed: number | undefined;
  readonly removed: number | undefined;
}

export interface ListAdministration {
  status(): Promise<readonly ShownList[]>;
  /**
   * @param path a file that the hub's user can read, DER.
   * @param anchor name of the root that signed it; found by its key unless given.
   * @throws HubError `anchor_unknown`, `crl_import_failed`.
   */
  import(path: string, anchor: string | undefined): Promise<ImportedList>;
}

/** What is asked of whoever keeps the lists; implemented by adapters/authority. */
export interface ListKeeper {
  status(): { readonly lists: readonly ListAddress[]; readonly held: readonly HeldListStatus[] };
  importList(path: string, anchorId: string | undefined): Promise<TakenListFacts>;
}

interface ListAddress {
  readonly anchor: string;
  readonly url: string;
  readonly number: string | undefined;
  readonly failure: string | undefined;
}

/** A list in service. Times are milliseconds since 1970. */
export interface HeldListStatus {
  /** Id of the root. */
  readonly anchor: string;
  /** Digest of the scope, or `full`. */
  readonly scope: string;
  readonly number: string;
  readonly entries: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly fresh: boolean;
  /** The address that it came from; undefined when it was imported. */
  readonly url: string | undefined;
}

interface TakenListFacts {
  readonly anchor: { readonly id: string };
  readonly list: { readonly number: bigint; readonly size: number };
  readonly isNew: boolean;
  readonly difference: { readonly added: number; readonly changed: number; readonly removed: number } | undefined;
}

/** @param anchors the pinned roots by their names in the configuration. */
export function createListAdministration(
  keeper: ListKeeper,
  anchors: readonly { readonly name: string; readonly anchor: Pick<TrustAnchor, 'id'> }[],
): ListAdministration {
  const nameOf = (id: string) => anchors.find(({ anchor }) => anchor.id === id)?.name ?? 'unnamed';
  return {
    async status() {
      const { lists, held } = keeper.status();
      const failureAt = new Map(lists.map(({ url, failure }) => [url, failure]));
      const inService = held.map(
        ({ anchor, scope, number, entries, thisUpdate, nextUpdate, fresh, url }): ShownList => ({
          anchor: nameOf(anchor),
          ...{ scope, number, entries },
          issued: new Date(thisUpdate).toISOString(),
          ends: new Date(nextUpdate).toISOString(),
          state: fresh ? 'fresh' : 'out of date',
          from: url ?? 'imported',
          failure: url === undefined ? undefined : failureAt.get(url),
        }),
      );
      const missing = lists
        .filter(({ number }) => number === undefined)
        .map(
          ({ anchor, url, failure }): ShownList => ({
            anchor: nameOf(anchor),
            ...{ scope: undefined, number: undefined, entries: undefined, issued: undefined, ends: undefined },
            state: 'missing',
            from: url,
            failure,
          }),
        );
      return [...inService, ...missing];
    },
    async import(path, name) {
      const named = name === undefined ? undefined : anchors.find((anchor) => anchor.name === name);
      if (name !== undefined && named === undefined) {
        const known = anchors.map((anchor) => anchor.name).join(', ');
        throw new HubError('anchor_unknown', 400, `No root is called "${name}". There are: ${known}.`);
      }
      const { anchor, list, isNew, difference } = await keeper.importList(path, named?.anchor.id);
      return {
        anchor: nameOf(anchor.id),
        number: list.number.toString(),
        entries: list.size,
        isNew,
        added: difference?.added,
        changed: difference?.changed,
        removed: difference?.removed,
      };
    },
  };
}
