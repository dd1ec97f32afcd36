import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../world.ts';
import type { ConsentStore, Disclosure, Exit } from './consent_store.ts';
import type { HistoryStore, Publication } from './history_store.ts';
import { createMerkleTree, type MerkleTree } from './merkle_tree.ts';
import type { RecordSigner } from './receipt.ts';

/** Type of the JWS that states all heads. */
export const HEADS_TYPE = 'disclosure-heads+jwt';

/** A person's whole history, so that they can check it without the hub (verify_records.ts). Octets are base64url. */
export interface ExportedHistory {
  readonly issuer: string;
  readonly exported_at: string;
  /** What the chain begins with; null while nothing has left. Whoever has it can tell the person's heads. */
  readonly origin: string | null;
  readonly disclosures: readonly ExportedDisclosure[];
  /** The last publication, and how this chain's head of then leads to it; null before the first. */
  readonly published: {
    readonly statement: string;
    readonly leaf: number;
    readonly path: readonly string[];
  } | null;
}

export interface ExportedDisclosure {
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly exit: Exit;
  readonly client: string;
  readonly consent: string;
  readonly claims: readonly (readonly [claim: string, source: string | null])[];
  readonly hash: string;
  /** Milliseconds since 1970; null: prepared, delivery not confirmed. */
  readonly delivered_at: number | null;
}

export interface DisclosureHistory {
  export(subjectId: string): Promise<ExportedHistory>;
  /** The last publications, newest first. */
  publications(): Promise<readonly Publication[]>;
  /**
   * States the heads of all chains as they are now: number of the publication, size and root of the tree over them, and the
   * hash of the statement before it. Nothing in it is about anybody. False when another process is at it.
   */
  publish(): Promise<boolean>;
  /** The same when `interval` (ms) has passed since the last one. */
  publishIfDue(interval: number): Promise<boolean>;
}

/** Disclosures read at once. */
const PAGE = 1000;
/** Statements that are told at once: a month of daily ones. */
const TOLD = 31;
/** How long a process may take to publish (ms) before another may. */
const LEASE = 10 * 60 * 1000;

export function createDisclosureHistory(world: {
  consents: Pick<ConsentStore, 'listDisclosures'>;
  store: HistoryStore;
  statements: RecordSigner;
  issuer: string;
  clock: Clock;
}): DisclosureHistory {
  const { consents, store, statements, issuer, clock } = world;
  /** The tree of the last publication: everybody who looks at their history between two needs the same. */
  let known: { readonly number: number; readonly tree: MerkleTree } | undefined;

  async function publishedTree() {
    const [newest] = await store.publications(1);
    if (newest && newest.number === known?.number) return known;
    const published = await store.publishedHeads();
    known = published && { number: published.number, tree: createMerkleTree(published.heads) };
    return known;
  }

  async function disclosuresOf(subjectId: string): Promise<Disclosure[]> {
    const all: Disclosure[] = [];
    for (let before: number | undefined; ; ) {
      const page = await consents.listDisclosures(subjectId, PAGE, before);
      all.push(...page);
      if (page.length < PAGE) return all.reverse();
      before = page.at(-1)?.sequence;
    }
  }

  async function proofOf(leaf: number): Promise<ExportedHistory['published']> {
    const published = await publishedTree();
    const statement = (await store.publications(TOLD)).find(({ number }) => number === published?.number);
    if (!published || !statement) return null;
    const path = published.tree.path(leaf).map((each) => Buffer.from(each).toString('base64url'));
    return { statement: statement.statement, leaf, path };
  }

  async function publish(): Promise<boolean> {
    const owner = randomUUID();
    const now = clock();
    if (!(await store.beginPublishing(owner, now, now + LEASE))) return false;
    const { size, root } = createMerkleTree(await store.stageHeads());
    const [last] = await store.publications(1);
    const number = (last?.number ?? 0) + 1;
    const statement = await statements.sign(HEADS_TYPE, {
      iss: issuer,
      iat: Math.floor(now / 1000),
      disclosure_heads: {
        ...{ number, tree_size: size, root: Buffer.from(root).toString('base64url') },
        previous: last ? createHash('sha256').update(last.statement).digest('base64url') : null,
      },
    });
    return store.publish(owner, { number, statement, at: now });
  }

  return {
    async export(subjectId) {
      // The proof first: what leaves meanwhile is then more than what it speaks of, never less.
      const chain = await store.chain(subjectId);
      const published = chain?.leaf === undefined ? null : await proofOf(chain.leaf);
      const disclosures = await disclosuresOf(subjectId);
      return {
        issuer,
        exported_at: new Date(clock()).toISOString(),
        origin: chain ? Buffer.from(chain.origin).toString('base64url') : null,
        disclosures: disclosures.map((disclosure) => ({
          sequence: disclosure.sequence,
          at: disclosure.at,
          exit: disclosure.exit,
          client: disclosure.clientId,
          consent: disclosure.consentId,
          claims: disclosure.claims.map((claim, place) => [claim, disclosure.sources[place] ?? null] as const),
          hash: Buffer.from(disclosure.hash).toString('base64url'),
          delivered_at: disclosure.deliveredAt ?? null,
        })),
        published,
      };
    },

    publications: () => store.publications(TOLD),

    publish,

    async publishIfDue(interval) {
      const [last] = await store.publications(1);
      return last !== undefined && last.at + interval > clock() ? false : publish();
    },
  };
}
