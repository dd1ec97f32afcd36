import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSoftCard } from '../../../adapters/card/soft_card.ts';
import { parseSoftCardFile, type SoftCardFile, type SoftCardKey } from '../../../adapters/card/soft_card_file.ts';
import {
  createRoot,
  type IssuedCertificate,
  issueSigningCertificate,
  issueUserCertificate,
  type KeyPair,
} from '../../../adapters/sandbox/pki/index.ts';
import { ecKey, rsaKey } from '../sandbox/pki/key_pool.ts';

export const USER_PIN = '1234';
export const SIGNING_PIN = 'ABC123XYZ';

/** 44 characters of base64, as the hub makes them. */
export const NONCE = Buffer.alloc(32, 0x5a).toString('base64');

/** An application form as a hub at `origin` has it signed. */
export const application = (origin: string, nonce = NONCE) =>
  [
    '利用申込書',
    origin,
    nonce,
    '氏名：番号　花子',
    '住所：東京都千代田区霞が関一丁目',
    '生年月日：1985-03-15',
    '性別：2',
  ].join('\n');

export interface SoftCardOptions {
  name?: string;
  label?: { ja: string; en: string };
  /** The user key; RSA-2048 as on a real card unless told otherwise. */
  userKey?: KeyPair;
  userTriesLeft?: number;
  /** Likewise the signing key. */
  signingKey?: KeyPair;
  signingTriesLeft?: number;
  /** False: a card of an under-15. */
  signing?: boolean;
}

/** A card as the authority would issue it. */
export async function softCardFile(options: SoftCardOptions = {}): Promise<SoftCardFile> {
  const userRoot = await createRoot({ kind: 'user', key: await rsaKey('user root') });
  const signingRoot = await createRoot({ kind: 'signing', key: await rsaKey('signing root') });
  const user = await issueUserCertificate(userRoot, { key: options.userKey ?? (await rsaKey('user')) });
  const signing = await issueSigningCertificate(signingRoot, {
    key: options.signingKey ?? (await rsaKey('signing')),
    attributes: { name: '番号　花子', address: '東京都千代田区霞が関一丁目', birthDate: '1985-03-15', gender: '2' },
  });
  const withSigning = options.signing ?? true;
  return {
    format: 'musubi-soft-card:1',
    name: options.name ?? 'hanako',
    label: options.label ?? { ja: '番号 花子（通常のカード）', en: 'Hanako Bango (ordinary card)' },
    user: { ...softCardKey(user, USER_PIN, 3), triesLeft: options.userTriesLeft ?? 3 },
    signing: withSigning ? { ...softCardKey(signing, SIGNING_PIN, 5), triesLeft: options.signingTriesLeft ?? 5 } : null,
    authority: { user: base64(userRoot.der), signing: withSigning ? base64(signingRoot.der) : null },
  };
}

export const p384Key = () => ecKey('user', 'P-384');

/** A folder of its own with these cards in it. */
export async function cardsFolder(...cards: SoftCardOptions[]): Promise<{ folder: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-cards-'));
  for (const card of cards) await writeSoftCard(folder, await softCardFile(card));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** The tries that the file holds, without going through a card. */
export function triesLeft(folder: string, name = 'hanako', kind: 'user' | 'signing' = 'user'): number | undefined {
  return parseSoftCardFile(readFileSync(join(folder, `${name}.card.json`), 'utf8'), name)[kind]?.triesLeft;
}

function softCardKey(issued: IssuedCertificate, pin: string, maxTries: number): SoftCardKey {
  const privateKey = issued.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate: base64(issued.der), privateKey, pin, triesLeft: maxTries, maxTries };
}

const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
