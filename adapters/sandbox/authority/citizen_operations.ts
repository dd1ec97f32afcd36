import { HubError } from '../../../provider/errors.ts';
import type { Clock } from '../../../provider/world.ts';
import type { AuthorityKind, FourAttributes, KeyPair, RevocationReason } from '../pki/index.ts';
import { readSoftCardFile, writeCards } from './card_folder.ts';
import { keysFor } from './first_start.ts';
import {
  currentCertificates,
  isRevocable,
  issueCitizen,
  issuePhone,
  issueSigning,
  linkSuccessors,
  phoneNameOf,
  replaceCard,
  revokeCurrent,
} from './issuing.ts';
import type { CitizenSpec, Scenario } from './sandbox_citizens.ts';
import {
  type AuthorityState,
  type CertificateCondition,
  type Citizen,
  conditionOf,
  type Device,
  findCertificate,
  type Label,
  type LatestSerials,
} from './state.ts';
import type { StateStore } from './state_store.ts';

/** A certificate's condition without its serial number, for a command line. */
export interface CertificateSummary {
  condition: CertificateCondition;
  reason: RevocationReason | null;
  /** ISO 8601. */
  notAfter: string;
  /** Generation of the authority that issued it. */
  generation: number;
}

/** The latest certificates of one device. */
export interface DeviceSummary {
  user: CertificateSummary;
  signing: CertificateSummary | null;
}

/** With the card's certificates in itself. */
export interface CitizenSummary extends DeviceSummary {
  name: string;
  label: Label;
  phone: DeviceSummary | null;
}

export interface IssueInput {
  name: string;
  scenario?: Scenario | undefined;
  label?: Label | undefined;
  attributes?: Partial<FourAttributes> | undefined;
  /** Code out of the table of municipalities. */
  municipality?: string | undefined;
}

export interface RevokeInput {
  name: string;
  certificate: AuthorityKind | 'both';
  /** Default the card. What ends on the phone with it: see revokeCurrent. */
  device?: Device | undefined;
  reason: Exclude<RevocationReason, 'removeFromCRL'>;
}

export interface MoveInput {
  name: string;
  address: string;
  municipality?: string | undefined;
  /** Puts a new signing certificate with the new address on the card. */
  newSigningCertificate?: boolean | undefined;
}

/** A person whose data stands for nobody's, like the names on specimen documents. */
const SPECIMEN: FourAttributes = {
  name: '見本　太郎',
  address: '東京都千代田区永田町９－９－９',
  birthDate: '1980-01-01',
  gender: '1',
};

/** What the authority's counter does with citizens. Each operation holds for OCSP and the lists when it resolves. */
export class CitizenOperations {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #generateKey: () => Promise<KeyPair>;
  readonly #cardsFolder: string;

  constructor(store: StateStore, world: { clock: Clock; generateKey: () => Promise<KeyPair>; cardsFolder: string }) {
    this.#store = store;
    this.#clock = world.clock;
    this.#generateKey = world.generateKey;
    this.#cardsFolder = world.cardsFolder;
  }

  list(): CitizenSummary[] {
    const { state } = this.#store;
    return state.citizens.map((citizen) => this.#summary(state, citizen));
  }

  /** @throws HubError `citizen_exists` (409) */
  async issue(input: IssueInput): Promise<CitizenSummary> {
    const scenario = input.scenario ?? 'ordinary';
    const spec: CitizenSpec = {
      name: input.name,
      scenario,
      romanName: input.name,
      municipality: input.municipality ?? '13101',
      attributes: { ...SPECIMEN, ...definedOf(input.attributes ?? {}) },
      ...(input.label ? { label: input.label } : {}),
    };
    const keys = await keysFor(spec, this.#generateKey);
    await this.#store.update(async (draft) => {
      const names = new Set(draft.citizens.flatMap(({ name, phone }) => (phone ? [name, phoneNameOf(name)] : [name])));
      if (names.has(input.name))
        throw new HubError('citizen_exists', 409, 'A citizen of that name has a card already.');
      const now = this.#clock();
      draft.pendingCards.push(...(await issueCitizen(draft, spec, keys, { now, issuedAt: now })));
    });
    await this.deliverCards();
    return this.#find(input.name);
  }

  /** @throws HubError `citizen_unknown` (404), `certificate_revoked` (409), `certificate_none` (409) */
  async revoke({ name, certificate, reason, device = 'card' }: RevokeInput): Promise<CitizenSummary> {
    const kinds: AuthorityKind[] = certificate === 'both' ? ['user', 'signing'] : [certificate];
    await this.#store.update((draft) => {
      const citizen = findCitizen(draft, name);
      const there = currentCertificates(draft, citizen, kinds, device);
      const revocable = there.filter(({ revocation }) => isRevocable(revocation, reason));
      if (there.length === 0) {
        throw new HubError('certificate_none', 409, `The citizen has no such certificate on a ${device}.`);
      }
      if (revocable.length === 0) {
        throw new HubError('certificate_revoked', 409, 'The certificate has been revoked already.');
      }
      revokeCurrent(
        draft,
        citizen,
        revocable.map(({ kind }) => kind),
        reason,
        this.#clock(),
        device,
      );
    });
    return this.#find(name);
  }

  /**
   * A new card with new keys, replacing the old one's file; unblocks the PINs.
   * @throws HubError `citizen_unknown` (404), `citizen_ended` (409) after death or departure
   */
  async renew({ name }: { name: string }): Promise<CitizenSummary> {
    const { signing } = findCitizen(this.#store.state, name);
    const [user, signingKey] = await Promise.all([this.#generateKey(), signing === null ? null : this.#generateKey()]);
    await this.#store.update(async (draft) => {
      const citizen = findCitizen(draft, name);
      this.#refuseEnded(draft, citizen);
      draft.pendingCards.push(await replaceCard(draft, citizen, { user, signing: signingKey }, this.#clock()));
    });
    await this.deliverCards();
    return this.#find(name);
  }

  /**
   * Certificates on a phone (スマホ用電子証明書), beside the card's, in place of those of a phone before. They are asked for
   * with the card's signing certificate.
   * @throws HubError `citizen_unknown` (404), `certificate_none` (409) without a signing certificate, `card_not_good` (409),
   *   `citizen_exists` (409) when another citizen's card has the name of the phone
   */
  async addPhone({ name }: { name: string }): Promise<CitizenSummary> {
    this.#refusePhone(this.#store.state, findCitizen(this.#store.state, name));
    const [user, signing] = await Promise.all([this.#generateKey(), this.#generateKey()]);
    await this.#store.update(async (draft) => {
      const citizen = findCitizen(draft, name);
      this.#refusePhone(draft, citizen);
      draft.pendingCards.push(await issuePhone(draft, citizen, { user, signing }, this.#clock()));
    });
    await this.deliverCards();
    return this.#find(name);
  }

  /**
   * A change of address: revokes the signing certificate (affiliationChanged) and leaves the user certificate alone.
   * @throws HubError `citizen_unknown` (404), `citizen_ended` (409)
   */
  async move({ name, address, municipality, newSigningCertificate = false }: MoveInput): Promise<CitizenSummary> {
    const key = newSigningCertificate ? await this.#generateKey() : null;
    await this.#store.update(async (draft) => {
      const citizen = findCitizen(draft, name);
      this.#refuseEnded(draft, citizen);
      const now = this.#clock();
      const before = currentCertificates(draft, citizen, ['signing']);
      if (before.some(({ revocation }) => revocation === null)) {
        revokeCurrent(draft, citizen, ['signing'], 'affiliationChanged', now);
      }
      const { addressSubstitutes: _flagsOfTheOldAddress, ...kept } = citizen.attributes;
      citizen.attributes = { ...kept, address };
      citizen.municipality = municipality ?? citizen.municipality;
      citizen.changedAt = now;
      if (!key || citizen.signing === null) return;
      const card = await readSoftCardFile(this.#cardsFolder, name);
      const signing = await issueSigning(draft, citizen, key, { issuedAt: now });
      citizen.signing = signing.serial;
      linkSuccessors(before, citizen);
      draft.pendingCards.push({ ...card, signing: signing.key });
    });
    await this.deliverCards();
    return this.#find(name);
  }

  /** Writes the cards that were decided into the cards folder; what fails is tried again with the next operation. */
  async deliverCards(): Promise<void> {
    if (this.#store.state.pendingCards.length === 0) return;
    await this.#store.update(async (draft) => {
      await writeCards(this.#cardsFolder, draft.pendingCards);
      draft.pendingCards = [];
    });
  }

  #refuseEnded(state: AuthorityState, citizen: Citizen): void {
    const user = findCertificate(state, 'user', citizen.user);
    if (user?.revocation?.reason === 'cessationOfOperation') {
      throw new HubError('citizen_ended', 409, 'The citizen is not registered any more.');
    }
  }

  #refusePhone(state: AuthorityState, citizen: Citizen): void {
    if (citizen.signing === null) {
      throw new HubError('certificate_none', 409, 'The citizen has no signing certificate to ask for a phone with.');
    }
    if (currentCertificates(state, citizen).some((each) => conditionOf(each, this.#clock()) !== 'good')) {
      throw new HubError('card_not_good', 409, 'Only a card whose certificates are good can ask for a phone.');
    }
    if (state.citizens.some(({ name }) => name === phoneNameOf(citizen.name))) {
      throw new HubError('citizen_exists', 409, 'A citizen has a card of the name that the phone would have.');
    }
  }

  #find(name: string): CitizenSummary {
    const { state } = this.#store;
    return this.#summary(state, findCitizen(state, name));
  }

  #summary(state: AuthorityState, { name, label, phone, ...card }: Citizen): CitizenSummary {
    const summaryOf = (kind: AuthorityKind, serial: string): CertificateSummary => {
      const certificate = findCertificate(state, kind, serial);
      if (!certificate) throw new TypeError('a citizen without the certificate of record');
      return {
        condition: conditionOf(certificate, this.#clock()),
        reason: certificate.revocation?.reason ?? null,
        notAfter: new Date(certificate.notAfter).toISOString(),
        generation: certificate.generation,
      };
    };
    const device = ({ user, signing }: LatestSerials): DeviceSummary => ({
      user: summaryOf('user', user),
      signing: signing === null ? null : summaryOf('signing', signing),
    });
    return { name, label, ...device(card), phone: phone ? device(phone) : null };
  }
}

function findCitizen(state: AuthorityState, name: string): Citizen {
  const citizen = state.citizens.find((candidate) => candidate.name === name);
  if (!citizen) throw new HubError('citizen_unknown', 404, 'There is no citizen of that name.');
  return citizen;
}

/** Without members that are undefined, which would otherwise hide a default. */
const definedOf = (attributes: Partial<FourAttributes>): Partial<FourAttributes> =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
