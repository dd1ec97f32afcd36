import type { SoftCardFile, SoftCardKey } from '../../card/soft_card_file.ts';
import {
  type AuthorityKind,
  fifthBirthday,
  type IssuedCertificate,
  issueSigningCertificate,
  issueUserCertificate,
  type KeyPair,
  type RevocationReason,
  type Root,
} from '../pki/index.ts';
import { municipalityOf } from './municipalities.ts';
import { restoreStoredRoot } from './roots_of_state.ts';
import { type CitizenSpec, OLD_CARD, SCENARIOS } from './sandbox_citizens.ts';
import { type AuthorityState, type Citizen, type Label, type StoredCertificate, serialHex } from './state.ts';

const DAY = 86_400_000;
const YEAR = 365 * DAY;

/** The PINs of every sandbox card; known to all, worth nothing elsewhere. */
export const SANDBOX_PIN = '1234';
export const SANDBOX_SIGNING_PIN = 'ABC123';

const NEWEST_GENERATION = 3;

/** Keys for one card. */
export interface CardKeys {
  user: KeyPair;
  /** Null for under-15s. */
  signing: KeyPair | null;
}

export interface IssueOptions {
  generation?: number;
  /** Milliseconds since 1970. */
  issuedAt: number;
  /** Default the fifth birthday after issue. */
  notAfter?: number;
}

/** How many cards, and so how many pairs of keys, a scenario takes. */
export const cardsOf = (spec: CitizenSpec): number => (spec.scenario === 'renewed' ? 2 : 1);

/**
 * Registers a citizen and issues what the scenario asks for, in `draft`.
 * @param issuedAt milliseconds since 1970, for scenarios that do not need a date of their own
 * @returns the cards, to be handed over when the draft has been kept
 */
export async function issueCitizen(
  draft: AuthorityState,
  spec: CitizenSpec,
  keys: readonly CardKeys[],
  { now, issuedAt }: { now: number; issuedAt: number },
): Promise<SoftCardFile[]> {
  const [first, second] = keys;
  if (!first) throw new TypeError('a card needs keys');
  const words = SCENARIOS[spec.scenario];
  const citizen: Citizen = {
    name: spec.name,
    label: spec.label ?? labelOf(spec, words),
    attributes: spec.attributes,
    changedAt: issuedAt,
    municipality: spec.municipality,
    user: '',
    signing: null,
  };
  draft.citizens.push(citizen);
  /** Something that happened lately, yet not before the card was there. */
  const lately = Math.max(issuedAt, now - 30 * DAY);

  switch (spec.scenario) {
    case 'ordinary':
    case 'child':
    case 'substitute-characters':
      return [await issueCard(draft, citizen, first, { issuedAt })];
    case 'attributes-changed': {
      const card = await issueCard(draft, citizen, first, { issuedAt });
      revokeCurrent(draft, citizen, ['signing'], 'affiliationChanged', lately);
      citizen.attributes = { ...citizen.attributes, address: spec.newAddress ?? `${citizen.attributes.address}－２` };
      citizen.changedAt = lately;
      return [card];
    }
    case 'card-lost':
    case 'deceased': {
      const card = await issueCard(draft, citizen, first, { issuedAt });
      const reason = spec.scenario === 'deceased' ? 'cessationOfOperation' : 'certificateHold';
      revokeCurrent(draft, citizen, ['user', 'signing'], reason, lately);
      return [card];
    }
    case 'renewed': {
      if (!second) throw new TypeError('a renewed card needs two sets of keys');
      // Less than four years old: whatever the birthday, the old certificate is still within its dates.
      const old = await issueCard(draft, citizen, first, { generation: 2, issuedAt: now - 4 * YEAR + 65 * DAY });
      const card = await replaceCard(draft, citizen, second, now - DAY);
      const oldLabel = spec.label
        ? { ja: `${spec.label.ja}（${OLD_CARD.ja}）`, en: `${spec.label.en} (${OLD_CARD.en})` }
        : labelOf(spec, OLD_CARD);
      return [card, { ...old, name: `${spec.name}-old`, label: oldLabel }];
    }
    case 'expired': {
      // The fifth birthday comes within five years after issue.
      return [await issueCard(draft, citizen, first, { generation: 2, issuedAt: now - 5 * YEAR - 42 * DAY })];
    }
    case 'expired-authority': {
      const end = draft.roots.find((root) => root.kind === 'user' && root.generation === 1)?.notAfter ?? now;
      return [await issueCard(draft, citizen, first, { generation: 1, issuedAt: end - 300 * DAY })];
    }
  }
}

const labelOf = (spec: CitizenSpec, words: Label): Label => ({
  ja: `${spec.attributes.name.replace('　', ' ')}（${words.ja}）`,
  en: `${spec.romanName} (${words.en})`,
});

/** Issues both certificates (or the one) and makes them the citizen's latest. */
export async function issueCard(
  draft: AuthorityState,
  citizen: Citizen,
  keys: CardKeys,
  options: IssueOptions,
): Promise<SoftCardFile> {
  const userRoot = rootOf(draft, 'user', options.generation);
  const signingRoot = rootOf(draft, 'signing', options.generation);
  const user = await issueUserCertificate(userRoot.root, leafOptions(draft, 'user', citizen, keys.user, options));
  citizen.user = remember(draft, 'user', userRoot.generation, citizen, user);
  const signing = keys.signing && (await issueSigning(draft, citizen, keys.signing, options));
  if (!signing) citizen.signing = null;
  return {
    format: 'musubi-soft-card:1',
    name: citizen.name,
    label: citizen.label,
    user: softKey(user, SANDBOX_PIN, 3),
    signing,
    authority: {
      user: userRoot.root.der.toString('base64'),
      signing: signing && signingRoot.root.der.toString('base64'),
    },
  };
}

/** Issues a signing certificate for the attributes as registered now, and makes it the citizen's latest. */
export async function issueSigning(
  draft: AuthorityState,
  citizen: Citizen,
  key: KeyPair,
  options: IssueOptions,
): Promise<SoftCardKey> {
  const { root, generation } = rootOf(draft, 'signing', options.generation);
  const signing = await issueSigningCertificate(root, {
    ...leafOptions(draft, 'signing', citizen, key, options),
    attributes: citizen.attributes,
  });
  citizen.signing = remember(draft, 'signing', generation, citizen, signing);
  return softKey(signing, SANDBOX_SIGNING_PIN, 5);
}

/** A new card for the same person: the old certificates are revoked as superseded and tell their successors. */
export async function replaceCard(
  draft: AuthorityState,
  citizen: Citizen,
  keys: CardKeys,
  issuedAt: number,
): Promise<SoftCardFile> {
  const before = currentCertificates(draft, citizen);
  revokeCurrent(
    draft,
    citizen,
    before.filter((old) => old.revocation === null && old.notAfter > issuedAt).map((old) => old.kind),
    'superseded',
    issuedAt,
  );
  const card = await issueCard(draft, citizen, keys, { issuedAt });
  linkSuccessors(before, citizen);
  return card;
}

/** Tells each replaced certificate which one came after it. */
export function linkSuccessors(before: readonly StoredCertificate[], citizen: Citizen): void {
  for (const old of before) {
    const latest = citizen[old.kind];
    if (latest !== old.serial) old.successor = latest;
  }
}

/** The citizen's latest certificates, of the given kinds. */
export function currentCertificates(
  draft: AuthorityState,
  citizen: Citizen,
  kinds: readonly AuthorityKind[] = ['user', 'signing'],
): StoredCertificate[] {
  return draft.certificates.filter(({ kind, serial }) => kinds.includes(kind) && serial === citizen[kind]);
}

export function revokeCurrent(
  draft: AuthorityState,
  citizen: Citizen,
  kinds: readonly AuthorityKind[],
  reason: RevocationReason,
  at: number,
): void {
  for (const certificate of currentCertificates(draft, citizen, kinds)) {
    certificate.revocation = { at, reason };
    const root = draft.roots.find(
      ({ kind, generation }) => kind === certificate.kind && generation === certificate.generation,
    );
    if (root) root.revision += 1;
  }
}

function rootOf(
  draft: AuthorityState,
  kind: AuthorityKind,
  generation = NEWEST_GENERATION,
): { root: Root; generation: number } {
  return { root: restoreStoredRoot(draft, kind, generation), generation };
}

/** Takes the authority's next serial number. */
export function takeSerial(draft: AuthorityState, kind: AuthorityKind): bigint {
  const serial = BigInt(`0x${draft.nextSerial[kind]}`);
  draft.nextSerial[kind] = serialHex(serial + 1n);
  return serial;
}

function leafOptions(
  draft: AuthorityState,
  kind: AuthorityKind,
  citizen: Citizen,
  key: KeyPair,
  { issuedAt, notAfter }: IssueOptions,
) {
  return {
    key,
    serialNumber: takeSerial(draft, kind),
    municipality: municipalityOf(citizen.municipality),
    notBefore: issuedAt,
    notAfter: notAfter ?? fifthBirthday(issuedAt, citizen.attributes.birthDate),
    ocspUrl: `${draft.address}/ocsp/${kind}`,
  };
}

function remember(
  draft: AuthorityState,
  kind: AuthorityKind,
  generation: number,
  citizen: Citizen,
  certificate: IssuedCertificate,
): string {
  const serial = serialHex(certificate.serialNumber);
  draft.certificates.push({
    kind,
    generation,
    serial,
    citizen: citizen.name,
    municipality: citizen.municipality,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    certificate: certificate.der.toString('base64'),
    revocation: null,
    successor: null,
  });
  return serial;
}

function softKey(certificate: IssuedCertificate, pin: string, tries: number): SoftCardKey {
  return {
    certificate: certificate.der.toString('base64'),
    privateKey: certificate.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pin,
    triesLeft: tries,
    maxTries: tries,
  };
}
