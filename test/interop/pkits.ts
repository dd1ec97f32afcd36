import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkPath,
  checkPathRevocation,
  loadTrustAnchor,
  type PathCrl,
  PkiError,
  parseCertificate,
  plainUser,
  readOffered,
  readPathCrl,
} from '../../provider/pki/index.ts';
import { PKITS_FOLDER } from '../setup.ts';
import { type Judged, printTable, type Verdict } from './table.ts';

/** One line of NIST's Public Key Interoperability Test Suite: a path, its lists, inputs, and what must come of it. */
export interface PkitsRow {
  readonly id: string;
  readonly expected: 'valid' | 'invalid';
  /** File names, the root first. */
  readonly path: readonly string[];
  readonly lists: readonly string[];
  readonly policies: readonly string[];
  readonly explicitPolicy: boolean;
  readonly inhibitMapping: boolean;
  readonly inhibitAny: boolean;
}

/** The sections in which hardly anything good may be refused: what the hub means to support. */
export function isSupported(id: string): boolean {
  const [, section = 0, test = 0] = id.split('.').map(Number);
  if (section === 1) return test <= 3;
  return (section >= 2 && section <= 7) || (section === 14 && test <= 21) || section === 16;
}

/** Any moment at which the suite's certificates are in date. */
const NOW = Date.UTC(2026, 0, 1);

/** The rows of `manifest.json` in the suite's folder, or those that this repository keeps. */
export function readRows(folder: string): PkitsRow[] {
  const manifest = join(folder, 'manifest.json');
  return existsSync(manifest) ? readJsonRows(readFileSync(manifest, 'utf8')) : readOwnRows();
}

export function readOwnRows(): PkitsRow[] {
  const text = readFileSync(join(import.meta.dirname, 'pkits_manifest.txt'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [id = '', expected, path = '', lists = '', policies = '', flags = ''] = line
      .split('|')
      .map((part) => part.trim());
    return {
      id,
      expected: expected === 'valid' ? 'valid' : 'invalid',
      path: path.split(' ').map((name) => `${name}.crt`),
      lists: lists.split(' ').map((name) => `${name}.crl`),
      policies: policies.split(' '),
      explicitPolicy: flags.includes('E'),
      inhibitMapping: flags.includes('M'),
      inhibitAny: flags.includes('A'),
    };
  });
}

interface JsonManifest {
  tests: {
    id: string;
    expect: string;
    path: string[];
    crls: string[];
    initial_policy_set: string[];
    initial_explicit_policy: boolean;
    initial_policy_mapping_inhibit: boolean;
    initial_inhibit_any_policy: boolean;
  }[];
}

function readJsonRows(text: string): PkitsRow[] {
  return (JSON.parse(text) as JsonManifest).tests.map((test) => ({
    id: test.id,
    expected: test.expect === 'valid' ? 'valid' : 'invalid',
    path: test.path,
    lists: test.crls,
    policies: test.initial_policy_set,
    explicitPolicy: test.initial_explicit_policy,
    inhibitMapping: test.initial_policy_mapping_inhibit,
    inhibitAny: test.initial_inhibit_any_policy,
  }));
}

/** Gives the path engine one row: the last certificate in question, the first pinned, the rest merely offered. */
export function judgeRow(row: PkitsRow, folder: string): Judged {
  const started = performance.now();
  const verdict = verdictOf(row, folder);
  const [, section = ''] = row.id.split('.');
  return { id: row.id, group: `4.${section}`, expected: row.expected, ...verdict, ms: performance.now() - started };
}

function verdictOf(row: PkitsRow, folder: string): Verdict {
  const read = (kind: 'certs' | 'crls', name: string) => readFileSync(join(folder, kind, name));
  const [root = '', ...names] = row.path;
  const last = names.pop() ?? '';
  const now = NOW;
  try {
    // What kind of certificate the last one is, NIST does not ask: policies come from the row, keys and uses from none.
    const profile = { ...plainUser, maxIntermediates: 7 };
    const anchor = loadTrustAnchor(read('certs', root), { profile });
    const intermediates = readOffered(names.map((name) => read('certs', name)));
    const certificate = parseCertificate(read('certs', last));
    const path = checkPath(certificate, { anchors: [anchor], intermediates, now, profile, policies: row });
    const lists = readLists(row.lists.map((name) => read('crls', name)));
    const { status } = checkPathRevocation(path, { lists, intermediates, now });
    return status === 'good' ? { verdict: 'valid' } : { verdict: 'invalid', reason: `revocation_${status}` };
  } catch (error) {
    if (error instanceof PkiError) return { verdict: 'invalid', reason: error.code };
    throw error;
  }
}

/** A list that cannot be read is a list that is not there. */
export function readLists(ders: readonly Uint8Array[]): PathCrl[] {
  return ders.flatMap((der) => {
    try {
      return [readPathCrl(der)];
    } catch (error) {
      if (error instanceof PkiError) return [];
      throw error;
    }
  });
}

/** The most good paths that may be refused in the supported sections. */
export const MAX_FALSE_REFUSALS = 3;

function main(): number {
  const folder = process.argv[2];
  if (folder === undefined || !existsSync(join(folder, 'certs'))) {
    process.stderr.write(
      `npm run pkits -- FOLDER\n\nFOLDER holds certs/ and crls/ (and may hold manifest.json), such as ${PKITS_FOLDER}\n`,
    );
    return 2;
  }
  const judged = readRows(folder).map((row) => judgeRow(row, folder));
  const { falseAccepts, falseRefusals } = printTable(judged);
  const supported = falseRefusals.filter(({ id }) => isSupported(id));
  return judged.length === 0 || falseAccepts.length > 0 || supported.length > MAX_FALSE_REFUSALS ? 1 : 0;
}

if (import.meta.main) process.exitCode = main();
