import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  type CertificateProfile,
  checkPathRevocation,
  createCertificateChecks,
  loadTrustAnchor,
  PkiError,
  plainUser,
  type TrustAnchor,
} from '../../provider/pki/index.ts';
import { readLists } from './pkits.ts';
import { type Judged, printTable, type Verdict } from './table.ts';

/** What is read of a test case of x509-limbo; its schema has more. */
export interface LimboCase {
  readonly id: string;
  readonly validation_kind: keyof typeof EXTENDED_KEY_USAGE;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  /** PEM. */
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly crls?: readonly string[];
  readonly validation_time?: string | null;
  readonly max_chain_depth?: number | null;
}

/** Questions about certificates and paths. The others ask about host names, the rules of the web, and the network. */
const GROUPS: ReadonlySet<string> = new Set(['crl', 'cve', 'pathlen', 'pathological', 'rfc5280']);
/** Where nothing bad may pass. */
const STRICT =
  /^(crl|cve|pathlen|pathological|rfc5280::(serial|eku|validity))::|^rfc5280::(unknown-critical-|duplicate-extensions|ca-as-leaf|mismatching-signature-algorithm|chain-untrusted-root)/;
/** No answer may take longer (ms). */
export const MAX_MS = 1000;

export const isStrict = (id: string): boolean => STRICT.test(id);

/** For cases that name no time: within all of their certificates. */
const NOW = Date.UTC(2026, 0, 1);
const EXTENDED_KEY_USAGE = { SERVER: '1.3.6.1.5.5.7.3.1', CLIENT: '1.3.6.1.5.5.7.3.2' } as const;

/** The cases of a limbo.json, compressed or not, that are judged here. */
export function readCases(file: string): LimboCase[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const { testcases } = JSON.parse(text) as { testcases: LimboCase[] };
  return testcases.filter(({ id }) => GROUPS.has(id.split('::')[0] ?? ''));
}

/** Every check that a person's certificate undergoes, on one case. */
export function judgeCase(test: LimboCase): Judged {
  const started = performance.now();
  const verdict = verdictOf(test);
  const parts = test.id.split('::');
  const group = parts.slice(0, Math.max(1, parts.length - 1)).join('::');
  const expected = test.expected_result === 'SUCCESS' ? 'valid' : 'invalid';
  return { id: test.id, group, expected, ...verdict, ms: performance.now() - started };
}

function verdictOf(test: LimboCase): Verdict {
  const now = test.validation_time ? Date.parse(test.validation_time) : NOW;
  const profile: CertificateProfile = {
    ...plainUser,
    extendedKeyUsage: [EXTENDED_KEY_USAGE[test.validation_kind]],
    maxIntermediates: test.max_chain_depth ?? 7,
    strictIssuing: true,
  };
  try {
    const anchors = test.trusted_certs.flatMap((pem) => readAnchor(readPem(pem), profile));
    const offered = test.untrusted_intermediates.map(readPem);
    const checks = createCertificateChecks({ profile, anchors, capacity: 0 });
    const checked = checks.check(readPem(test.peer_certificate), now, offered);
    const lists = (test.crls ?? []).map(readPem);
    if (lists.length === 0) return { verdict: 'valid' };
    const { status } = checkPathRevocation(checked, { lists: readLists(lists), now });
    return status === 'good' ? { verdict: 'valid' } : { verdict: 'invalid', reason: `revocation_${status}` };
  } catch (error) {
    if (error instanceof PkiError) return { verdict: 'invalid', reason: error.code };
    throw error;
  }
}

/** A root that cannot be pinned vouches for nobody, and harms nobody. */
function readAnchor(der: Uint8Array, profile: CertificateProfile): TrustAnchor[] {
  try {
    return [loadTrustAnchor(der, { profile })];
  } catch (error) {
    if (error instanceof PkiError) return [];
    throw error;
  }
}

function readPem(pem: string): Uint8Array {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

function main(): number {
  const file = process.argv[2];
  if (file === undefined) {
    process.stderr.write('npm run limbo -- FILE\n\nFILE is a limbo.json of x509-limbo, or one ending in .gz\n');
    return 2;
  }
  const judged = readCases(file).map(judgeCase);
  process.stdout.write(`judged: ${[...GROUPS].join(', ')}; the other groups ask about host names and the web\n`);
  const { falseAccepts } = printTable(judged);
  const late = judged.filter(({ ms }) => ms > MAX_MS);
  for (const { id, ms } of late) process.stdout.write(`late ${id} ${ms.toFixed(0)} ms\n`);
  const bad = falseAccepts.filter(({ id }) => isStrict(id));
  return judged.length === 0 || bad.length > 0 || late.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main();
