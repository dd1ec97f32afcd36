import type { SoftCardFile, SoftCardKey } from '../../card/soft_card_file.ts';
import {
  type AuthorityKind,
  fifthBirthday,
  type IssuedCertificate,
  issueSigningCertificate,
  issueUserCertificate,
  type KeyPair,
  OID,
  type RevocationReason,
  type Root,
} from '../pki/index.ts';
import { municipalityOf } from './municipalities.ts';
import { restoreStoredRoot } from './roots_of_state.ts';
import { type CitizenSpec, OLD_CARD, PHONE, SCENARIOS } from './sandbox_citizens.ts';
import {
  type AuthorityState,
  type Citizen,
  type Device,
  type Label,
  type LatestSerials,
  latestOf,
  type StoredCertificate,
  serialHex,
} from './state.ts';

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

/** Keys for one phone, which is for those only who can sign for it. */
export interface PhoneKeys extends CardKeys {
  signing: KeyPair;
}

export interface IssueOptions {
  generation?: number;
  /** Milliseconds since 1970. */
  issuedAt: number;
  /** Default the fifth birthday after issue. */
  notAfter?: number;
  /** Default the card. */
  device?: Device;
}

const BOTH: readonly AuthorityKind[] = ['user', 'signing'];

/** What a phone's certificates name in place of the card's policies. */
const PHONE_POLICIES: Readonly<Record<AuthorityKind, readonly string[]>> = {
  user: [OID.policyUserOnPhoneTest],
  signing: [OID.policySigningOnPhoneTest],
};

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

/** Issues both certificates (or the one) and makes them the latest of the citizen's card. */
export async function issueCard(
  draft: AuthorityState,
  citizen: Citizen,
  keys: CardKeys,
  options: IssueOptions,
): Promise<SoftCardFile> {
  const user = await issueUser(draft, citizen, keys.user, options);
  citizen.user = user.serial;
  const signing = keys.signing && (await issueSigning(draft, citizen, keys.signing, options));
  citizen.signing = signing?.serial ?? null;
  return softCard(draft, { name: citizen.name, label: citizen.label }, { user, signing }, options);
}

/**
 * Issues the certificates of a phone (スマホ用電子証明書), with keys of their own, and makes them the latest of the citizen's
 * phone; those of a phone before are revoked as superseded and tell their successors. They end with the card's signing
 * certificate, by which they are asked for.
 */
export async function issuePhone(
  draft: AuthorityState,
  citizen: Citizen,
  keys: PhoneKeys,
  issuedAt: number,
): Promise<SoftCardFile> {
  const before = retireCurrent(draft, citizen, 'phone', issuedAt);
  const [asked] = currentCertificates(draft, citizen, ['signing']);
  const options = { issuedAt, device: 'phone', ...(asked ? { notAfter: asked.notAfter } : {}) } as const;
  const user = await issueUser(draft, citizen, keys.user, options);
  const signing = await issueSigning(draft, citizen, keys.signing, options);
  citizen.phone = { user: user.serial, signing: signing.serial };
  linkSuccessors(before, citizen.phone);
  const label = { ja: `${citizen.label.ja}（${PHONE.ja}）`, en: `${citizen.label.en} (${PHONE.en})` };
  return softCard(draft, { name: phoneNameOf(citizen.name), label }, { user, signing }, options);
}

/** What the file of a citizen's phone is called. */
export const phoneNameOf = (citizen: string): string => `${citizen}-phone`;

/** A key with its certificate as a soft card keeps them, and the serial that the authority knows it by. */
interface IssuedKey {
  key: SoftCardKey;
  serial: string;
}

async function issueUser(
  draft: AuthorityState,
  citizen: Citizen,
  key: KeyPair,
  options: IssueOptions,
): Promise<IssuedKey> {
  const { root, generation } = rootOf(draft, 'user', options.generation);
  const user = await issueUserCertificate(root, leafOptions(draft, 'user', citizen, key, options));
  const serial = remember(draft, 'user', generation, citizen, user, options);
  return { key: softKey(user, SANDBOX_PIN, 3), serial };
}

/** Issues a signing certificate for the attributes as registered now. */
export async function issueSigning(
  draft: AuthorityState,
  citizen: Citizen,
  key: KeyPair,
  options: IssueOptions,
): Promise<IssuedKey> {
  const { root, generation } = rootOf(draft, 'signing', options.generation);
  const signing = await issueSigningCertificate(root, {
    ...leafOptions(draft, 'signing', citizen, key, options),
    attributes: citizen.attributes,
  });
  const serial = remember(draft, 'signing', generation, citizen, signing, options);
  return { key: softKey(signing, SANDBOX_SIGNING_PIN, 5), serial };
}

function softCard(
  draft: AuthorityState,
  named: { name: string; label: Label },
  { user, signing }: { user: IssuedKey; signing: IssuedKey | null },
  { generation }: IssueOptions,
): SoftCardFile {
  const authority = (kind: AuthorityKind) => rootOf(draft, kind, generation).root.der.toString('base64');
  return {
    format: 'musubi-soft-card:1',
    ...named,
    user: user.key,
    signing: signing?.key ?? null,
    authority: { user: authority('user'), signing: signing && authority('signing') },
  };
}

/** A new card for the same person: the old certificates are revoked as superseded and tell their successors. */
export async function replaceCard(
  draft: AuthorityState,
  citizen: Citizen,
  keys: CardKeys,
  issuedAt: number,
): Promise<SoftCardFile> {
  const before = retireCurrent(draft, citizen, 'card', issuedAt);
  const card = await issueCard(draft, citizen, keys, { issuedAt });
  linkSuccessors(before, citizen);
  return card;
}

/** Revokes what is still good of a device that is being replaced. @returns its latest certificates */
function retireCurrent(draft: AuthorityState, citizen: Citizen, device: Device, at: number): StoredCertificate[] {
  const before = currentCertificates(draft, citizen, BOTH, device);
  const good = before.filter((old) => old.revocation === null && old.notAfter > at).map((old) => old.kind);
  revokeCurrent(draft, citizen, good, 'superseded', at, device);
  return before;
}

/** Tells each replaced certificate which one came after it. */
export function linkSuccessors(before: readonly StoredCertificate[], latest: LatestSerials): void {
  for (const old of before) {
    const successor = latest[old.kind];
    if (successor !== old.serial) old.successor = successor;
  }
}

/** The latest certificates of one of the citizen's devices, of the given kinds. */
export function currentCertificates(
  draft: AuthorityState,
  citizen: Citizen,
  kinds: readonly AuthorityKind[] = BOTH,
  device: Device = 'card',
): StoredCertificate[] {
  const latest = latestOf(citizen, device);
  return draft.certificates.filter(({ kind, serial }) => kinds.includes(kind) && serial === latest?.[kind]);
}

/**
 * Revokes the latest certificates of one device, and what has to end with them on the other.
 *
 * The one place that says what becomes of a phone when the card's certificates are revoked. The law lets each lose effect
 * by an article of its own (15(1) and 16-14(1), fact sheet §4), and its text for phones is not public; INFERRED from the
 * meaning of each reason:
 * - `cessationOfOperation` ends a registration (death, removal from the register, the holder's wish): nothing of it is left.
 * - `affiliationChanged` says that the attributes in a signing certificate are wrong, and the phone's says the same ones.
 * - Every other reason is about the card or its keys (lost, leaked, renewed, discarded): the phone has its own.
 *
 * A phone's certificates never end the card's: a phone is given up far more often than a registration.
 */
export function revokeCurrent(
  draft: AuthorityState,
  citizen: Citizen,
  kinds: readonly AuthorityKind[],
  reason: RevocationReason,
  at: number,
  device: Device = 'card',
): void {
  const revoked = currentCertificates(draft, citizen, kinds, device);
  if (device === 'card' && (reason === 'cessationOfOperation' || reason === 'affiliationChanged')) {
    const ends = reason === 'cessationOfOperation' ? BOTH : kinds;
    const onPhone = currentCertificates(draft, citizen, ends, 'phone');
    revoked.push(...onPhone.filter(({ revocation }) => isRevocable(revocation, reason)));
  }
  for (const certificate of revoked) {
    certificate.revocation = { at, reason };
    const root = draft.roots.find(
      ({ kind, generation }) => kind === certificate.kind && generation === certificate.generation,
    );
    if (root) root.revision += 1;
  }
}

/** A hold may become final; anything else is final already. */
export function isRevocable(revocation: StoredCertificate['revocation'], reason: RevocationReason): boolean {
  return revocation === null || (revocation.reason === 'certificateHold' && reason !== 'certificateHold');
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
  { issuedAt, notAfter, device }: IssueOptions,
) {
  return {
    key,
    ...(device === 'phone' ? { policies: PHONE_POLICIES[kind] } : {}),
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
  { device }: IssueOptions,
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
    ...(device === 'phone' ? { device } : {}),
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
