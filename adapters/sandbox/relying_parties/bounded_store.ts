import type { Clock } from '../../../provider/world.ts';

export interface BoundedStore<Value> {
  get(key: string): Value | undefined;
  /** The oldest entry makes room when the store is full. */
  set(key: string, value: Value, until: { expiresAt: number }): void;
  delete(key: string): void;
  entries(): Iterable<[key: string, value: Value]>;
}

/** Values in memory that expire, never more than `limit`: whatever strangers send, the process does not grow. */
export function createBoundedStore<Value>({ clock, limit }: { clock: Clock; limit: number }): BoundedStore<Value> {
  const held = new Map<string, { value: Value; expiresAt: number }>();

  function get(key: string): Value | undefined {
    const entry = held.get(key);
    if (!entry) return undefined;
    if (entry.expiresAt > clock()) return entry.value;
    held.delete(key);
    return undefined;
  }

  return {
    get,
    set(key, value, { expiresAt }) {
      held.delete(key);
      held.set(key, { value, expiresAt });
      for (const oldest of held.keys()) {
        if (held.size <= limit) break;
        held.delete(oldest);
      }
    },
    delete(key) {
      held.delete(key);
    },
    *entries() {
      for (const key of [...held.keys()]) {
        const value = get(key);
        if (value !== undefined) yield [key, value];
      }
    },
  };
}
