import type { Bilingual } from '../../../provider/attributes/catalogue/claim_type.ts';
import { CARRIED_FORMS, type CarriedForm } from '../../../provider/attributes/delivery.ts';
import type { EntryField, ProviderKind } from '../../../provider/attributes/providers/provider_store.ts';
import { SANDBOX_CITIZENS } from '../authority/sandbox_citizens.ts';

export type ProviderName = 'kenpo' | 'kokuho' | 'card' | 'points';

/** A customer as a sandbox provider keeps them. */
export interface Customer {
  /** What the provider calls them, also towards the hub. */
  readonly reference: string;
  /** What they know of it, by the names of the entries. */
  readonly knows: Readonly<Record<string, string>>;
  readonly name: string;
  readonly nameKana: string;
  readonly address: string;
  readonly birthdate: string;
  readonly gender: 'male' | 'female';
  /** `YYYY-MM-DD`; without the second they are a customer still. */
  readonly since: string;
  readonly until?: string;
}

/** How a provider is asked that runs an OpenID Provider (interface B). */
export interface OpenIdOffer {
  /** The hub's there. */
  readonly clientId: string;
  /** `openid offline_access` and its own. */
  readonly scope: string;
  /** Of its userinfo, by its own names. */
  readonly claims: readonly string[];
  /** By the catalogue's claims where they stand in it, as the operator of the hub registers it. */
  readonly places: Readonly<Record<string, string>>;
  /** @param record what it has of a claim of the catalogue. */
  claimsOf(record: (claim: string) => unknown, customer: Customer): Readonly<Record<string, unknown>>;
}

/** What sets a sandbox provider apart. */
export interface SandboxProvider {
  readonly id: string;
  readonly kind: ProviderKind;
  readonly names: Bilingual;
  readonly entries: readonly EntryField[];
  readonly offers: readonly string[];
  readonly forms: readonly CarriedForm[];
  readonly customers: readonly Customer[];
  /** In the place of the documented interface, and of `entries`. */
  readonly openId?: OpenIdOffer;
  /** Of insurers: what stands on their certificates. */
  readonly insurer?: {
    readonly number: string;
    readonly address: string;
    readonly office?: { readonly name: string; readonly address: string };
  };
}

const KANA: Readonly<Record<string, string>> = {
  taro: 'ヤマダ　タロウ',
  ichiro: 'サトウ　イチロウ',
  hanako: 'スズキ　ハナコ',
  keiko: 'ワタナベ　ケイコ',
  'tanaka-sub': 'タナカ　ヨシエ',
};

type Special = Pick<Customer, 'reference' | 'knows' | 'since' | 'until'>;

/** One of the sandbox's citizens as somebody's customer. */
function citizen(name: string, special: Special): Customer {
  const found = SANDBOX_CITIZENS.find((each) => each.name === name);
  if (!found) throw new Error(`the sandbox has no citizen ${name}`);
  const { address, birthDate, gender } = found.attributes;
  return {
    ...special,
    ...{ name: found.attributes.name, nameKana: KANA[name] ?? '', address, birthdate: birthDate },
    gender: gender === '2' ? 'female' : 'male',
  };
}

const entry = (name: string, ja: string, en: string, maxLength: number, isOptional = false): EntryField => ({
  ...{ name, label: { ja, en }, maxLength, isOptional },
});

const insuranceCard = [
  entry('symbol', '記号', 'Symbol', 20),
  entry('number', '番号', 'Number', 20),
  entry('branch', '枝番', 'Branch', 2, true),
];
const INSURER_OFFERS = ['health_insurance_valid', 'health_insurance', 'medical_costs', 'checkup_results'];

/** Nobody's data: numbers, offices and people are made up; the check digits are right. */
export const SANDBOX_PROVIDERS: Readonly<Record<ProviderName, SandboxProvider>> = {
  kenpo: {
    id: 'musubi-kenpo',
    kind: 'insurer',
    names: { ja: 'むすび健康保険組合', en: 'Musubi Health Insurance Society' },
    entries: insuranceCard,
    offers: INSURER_OFFERS,
    forms: CARRIED_FORMS,
    insurer: {
      number: '06139992',
      address: '東京都千代田区霞が関９－１',
      office: { name: '株式会社むすび', address: '東京都千代田区大手町９－１－１' },
    },
    customers: [
      citizen('taro', { reference: 'kenpo-0001', knows: { symbol: '12345', number: '6789' }, since: '2012-04-01' }),
      citizen('keiko', { reference: 'kenpo-0002', knows: { symbol: '12345', number: '7001' }, since: '2020-10-01' }),
      citizen('tanaka-sub', {
        ...{ reference: 'kenpo-0003', knows: { symbol: '12346', number: '15' } },
        ...{ since: '2018-04-01', until: '2025-03-31' },
      }),
    ],
  },
  kokuho: {
    id: 'musubi-kokuho',
    kind: 'insurer',
    names: { ja: 'むすび市国民健康保険', en: 'Musubi City National Health Insurance' },
    entries: insuranceCard,
    offers: [...INSURER_OFFERS, 'pension_record'],
    forms: CARRIED_FORMS,
    insurer: { number: '139998', address: '東京都むすび市中央９－９' },
    customers: [
      citizen('ichiro', { reference: 'kokuho-0001', knows: { symbol: '小樽', number: '4321' }, since: '2008-11-03' }),
      citizen('hanako', { reference: 'kokuho-0002', knows: { symbol: '清瀬', number: '8765' }, since: '2021-04-01' }),
    ],
  },
  card: {
    id: 'musubi-card',
    kind: 'card_issuer',
    names: { ja: 'むすびカード', en: 'Musubi Card' },
    entries: [entry('last_digits', 'カード番号の下4桁', 'Last four digits of the card number', 4)],
    offers: ['card_customer_valid', 'payment_token', 'spending_category'],
    // One that has implemented what everybody has to.
    forms: [],
    customers: [
      citizen('taro', { reference: 'card-0001', knows: { last_digits: '4242' }, since: '2016-05-10' }),
      citizen('ichiro', { reference: 'card-0002', knows: { last_digits: '0011' }, since: '1999-01-20' }),
      citizen('keiko', {
        reference: 'card-0003',
        knows: { last_digits: '7788' },
        since: '2010-07-01',
        until: '2026-01-31',
      }),
    ],
  },
  points: {
    id: 'musubi-points',
    kind: 'card_issuer',
    names: { ja: 'むすびポイントカード', en: 'Musubi Points Card' },
    entries: [],
    offers: ['card_customer_valid', 'spending_category'],
    forms: [],
    customers: [
      citizen('taro', { reference: 'points-0001', knows: {}, since: '2019-02-03' }),
      citizen('hanako', { reference: 'points-0002', knows: {}, since: '2022-12-24' }),
    ],
    openId: {
      clientId: 'musubi',
      scope: 'openid offline_access points',
      claims: ['membership', 'purchases'],
      places: { card_customer_valid: '/membership/active', spending_category: 'purchases' },
      claimsOf: (record, { since }) => ({
        membership: { active: record('card_customer_valid'), since, rank: 'gold' },
        purchases: record('spending_category'),
      }),
    },
  },
};
