import type { FourAttributes } from '../pki/index.ts';
import type { Label } from './state.ts';

/** What is special about a citizen's certificates, with the words that a card's label ends with. */
export const SCENARIOS = {
  ordinary: { ja: '通常のカード', en: 'ordinary card' },
  'attributes-changed': { ja: '転居済み・署名用証明書は失効', en: 'has moved, signing certificate revoked' },
  'card-lost': { ja: 'カード紛失・一時停止中', en: 'card lost, certificates on hold' },
  deceased: { ja: '死亡により失効', en: 'deceased, certificates revoked' },
  renewed: { ja: '更新後の新しいカード', en: 'new card after renewal' },
  expired: { ja: '有効期限切れ', en: 'certificates expired' },
  'substitute-characters': { ja: '代替文字を含む氏名', en: 'substitute characters in the name' },
  child: { ja: '15歳未満・署名用証明書なし', en: 'under 15, no signing certificate' },
  'expired-authority': { ja: '期限切れの認証局が発行', en: 'issued under an expired authority certificate' },
} as const satisfies Record<string, Label>;
export type Scenario = keyof typeof SCENARIOS;

/** The card that the renewed one replaced. */
export const OLD_CARD: Label = { ja: '更新前の古いカード', en: 'old card from before the renewal' };

/** What the label of a phone says, behind the card's. */
export const PHONE: Label = { ja: 'スマートフォン', en: 'phone' };

/** A person to be issued a card. */
export interface CitizenSpec {
  /** File-safe name of the card. */
  name: string;
  scenario: Scenario;
  attributes: FourAttributes;
  /** In Latin letters, for labels. */
  romanName: string;
  municipality: string;
  /** Where the person has moved to; only with `attributes-changed`. */
  newAddress?: string;
  /** Instead of name and scenario. */
  label?: Label;
}

/** Nobody's data: names, addresses and dates are made up. */
export const SANDBOX_CITIZENS: readonly CitizenSpec[] = [
  {
    name: 'taro',
    scenario: 'ordinary',
    romanName: 'Taro Yamada',
    municipality: '13101',
    attributes: {
      name: '山田　太郎',
      address: '東京都千代田区霞が関９－９－１',
      birthDate: '1985-03-15',
      gender: '1',
    },
  },
  {
    name: 'ichiro',
    scenario: 'ordinary',
    romanName: 'Ichiro Sato',
    municipality: '01203',
    attributes: {
      name: '佐藤　一郎',
      address: '北海道小樽市色内９－８－７',
      birthDate: '1948-11-03',
      gender: '1',
    },
  },
  {
    name: 'hanako',
    scenario: 'attributes-changed',
    romanName: 'Hanako Suzuki',
    municipality: '13221',
    attributes: {
      name: '鈴木　花子',
      address: '東京都清瀬市中里９－１２３',
      birthDate: '1990-07-21',
      gender: '2',
    },
    newAddress: '神奈川県鎌倉市大町９－４－５',
  },
  {
    name: 'jiro',
    scenario: 'card-lost',
    romanName: 'Jiro Takahashi',
    municipality: '27203',
    attributes: {
      name: '高橋　次郎',
      address: '大阪府豊中市本町９－１０－１１',
      birthDate: '1972-01-30',
      gender: '1',
    },
  },
  {
    name: 'umeko',
    scenario: 'deceased',
    romanName: 'Umeko Ito',
    municipality: '14204',
    attributes: {
      name: '伊藤　梅子',
      address: '神奈川県鎌倉市由比ガ浜９－２－３',
      birthDate: '1936-02-08',
      gender: '2',
    },
  },
  {
    name: 'keiko',
    scenario: 'renewed',
    romanName: 'Keiko Watanabe',
    municipality: '13101',
    attributes: {
      name: '渡辺　恵子',
      address: '東京都千代田区神田神保町９－２７',
      birthDate: '1978-05-20',
      gender: '2',
    },
  },
  {
    name: 'saburo',
    scenario: 'expired',
    romanName: 'Saburo Nakamura',
    municipality: '47201',
    attributes: {
      name: '中村　三郎',
      address: '沖縄県那覇市泉崎９－１－２',
      birthDate: '1960-09-09',
      gender: '1',
    },
  },
  {
    name: 'tanaka-sub',
    scenario: 'substitute-characters',
    romanName: 'Yoshie Tanaka',
    municipality: '14204',
    attributes: {
      name: '田中　吉恵',
      address: '神奈川県鎌倉市扇ガ谷９－６－１',
      birthDate: '1999-12-31',
      gender: '2',
      nameSubstitutes: '00010',
      addressSubstitutes: '000000010000000',
    },
  },
  {
    name: 'mei',
    scenario: 'child',
    romanName: 'Mei Kobayashi',
    municipality: '13221',
    attributes: {
      name: '小林　芽衣',
      address: '東京都清瀬市松山９－１－１０',
      birthDate: '2018-07-07',
      gender: '2',
    },
  },
  {
    name: 'mukashi',
    scenario: 'expired-authority',
    romanName: 'Kazuo Mukai',
    municipality: '13101',
    attributes: {
      name: '向井　和夫',
      address: '東京都千代田区九段南９－３－２',
      birthDate: '1955-10-10',
      gender: '1',
    },
  },
];
