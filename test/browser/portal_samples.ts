import type { PortalClaim, PortalInputs } from '../../views/portal_models.ts';
import type { ShownType } from '../../views/portal_values.ts';

/* The portal's pages in a plausible state, for the sample server. */

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 30, 3, 15);

const library = {
  clientId: 'rp-library',
  name: 'みなと市立図書館 オンライン予約',
  host: 'library.minato.example',
  isRegistered: true,
};
const clinic = { clientId: 'rp-clinic', name: 'みどり診療所', host: 'clinic.example', isRegistered: true };
const shop = { clientId: 'rp-shop', name: '港町商店', host: undefined, isRegistered: false };

/** By their words in the catalogue. */
const CLAIMS: Readonly<Record<string, string>> = {
  ...{
    sub: 'このサービス専用の識別番号',
    card_status: 'カードが有効であること',
    health_insurance_valid: '健康保険が有効かどうか',
  },
  ...{ name: '氏名', address: '住所', birthdate: '生年月日' },
};
const claims = (...names: string[]): PortalClaim[] => names.map((name) => ({ name, label: CLAIMS[name] ?? name }));

const bilingual = (ja: string, en: string) => ({ ja, en });
const text = (format?: string): ShownType => ({ kind: 'text', format });
const yen: ShownType = { kind: 'integer', unit: '円' };
const measure = (unit?: string, ordinary?: { minimum?: number; maximum?: number }): ShownType => ({
  ...{ kind: 'number', unit, ordinary },
});

const insurance: ShownType = {
  kind: 'object',
  members: {
    insurer_number: { label: bilingual('保険者番号', 'Insurer number'), type: text() },
    symbol: { label: bilingual('記号', 'Symbol'), type: text() },
    number: { label: bilingual('番号', 'Number'), type: text() },
    qualified_on: { label: bilingual('資格取得日', 'Insured since'), type: text('date') },
    share: { label: bilingual('負担割合', 'Share of the cost'), type: text() },
    insurer_name: { label: bilingual('保険者名', 'Insurer'), type: text() },
  },
};
const costs: ShownType = {
  kind: 'list',
  items: {
    kind: 'object',
    members: {
      month: { label: bilingual('診療年月', 'Month'), type: text('month') },
      kind: {
        label: bilingual('区分', 'Kind'),
        type: { kind: 'text', values: { medical: bilingual('医科', 'medical'), dental: bilingual('歯科', 'dental') } },
      },
      institution: { label: bilingual('医療機関', 'Institution'), type: text() },
      total: { label: bilingual('医療費の総額', 'Total cost'), type: yen },
      paid: { label: bilingual('窓口で支払った額', 'Paid at the counter'), type: yen },
    },
  },
};
const checkup: ShownType = {
  kind: 'list',
  items: {
    kind: 'object',
    members: {
      date: { label: bilingual('受診日', 'Date'), type: text('date') },
      weight: { label: bilingual('体重', 'Weight'), type: measure('kg') },
      bmi: { label: bilingual('BMI', 'BMI'), type: measure(undefined, { minimum: 18.5, maximum: 24.9 }) },
      systolic: { label: bilingual('収縮期血圧', 'Systolic blood pressure'), type: measure('mmHg', { maximum: 129 }) },
      eyesight: { label: bilingual('視力（右）', 'Eyesight, right'), type: measure(undefined, { minimum: 0.7 }) },
      judgement: { label: bilingual('総合判定', 'Judgement'), type: text() },
    },
  },
};

const attributes: PortalInputs['portal_attributes']['attributes'] = [
  {
    ...{ label: '氏名', explanation: '' },
    type: text(),
    value: '見本　太郎',
    source: '署名用電子証明書',
    asOf: NOW - 400 * DAY,
    isCurrent: true,
  },
  {
    ...{ label: '住所', explanation: '' },
    type: { kind: 'object', members: { formatted: { label: bilingual('住所', 'Address'), type: text() } } },
    value: { formatted: '東京都千代田区永田町９－９－９　見本ハイツ１０１号室' },
    source: '署名用電子証明書',
    asOf: NOW - 400 * DAY,
    isCurrent: false,
  },
  {
    ...{ label: '健康保険の資格情報', explanation: '' },
    type: insurance,
    value: {
      ...{ insurer_number: '06139000', symbol: '1234', number: '56', qualified_on: '2019-04-01', share: '3割' },
      insurer_name: '見本健康保険組合',
    },
    source: '見本健康保険組合',
    asOf: NOW,
    isCurrent: true,
  },
  {
    ...{ label: '医療費の記録', explanation: '' },
    type: costs,
    value: [
      { month: '2026-10', kind: 'medical', institution: 'みどり診療所', total: 12_340, paid: 3_700 },
      { month: '2026-08', kind: 'dental', institution: '港町歯科医院', total: 8_200, paid: 2_460 },
    ],
    source: '見本健康保険組合',
    asOf: NOW,
  },
  {
    ...{ label: '健康診断の結果', explanation: '' },
    type: checkup,
    value: [
      { date: '2026-06-03', weight: 74.2, bmi: 25.7, systolic: 138, eyesight: 1.2, judgement: '要経過観察' },
      { date: '2025-06-05', weight: 71, bmi: 24.6, systolic: 127, eyesight: 1.2, judgement: '異常なし' },
      { date: '2024-06-04', weight: 69.8, bmi: 24.2, systolic: 124, eyesight: 0.6, judgement: '異常なし' },
    ],
    source: '見本健康保険組合',
    asOf: NOW,
  },
  { label: '年金の記録', explanation: '', type: undefined },
];

const consent: PortalInputs['portal_consents']['live'][number] = {
  id: '6b1f4b3e-0000-4000-8000-000000000001',
  party: library,
  granted: claims('sub', 'card_status', 'name'),
  declined: claims('birthdate'),
  purpose: '図書の予約と貸出の本人確認のため',
  grantedAt: NOW - 30 * DAY,
  expiresAt: NOW + 335 * DAY,
  endedAt: undefined,
  state: 'live',
  period: 'lasting',
  receipts: [{ event: 'granted', path: '/portal/receipts/1' }],
};
const ended: typeof consent = {
  ...consent,
  id: '6b1f4b3e-0000-4000-8000-000000000002',
  ...{ party: shop, granted: claims('sub'), declined: [], purpose: undefined, state: 'withdrawn', endedAt: NOW - DAY },
  receipts: [],
};

const disclosures: PortalInputs['portal_history']['items'] = [
  {
    party: clinic,
    claims: [
      ...claims('sub'),
      ...claims('health_insurance_valid').map((claim) => ({ ...claim, source: '見本健康保険組合' })),
    ],
    at: NOW,
    exit: 'userinfo',
    isDelivered: true,
    consentedAt: NOW - DAY,
  },
  {
    party: library,
    claims: claims('sub', 'name', 'address'),
    at: NOW - DAY,
    exit: 'id_token',
    isDelivered: true,
    consentedAt: NOW - 30 * DAY,
  },
  { party: shop, claims: claims('sub'), at: NOW - 5 * DAY, exit: 'assertion', isDelivered: false },
];

const history: PortalInputs['portal_history'] = {
  counts: [
    { party: clinic, claims: claims('sub', 'card_status'), count: 12, lastAt: NOW },
    { party: library, claims: claims('sub', 'name', 'address'), count: 5, lastAt: NOW - DAY },
    { party: shop, claims: claims('sub'), count: 1, lastAt: NOW - 5 * DAY },
  ],
  counted: 10_000,
  parties: [clinic, library, shop],
  claims: claims('sub', 'card_status', 'name', 'address'),
  chosen: {},
  isDateWrong: false,
  items: disclosures,
  olderPath: '/portal/history?before=7',
};

const cards: PortalInputs['portal_cards']['cards'] = [
  {
    ...{ kind: 'user', state: 'good', method: 'linkage', boundAt: NOW - 20 * DAY, checkedAt: NOW },
    notAfter: NOW + 1800 * DAY,
  },
  {
    ...{ kind: 'user', state: 'superseded', method: 'none', boundAt: NOW - 900 * DAY, checkedAt: NOW - 21 * DAY },
    notAfter: NOW - 19 * DAY,
  },
];
const sessions: PortalInputs['portal_sessions']['sessions'] = [
  {
    ...{ handle: 'this', isThis: true, signedInAt: NOW, expiresAt: NOW + DAY, method: 'challenge' },
    parties: [clinic, library],
  },
  { handle: 'other', isThis: false, signedInAt: NOW - DAY / 2, expiresAt: NOW + DAY / 2, method: 'tls', parties: [] },
];
const notices: PortalInputs['portal_notices']['notices'] = [
  { kind: 'card_renewed', at: NOW - 20 * DAY },
  { kind: 'device_added', at: NOW - 300 * DAY },
];

type PortalSamples = {
  [Name in keyof PortalInputs]: { page: Name; input: PortalInputs[Name] };
}[keyof PortalInputs];

export const portalSamples: Readonly<Record<string, PortalSamples>> = {
  portal: {
    page: 'portal_top',
    input: {
      ...{
        name: '見本　太郎',
        signedInAt: NOW,
        otherSignInAt: NOW - DAY,
        tasks: ['enrol_again', 'mail_refused'],
        notices,
      },
      enrolmentPath: '/portal/sign-in?again=yes',
    },
  },
  'portal-attributes': { page: 'portal_attributes', input: { attributes } },
  'portal-consents': {
    page: 'portal_consents',
    input: { live: [consent], past: [ended], olderPath: '/portal/consents?after=1' },
  },
  'portal-history': { page: 'portal_history', input: history },
  'portal-history-filtered': {
    page: 'portal_history',
    input: { ...history, counts: [], items: [], chosen: { claim: 'name', from: '2026-13' }, isDateWrong: true },
  },
  'portal-cards': { page: 'portal_cards', input: { cards } },
  'portal-sessions': { page: 'portal_sessions', input: { sessions } },
  'portal-providers': {
    page: 'portal_providers',
    input: {
      memberships: [
        {
          ...{ id: '1', boundAt: NOW - DAY, needsSignIn: false },
          provider: { id: 'a', name: '見本健康保険組合', kind: 'insurer' },
        },
        {
          ...{ id: '2', boundAt: NOW - 90 * DAY, needsSignIn: true },
          provider: { id: 'c', name: '見本ポイントカード', kind: 'card_issuer' },
        },
      ],
      others: [{ id: 'b', name: '見本カード', kind: 'card_issuer' }],
    },
  },
  'portal-connect': {
    page: 'portal_connect',
    input: {
      ...{ csrf: 'a form token', provider: { id: 'a', name: '見本健康保険組合', kind: 'insurer' } },
      entries: [
        { name: 'symbol', label: '記号', maxLength: 20, isOptional: true, value: '' },
        { name: 'number', label: '番号', maxLength: 20, isOptional: false, value: '56' },
      ],
      errorCode: 'membership_not_confirmed',
    },
  },
  'portal-connect-by-sign-in': {
    page: 'portal_connect',
    input: {
      ...{ csrf: 'a form token', provider: { id: 'c', name: '見本ポイントカード', kind: 'card_issuer' }, entries: [] },
      ...{ signInHost: 'sign-in.points.example', errorCode: 'membership_sign_in_cancelled' },
    },
  },
  'portal-notices': { page: 'portal_notices', input: { notices, offersMail: true } },
  'portal-mail': {
    page: 'portal_mail',
    input: { csrf: 'token', address: undefined, refusedAt: undefined, pending: undefined, code: '', entered: '' },
  },
  'portal-mail-to-confirm': {
    page: 'portal_mail',
    input: {
      ...{ csrf: 'token', address: 'taro@example.jp', code: '0123456789', entered: '', errorCode: 'mail_code_wrong' },
      refusedAt: undefined,
      pending: { address: 'a-very-long-name-of-somebody@department.example.jp', until: NOW + DAY, isRefused: false },
    },
  },
  'portal-mail-refused': {
    page: 'portal_mail',
    input: {
      ...{ csrf: 'token', address: 'taro@example.jp', refusedAt: NOW - DAY, code: '', entered: '' },
      pending: { address: 'a-very-long-name-of-somebody@department.example.jp', until: NOW + DAY, isRefused: true },
    },
  },
  'portal-download': { page: 'portal_download', input: {} },
  'portal-record': {
    page: 'portal_record',
    input: {
      ...{ at: NOW, isCut: true, cards: cards.slice(0, 1), sessions, notices: notices.slice(0, 1) },
      ...{ attributes: attributes.slice(0, 1), consents: [consent], disclosures: disclosures.slice(0, 2) },
      memberships: [{ name: '見本健康保険組合', boundAt: NOW - DAY }],
      mailAddress: 'a-very-long-name-of-somebody@department.example.jp',
      reports: [{ reference: 'R-7K2M-9QXT', kind: 'disclosure', at: NOW - DAY, text: '知らない提供がありました。' }],
    },
  },
  'portal-report': {
    page: 'portal_report',
    input: {
      ...{ csrf: 'a form token', parties: [clinic, library], kind: undefined, clientId: 'rp-clinic' },
      ...{ text: '', limit: 1000, problems: ['missing', 'missingKind'] },
    },
  },
  'portal-withdraw': {
    page: 'portal_confirm',
    input: {
      ...{ decision: 'withdraw', csrf: 'a form token', fields: {}, backPath: '/portal/consents', party: library },
      ...{ action: '/portal/consents/1/withdraw', claims: claims('sub', 'card_status', 'name') },
    },
  },
  'portal-lock': {
    page: 'portal_confirm',
    input: {
      ...{ decision: 'lock', csrf: 'a form token', fields: {}, backPath: '/portal', action: '/portal/lock' },
    },
  },
  'portal-locked': { page: 'portal_done', input: { done: 'locked', reference: 'L-7K2M-9QXT' } },
};
