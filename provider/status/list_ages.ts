import { createHash } from 'node:crypto';
import type { ListIssue } from '../identity/revocation_store.ts';

/** How far what is recorded about one issuer's certificates can be relied on. */
export interface IssuerAge {
  /** SHA-256 of the issuer's DER name: certificates are kept by it. */
  readonly issuerHash: Uint8Array;
  /** thisUpdate of the oldest of its lists that have been followed (ms); undefined when none has. */
  readonly asOf: number | undefined;
  /** Whether there are such lists, and all are in date. */
  readonly isFresh: boolean;
}

export interface ListAges {
  /** Of every issuer whose certificates can be in date. */
  read(): Promise<readonly IssuerAge[]>;
}

/** A root, or an authority below one, whose lists speak for certificates. */
export interface ListIssuer {
  /** The first part of the name of its series. */
  readonly id: string;
  /** DER. */
  readonly name: Uint8Array;
  /** Milliseconds since 1970. Whose time is over vouches for nobody, and its lists may be as old as they like. */
  readonly notAfter: number;
}

/**
 * The recorded state is as new as the list that was followed last, not as the one that came in last. A list of everything
 * counts before those of parts; of parts the oldest counts, since which one a certificate is on is not recorded. Generations
 * of a root share one name, so that the oldest counts here too.
 */
export function createListAges(world: {
  issuers: readonly ListIssuer[];
  /** By series. */
  followed(): Promise<ReadonlyMap<string, ListIssue>>;
  /** Series of the lists that are in service and in date. */
  fresh(): ReadonlySet<string>;
  clock(): number;
}): ListAges {
  return {
    async read() {
      const [followed, fresh, now] = [await world.followed(), world.fresh(), world.clock()];
      const ages = new Map<string, IssuerAge>();
      for (const issuer of world.issuers) {
        if (issuer.notAfter < now) continue;
        const age = ageOf(issuer.id, followed, fresh);
        const issuerHash = createHash('sha256').update(issuer.name).digest();
        const key = issuerHash.toString('hex');
        const other = ages.get(key);
        ages.set(key, { issuerHash, ...(other ? older(age, other) : age) });
      }
      return [...ages.values()];
    },
  };
}

type Age = Pick<IssuerAge, 'asOf' | 'isFresh'>;

const NEVER: Age = { asOf: undefined, isFresh: false };

/** Of two generations; one without lists has issued nothing that is looked for. */
function older(one: Age, other: Age): Age {
  if (one.asOf === undefined || other.asOf === undefined) return one.asOf === undefined ? other : one;
  return { asOf: Math.min(one.asOf, other.asOf), isFresh: one.isFresh && other.isFresh };
}

function ageOf(id: string, followed: ReadonlyMap<string, ListIssue>, fresh: ReadonlySet<string>): Age {
  const own = [...followed].filter(([series]) => series.startsWith(`${id}:`));
  const whole = own.filter(([series]) => series === `${id}:full`);
  const parts = whole.length > 0 ? whole : own;
  if (parts.length === 0) return NEVER;
  return {
    asOf: Math.min(...parts.map(([, { thisUpdate }]) => thisUpdate)),
    isFresh: parts.every(([series]) => fresh.has(series)),
  };
}
