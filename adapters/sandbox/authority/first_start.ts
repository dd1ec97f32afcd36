import { randomInt } from 'node:crypto';
import { exportJWK } from 'jose';
import {
  type AuthorityKind,
  createRoot,
  endOfJapaneseDay,
  generateEcKey,
  type KeyPair,
  SANDBOX_ORGANIZATION,
} from '../pki/index.ts';
import { type CardKeys, cardsOf, issueCitizen, takeSerial } from './issuing.ts';
import type { CitizenSpec } from './sandbox_citizens.ts';
import { type AuthorityState, serialHex } from './state.ts';

const DAY = 86_400_000;

/** Days from the first start at which each generation begins and ends: the first has ended, two are live. */
const GENERATIONS = [
  { generation: 1, from: -3740, to: -90 },
  { generation: 2, from: -2200, to: 1450 },
  { generation: 3, from: -1000, to: 2650 },
] as const;

const KINDS: readonly AuthorityKind[] = ['user', 'signing'];

/** Age of an ordinary card at the first start. */
const CARD_AGE = 200 * DAY;

export interface FirstStart {
  now: number;
  address: string;
  citizens: readonly CitizenSpec[];
  /** RSA keys; the default asks for 28 at once, which the thread pool makes in about three seconds. */
  generateKey: () => Promise<KeyPair>;
  /** Of each kind of certificate, from which on they are counted. */
  firstSerial: () => bigint;
}

/** Keys for as many cards as the citizen's scenario takes. */
export async function keysFor(spec: CitizenSpec, generateKey: () => Promise<KeyPair>): Promise<CardKeys[]> {
  return Promise.all(
    Array.from({ length: cardsOf(spec) }, async () => {
      const [user, signing] = await Promise.all([generateKey(), spec.scenario === 'child' ? null : generateKey()]);
      return { user, signing };
    }),
  );
}

/** Two authorities of three generations each, and the citizens with their cards, still to be delivered. */
export async function createState({
  now,
  address,
  citizens,
  generateKey,
  firstSerial,
}: FirstStart): Promise<AuthorityState> {
  const [rootKeys, cardKeys, responderKey, answerKey] = await Promise.all([
    Promise.all(
      KINDS.flatMap((kind) => GENERATIONS.map(async (dates) => ({ kind, ...dates, key: await generateKey() }))),
    ),
    Promise.all(citizens.map(async (spec) => ({ spec, keys: await keysFor(spec, generateKey) }))),
    generateKey(),
    generateEcKey('P-256'),
  ]);
  const draft: AuthorityState = {
    format: 'musubi-sandbox-authority:1',
    organization: SANDBOX_ORGANIZATION,
    address,
    roots: [],
    nextSerial: { user: serialHex(firstSerial()), signing: serialHex(firstSerial()) },
    responderKey: responderKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    answerKey: await exportJWK(answerKey.privateKey),
    certificates: [],
    citizens: [],
    consents: [],
    pendingCards: [],
  };
  for (const { kind, generation, from, to, key } of rootKeys) {
    const root = await createRoot({
      kind,
      key,
      // The first root of all had serial number 1; a re-keyed one draws from the counter of the leaves.
      serialNumber: generation === 1 ? 1n : takeSerial(draft, kind),
      notBefore: now + from * DAY,
      notAfter: endOfJapaneseDay(now + to * DAY),
    });
    draft.roots.push({
      kind,
      generation,
      certificate: root.der.toString('base64'),
      privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      serial: serialHex(root.serialNumber),
      notBefore: root.notBefore,
      notAfter: root.notAfter,
      crlNumber: 0,
      revision: 0,
    });
  }
  for (const { spec, keys } of cardKeys) {
    draft.pendingCards.push(...(await issueCitizen(draft, spec, keys, { now, issuedAt: now - CARD_AGE })));
  }
  return draft;
}

/**
 * Four bytes, sequential from a random start: a sandbox that was deleted and made anew shall not give another citizen
 * the serial number that a hub still remembers under the same authority's name.
 */
export const shortSerial = (): bigint => 0x06000000n + BigInt(randomInt(2 ** 24));
