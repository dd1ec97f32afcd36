import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Disclosure } from '../../../provider/consent/consent_store.ts';
import { checkDisclosureChain, hashDisclosure } from '../../../provider/consent/disclosure_chain.ts';
import { createMerkleTree, leadsToRoot } from '../../../provider/consent/merkle_tree.ts';

type Linked = Omit<Disclosure, 'deliveredAt'>;

const release = fc.record({
  clientId: fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed()),
  consentId: fc.uuid(),
  exit: fc.constantFrom('id_token' as const, 'userinfo' as const, 'assertion' as const),
  at: fc.nat({ max: 2_000_000_000_000 }),
  told: fc.array(fc.tuple(fc.string(), fc.option(fc.string({ minLength: 1 }), { nil: undefined })), {
    minLength: 1,
    maxLength: 4,
  }),
});

const chain = fc.array(release, { minLength: 1, maxLength: 8 }).map((releases) => {
  const origin = randomBytes(32);
  let previous: Uint8Array = origin;
  const links = releases.map(({ told, ...rest }, index): Linked => {
    const disclosure = {
      ...rest,
      sequence: index + 1,
      claims: told.map(([claim]) => claim),
      sources: told.map(([, source]) => source),
    };
    previous = hashDisclosure(previous, disclosure);
    return { ...disclosure, hash: previous };
  });
  return { origin, links };
});

/** Where the fault is told to be; undefined where the chain holds. */
const faultAt = (origin: Uint8Array, links: readonly Linked[]) => checkDisclosureChain(origin, links)?.sequence;

describe('a chain of disclosures', () => {
  it('holds as it was made', () => {
    fc.assert(fc.property(chain, ({ origin, links }) => assert.equal(faultAt(origin, links), undefined)));
  });

  it('shows what was changed, at its place', () => {
    const change = fc.constantFrom<(link: Linked) => Linked>(
      (link) => ({ ...link, at: link.at + 1 }),
      (link) => ({ ...link, clientId: `${link.clientId}x` }),
      (link) => ({ ...link, exit: link.exit === 'userinfo' ? 'sealed' : 'userinfo' }),
      (link) => ({ ...link, consentId: link.consentId.replace(/.$/, (last) => (last === '0' ? '1' : '0')) }),
      (link) => ({ ...link, claims: [...link.claims, 'address'], sources: [...link.sources, undefined] }),
      (link) => ({ ...link, claims: link.claims.slice(1), sources: link.sources.slice(1) }),
      (link) => ({ ...link, sources: link.sources.map((source) => `${source ?? ''}x`) }),
    );
    fc.assert(
      fc.property(chain, change, fc.nat(), ({ origin, links }, changed, pick) => {
        const place = pick % links.length;
        const forged = links.map((link, index) => (index === place ? changed(link) : link));
        assert.equal(faultAt(origin, forged), place + 1);
      }),
    );
  });

  it('shows what was removed from it, and what was moved', () => {
    fc.assert(
      fc.property(chain, fc.nat(), ({ origin, links }, pick) => {
        fc.pre(links.length > 1);
        const place = pick % (links.length - 1);
        const without = links.filter((_, index) => index !== place);
        assert.equal(faultAt(origin, without), place + 1);
        const renumbered = without.map((link, index) => ({ ...link, sequence: index + 1 }));
        assert.equal(faultAt(origin, renumbered), place + 1);
        const [one, two] = [links[place], links[place + 1]];
        assert.ok(one && two);
        const moved = links
          .with(place, { ...two, sequence: place + 1 })
          .with(place + 1, { ...one, sequence: place + 2 });
        assert.equal(faultAt(origin, moved), place + 1);
      }),
    );
  });

  it('does not follow another origin', () => {
    fc.assert(fc.property(chain, ({ links }) => assert.equal(faultAt(randomBytes(32), links), 1)));
  });
});

describe('the tree of heads', () => {
  it('leads every leaf to the root, and no other head, place or tree', () => {
    for (let size = 1; size <= 33; size += 1) {
      const heads = randomBytes(32 * size);
      const { root, path } = createMerkleTree(heads);
      for (let leaf = 0; leaf < size; leaf += 1) {
        const head = heads.subarray(32 * leaf, 32 * (leaf + 1));
        const proof = { leaf, size, path: path(leaf), root };
        assert.ok(leadsToRoot(head, proof), `leaf ${leaf} of ${size}`);
        assert.equal(leadsToRoot(randomBytes(32), proof), false);
        assert.equal(leadsToRoot(head, { ...proof, leaf: size }), false);
        assert.equal(leadsToRoot(head, { ...proof, path: [...proof.path, randomBytes(32)] }), false);
        assert.equal(leadsToRoot(head, { ...proof, root: randomBytes(32) }), false);
        if (size > 1) assert.equal(leadsToRoot(head, { ...proof, leaf: (leaf + 1) % size }), false);
      }
    }
  });

  it('over nothing is that of RFC 9162 §2.1.1, and has no leaf', () => {
    const { size, root, path } = createMerkleTree(new Uint8Array());
    assert.equal(size, 0);
    assert.equal(Buffer.from(root).toString('hex'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.throws(() => path(0), RangeError);
  });
});
