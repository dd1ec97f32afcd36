import { HubError } from '../../provider/errors.ts';
import { PkiError, type TrustAnchor } from '../../provider/pki/index.ts';
import { ListRefusal, type ListShelf, type TakenList } from './list_shelf.ts';

/**
 * Takes a list that an operator has on disk. Roots of several generations share one name, so the key that signed it
 * tells whose it is.
 *
 * @param anchors the roots that it may be of.
 * @throws HubError `crl_import_failed` (400), with the reason's own code in the message.
 */
export async function importList(shelf: ListShelf, path: string, anchors: readonly TrustAnchor[]): Promise<TakenList> {
  let failure: unknown;
  for (const anchor of anchors) {
    try {
      return await shelf.take(anchor, path, {});
    } catch (error) {
      const isAnothers = error instanceof PkiError && (error.code === 'crl_issuer' || error.code === 'crl_signature');
      // A list with the right name and the wrong key says more than one of somebody else's.
      if (failure === undefined || !isAnothers || error.code === 'crl_signature') failure = error;
      if (!isAnothers) break;
    }
  }
  throw new HubError('crl_import_failed', 400, `The list was not taken: ${reasonOf(failure)}.`, { cause: failure });
}

function reasonOf(failure: unknown): string {
  if (failure instanceof PkiError || failure instanceof ListRefusal) return `${failure.message} (${failure.code})`;
  if (failure instanceof Error && 'code' in failure)
    return `the file cannot be read or the index written (${failure.code})`;
  return 'no root is configured that it could be of';
}
