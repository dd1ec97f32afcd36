import type { KeyObject } from 'node:crypto';
import { hash, sign, verify } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createRoot, issueUserCertificate } from '../adapters/sandbox/pki/index.ts';
import {
  type CertificateChecks,
  checkSignature,
  createCertificateChecks,
  jpkiUserTest,
  loadTrustAnchor,
  parseCertificate,
} from '../provider/pki/index.ts';
import { rsaKey } from '../test/adapters/sandbox/pki/key_pool.ts';

const USAGE = `npm run bench:verification [-- --certificates 200 --rounds 15]

What it costs to check one certificate and the challenge that its card signed, beside the two RSA-2048 verifications
that are in it (the root's signature over the certificate, the card's over the challenge) with keys that OpenSSL holds
already. CPU time of this process; ratios are of speeds, so 1.00 would be as fast as the bare arithmetic.
`;

/** The least that is accepted: a third of the bare speed for a new certificate, two thirds for one seen before. */
const TARGETS = { cold: 1 / 3, seen: 2 / 3 } as const;

/** When the certificates are checked: any moment will do. */
const NOW = Date.UTC(2026, 9, 1);
const DAY = 86_400_000;

const { values } = parseArgs({
  options: {
    certificates: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '15' },
    help: { type: 'boolean' },
  },
});

interface Sample {
  der: Uint8Array;
  tbs: Uint8Array;
  signature: Uint8Array;
  rootKey: KeyObject;
  cardKey: KeyObject;
  challenge: Uint8Array;
  answer: Uint8Array;
}

async function main(): Promise<number> {
  const count = Number(values.certificates);
  const root = await createRoot({ kind: 'user', key: await rsaKey('root'), notBefore: NOW - DAY });
  const anchor = loadTrustAnchor(root.der, { profile: jpkiUserTest });
  const samples: Sample[] = [];
  for (let index = 0; index < count; index += 1)
    samples.push(await makeSample(root, anchor.certificate.publicKey, index));
  const checks = (capacity: number) => createCertificateChecks({ profile: jpkiUserTest, anchors: [anchor], capacity });

  const contenders = {
    bare: () => bare(samples),
    cold: () => checked(checks(0), samples),
    seen: (() => {
      const warm = checks(count);
      return () => checked(warm, samples);
    })(),
  };
  const times = { bare: [] as number[], cold: [] as number[], seen: [] as number[] };
  const names = ['bare', 'cold', 'seen'] as const;
  // The first runs are the compiler's, and fill the memory of those seen before.
  for (let warmUp = 0; warmUp < 3; warmUp += 1) for (const name of names) contenders[name]();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const name of names) times[name].push(cpuOf(contenders[name]) / count);
  }
  return report(times);
}

async function makeSample(
  root: Awaited<ReturnType<typeof createRoot>>,
  rootKey: KeyObject,
  index: number,
): Promise<Sample> {
  // A few keys are enough: every certificate has its own bytes, and nothing is remembered by key.
  const key = await rsaKey(`card ${index % 8}`);
  const { der } = await issueUserCertificate(root, { key, notBefore: NOW - DAY });
  const certificate = parseCertificate(der);
  const challenge = Buffer.concat([
    hash('sha256', 'https://hub.example', 'buffer'),
    hash('sha256', `nonce ${index}`, 'buffer'),
  ]);
  const answer = sign('sha256', challenge, key.privateKey);
  const { tbs, signature, publicKey } = certificate;
  return { der, tbs, signature, rootKey, cardKey: publicKey, challenge, answer };
}

function bare(samples: readonly Sample[]): void {
  for (const { tbs, signature, rootKey, cardKey, challenge, answer } of samples) {
    if (!verify('sha256', tbs, rootKey, signature) || !verify('sha256', challenge, cardKey, answer)) {
      throw new Error('a sample is not good');
    }
  }
}

function checked(checks: CertificateChecks, samples: readonly Sample[]): void {
  for (const { der, challenge, answer } of samples) {
    const { certificate } = checks.check(der, NOW);
    checkSignature(certificate.publicKey, 'RS256', challenge, answer);
  }
}

/** User and system time of this process (µs). */
function cpuOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function report(times: Readonly<Record<'bare' | 'cold' | 'seen', readonly number[]>>): number {
  const bareTime = median(times.bare);
  const line = (name: string, time: number, target?: number) => {
    const speed = bareTime / time;
    const verdict = target === undefined ? '' : speed >= target ? 'met' : 'MISSED';
    console.log(
      name.padEnd(34),
      time.toFixed(1).padStart(8),
      speed.toFixed(2).padStart(8),
      (target?.toFixed(2) ?? '').padStart(8),
      verdict,
    );
    return target === undefined || speed >= target;
  };
  console.log('one certificate and its challenge    CPU µs    speed   target');
  line('two bare RSA-2048 verifications', bareTime);
  const cold = line('a certificate never seen', median(times.cold), TARGETS.cold);
  const seen = line('a certificate seen before', median(times.seen), TARGETS.seen);
  return cold && seen ? 0 : 1;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

if (values.help) console.log(USAGE);
else process.exitCode = await main();
