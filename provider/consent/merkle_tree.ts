import { hash } from 'node:crypto';

/*
 * The Merkle tree of RFC 9162 §2.1 over SHA-256. A leaf and a node are hashed with different first octets, so that no leaf
 * can be passed off as a node (§2.1.1). Leaves are the heads of disclosure chains, 32 octets each, one after the other.
 */

const HEAD_LENGTH = 32;

function leafHash(head: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.of(0), head]), 'buffer');
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer');
}

export interface MerkleTree {
  readonly size: number;
  readonly root: Uint8Array;
  /** The hashes that lead from a leaf to the root, the lowest first (§2.1.3.1). @throws RangeError without such a leaf */
  path(leaf: number): readonly Uint8Array[];
}

/** @param heads of all leaves, without anything between them. */
export function createMerkleTree(heads: Uint8Array): MerkleTree {
  const size = heads.length / HEAD_LENGTH;
  let level = Array.from({ length: size }, (_, leaf) =>
    leafHash(heads.subarray(leaf * HEAD_LENGTH, (leaf + 1) * HEAD_LENGTH)),
  );
  const levels = [level];
  while (level.length > 1) {
    const below = level;
    // A node without a neighbour moves up as it is: the tree that §2.1.1 defines by its largest power of two.
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, index) => {
      const [left, right] = [below[2 * index], below[2 * index + 1]];
      if (!left) throw new RangeError('a tree has no such node');
      return right ? nodeHash(left, right) : left;
    });
    levels.push(level);
  }
  return {
    size,
    root: level[0] ?? hash('sha256', '', 'buffer'),
    path(leaf) {
      if (!Number.isInteger(leaf) || leaf < 0 || leaf >= size) throw new RangeError('the tree has no such leaf');
      return levels.flatMap((each, height) => {
        const neighbour = each[Math.floor(leaf / 2 ** height) ^ 1];
        return neighbour ? [neighbour] : [];
      });
    },
  };
}

/** Whether the path leads from this head to the root of a tree of that size (§2.1.3.2). */
export function leadsToRoot(
  head: Uint8Array,
  { leaf, size, path, root }: { leaf: number; size: number; path: readonly Uint8Array[]; root: Uint8Array },
): boolean {
  if (!Number.isInteger(leaf) || leaf < 0 || leaf >= size) return false;
  let index = leaf;
  let last = size - 1;
  let reached = leafHash(head);
  for (const neighbour of path) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      reached = nodeHash(neighbour, reached);
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      reached = nodeHash(reached, neighbour);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && Buffer.compare(reached, root) === 0;
}
