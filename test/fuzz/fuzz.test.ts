import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTree, writeTree } from './der_tree.ts';
import { type Fault, type FuzzOptions, fuzz, type Report } from './fuzz.ts';
import { parsers } from './parsers.ts';
import { certificates, ocspAnswers, pathLists, signedDocuments } from './samples.ts';

const INPUTS = 100;
const SEED = 'npm test';

/** `npm run fuzz`, in a process of its own. */
function run(...args: string[]): { status: number | null; stdout: string } {
  return spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...args], { encoding: 'utf8' });
}

async function fuzzed(options: Partial<FuzzOptions>): Promise<{ reports: Report[]; faults: Fault[] }> {
  const reports: Report[] = [];
  const faults: Fault[] = [];
  const defaults = { seed: SEED, budget: { runs: 40 }, hangMs: 10_000, heapLimit: 256 } as const;
  const module = new URL('parsers.ts', import.meta.url).href;
  await fuzz({ module, names: [], ...defaults, ...options }, (message) => {
    if (message.kind === 'fault') faults.push(message);
    else reports.push(message);
  });
  return { reports, faults };
}

describe('every reader of bytes from outside', () => {
  it(`answers or refuses ${INPUTS} inputs that are nearly right, in time, and keeps nothing`, () => {
    const { status, stdout } = run('--runs', String(INPUTS), '--seed', SEED);
    assert.equal(status, 0, stdout);
    for (const { name } of parsers) assert.match(stdout, new RegExp(`^${name} +${INPUTS} `, 'm'));
  });
});

describe('a fuzz run', () => {
  it('makes the same inputs of the same seed, and others of another', async () => {
    const digests: (string | undefined)[] = [];
    for (const seed of ['a', 'a', 'b']) {
      const { reports } = await fuzzed({ names: ['ocsp-signed'], seed });
      digests.push(reports[0]?.digest);
    }
    assert.ok(digests[0]);
    assert.equal(digests[0], digests[1]);
    assert.notEqual(digests[0], digests[2]);
  });

  it('reads one input again', () => {
    const hex = Buffer.from(certificates[0] ?? '').toString('hex');
    const accepted = run('--parser', 'certificate', '--input', hex);
    assert.equal(accepted.status, 0, accepted.stdout);
    assert.match(accepted.stdout, /^certificate: accepted/);
    const refused = run('--parser', 'certificate', '--input', `${hex}0500`);
    assert.equal(refused.status, 0);
    assert.match(refused.stdout, /^certificate: refused certificate_malformed/);
  });

  it('takes sound input apart and puts it together as it was', () => {
    for (const sample of [...certificates, ...pathLists, ...ocspAnswers, ...signedDocuments]) {
      assert.deepEqual(Buffer.from(writeTree(readTree(sample))), Buffer.from(sample));
    }
  });
});

describe('a fuzz run notices a parser that', () => {
  const module = new URL('broken_parsers.ts', import.meta.url).href;
  const notices = async (name: string, fault: RegExp, limits: Partial<FuzzOptions> = {}) => {
    const { faults } = await fuzzed({ module, names: [name], ...limits });
    assert.equal(faults.length, 1, JSON.stringify(faults));
    assert.equal(faults[0]?.parser, name);
    assert.match(faults[0]?.fault ?? '', fault);
    return faults[0];
  };

  it('does something else than it may, and nothing in one that does not', async () => {
    const { reports, faults } = await fuzzed({ module, names: ['sound'] });
    assert.deepEqual(faults, []);
    assert.equal(reports[0]?.accepted, 40);
  });

  const faults: [name: string, fault: RegExp][] = [
    ['crashes', /^threw .*TypeError: nobody thought of this/],
    ['is slow', /^took \d+ ms/],
    ['writes', /^the input was written to/],
    ['wavers', /^read a second time it means something else/],
    ['believes', /^was changed and accepted/],
  ];
  for (const [name, fault] of faults) {
    it(`${name}, and gives the input`, async () => {
      const found = await notices(name, fault);
      assert.equal(found?.input?.length, 10);
    });
  }

  it('keeps what it has read', async () => {
    await notices('keeps', /^keeps \d{7} octets more in memory/);
  });

  it('hangs, and gives the input', async () => {
    const found = await notices('hangs', /^has not answered for 1000 ms/, { hangMs: 1000 });
    assert.equal(found?.input?.length, 10);
  });

  it('swallows memory, and gives the input', async () => {
    const found = await notices('swallows memory', /^ended its process: SIG/, { heapLimit: 64 });
    assert.equal(found?.input?.length, 10);
  });
});
