import type { Problem } from './relying_party_error.ts';
import type { Language, SiteName } from './sites.ts';
import type { Notice } from './visitors.ts';

interface Text {
  title: string;
  paragraphs: readonly string[];
}

interface VisitText {
  title: string;
  text: string;
}

/** What a site makes of the claim that the visit is about. */
interface VisitWords {
  label: string;
  yes: (value: string) => VisitText;
  no: VisitText;
  unavailable: (absence: string) => VisitText;
  notGiven: VisitText;
  /** Asks the hub, and so the provider, once more. */
  again: string;
}

export interface Words {
  skip: string;
  otherLanguage: string;
  language: string;
  demoNote: string;
  home: string;
  privacy: string;
  terms: string;

  fronts: Readonly<Record<SiteName, { title: string; lead: string }>>;
  signIn: string;
  signInNote: string;
  asksTitle: string;
  asksNote: string;
  stepsTitle: string;
  steps: readonly string[];

  /** What came of the visit, by the site. */
  visits: Readonly<Record<SiteName, VisitWords>>;
  greeting: (name: string | undefined) => string;
  greetingLead: string;
  identityTitle: string;
  sub: string;
  subNote: string;
  acr: string;
  acrMeaning: string;
  amr: string;
  amrMeanings: Readonly<Record<string, string>>;
  authTime: string;
  unknown: string;
  claimsTitle: string;
  claimsNote: string;
  claims: Readonly<Record<string, string>>;
  given: string;
  notGiven: string;
  notGivenNote: string;
  unavailable: string;
  /** Beside a claim that the hub marks as no longer vouched for. */
  stale: string;
  source: string;
  asOf: string;
  validUntil: string;
  /** Sources by the names that `claims_provenance` has for them: those that these sites have to do with. */
  sources: Readonly<Record<string, string>>;
  /** By the `reason` of `claims_unavailable`. */
  absences: Readonly<Record<string, (source: string) => string>>;
  insuranceValid: { yes: string; no: string };
  cardEnding: (brand: string, lastDigits: string) => string;
  cardGood: string;
  cardCheckedAt: string;
  cardSource: string;
  cardAsOf: string;
  cardSources: Readonly<Record<string, string>>;
  genders: Readonly<Record<string, string>>;
  otherTitle: string;
  otherNote: (name: string) => string;
  otherLink: (name: string) => string;
  controlTitle: string;
  controlText: string;
  controlLink: string;
  signOut: string;
  technicalTitle: string;
  idToken: string;
  userinfo: string;

  notices: Readonly<Record<Notice, { title: string; text?: string }>>;
  problems: Readonly<Record<Problem, Text>>;
  hubCode: string;
  tryAgain: string;
  backToFront: string;
  texts: Readonly<Record<'privacy' | 'terms', Text>>;
}

const ja: Words = {
  skip: '本文へ移動',
  otherLanguage: 'English',
  language: '言語',
  demoNote: '検証環境のデモサイト',
  home: 'トップページ',
  privacy: 'プライバシーについて',
  terms: '利用規約',

  fronts: {
    clinic: {
      title: '保険証を出さずに、受付を済ませる',
      lead: 'マイナンバーカードでサインインすると、今日の健康保険の資格を、加入している保険者に確かめられます。渡す情報は、あなたが選びます。',
    },
    shop: {
      title: 'カード番号を入力せずに、お支払い',
      lead: 'マイナンバーカードでサインインすると、お支払いに使うカードを、カード会社から受け取れます。カード番号そのものは、この店に渡りません。',
    },
  },
  signIn: 'マイナンバーカードでサインイン',
  signInNote: 'サインインの画面（Musubi）に移ります。カードの暗証番号がこのサイトに渡ることはありません。',
  asksTitle: 'このサイトがお願いする情報',
  asksNote: 'どの情報を渡すかは、次の画面でご自身が選びます。',
  stepsTitle: 'サインインの流れ',
  steps: [
    'サインインのボタンを押します。',
    'カードを選び、カードソフトの画面で暗証番号を入力します。',
    '渡す情報を確かめて同意します。2回目からは不要です。',
    'このサイトに戻ります。',
  ],

  visits: {
    clinic: {
      label: '今日の受付',
      yes: () => ({
        title: '今日の健康保険の資格を確認しました',
        text: '保険証の提示は要りません。待合室でお待ちください。',
      }),
      no: {
        title: '今日の健康保険の資格がありません',
        text: '保険者から、今日は資格がないと返事がありました。受付の窓口でご相談ください。',
      },
      unavailable: (absence) => ({
        title: 'いまは資格を確かめられませんでした',
        text: `${absence}ほかの情報は受け取れています。お急ぎのときは、窓口で保険証をお見せください。`,
      }),
      notGiven: {
        title: '健康保険の資格は受け取っていません',
        text: '窓口で保険証をお見せください。保険者との連携や同意は、Musubi でいつでもできます。',
      },
      again: 'もう一度確かめる',
    },
    shop: {
      label: 'お支払い',
      yes: (card) => ({ title: `${card}でお支払いいただけます`, text: 'カード番号を入力する必要はありません。' }),
      no: { title: 'このカードではお支払いいただけません', text: '別の方法でお支払いください。' },
      unavailable: (absence) => ({
        title: 'いまはカードを確かめられませんでした',
        text: `${absence}ほかの情報は受け取れています。別の方法でのお支払いもできます。`,
      }),
      notGiven: {
        title: 'お支払いのカードは受け取っていません',
        text: '別の方法でお支払いいただけます。カード会社との連携や同意は、Musubi でいつでもできます。',
      },
      again: 'もう一度確かめる',
    },
  },
  greeting: (name) => (name === undefined ? 'サインインしました' : `${name} さん、こんにちは`),
  greetingLead: 'このサイトがあなたについて知っていることは、このページに書かれているものだけです。',
  identityTitle: 'あなたの識別子',
  sub: '識別子（sub）',
  subNote: 'このサイトだけの識別子です。次に来たときも同じで、ほかのサイトでは別のものになります。',
  acr: '認証の強さ（acr）',
  acrMeaning: 'カードと暗証番号による認証。最も高い水準です。',
  amr: '認証の方法（amr）',
  amrMeanings: {
    sc: 'スマートカード',
    pin: '暗証番号',
    hwk: 'カード内の鍵',
    mfa: '多要素',
  },
  authTime: '認証した日時（auth_time）',
  unknown: '不明',
  claimsTitle: '渡された情報',
  claimsNote: 'このサイトがお願いした情報と、渡されたものです。',
  claims: {
    sub: '識別子（次回も同じ方だと分かる）',
    card_status: 'カードの有効性',
    name: '氏名',
    address: '住所',
    birthdate: '生年月日',
    gender: '性別',
    health_insurance_valid: '健康保険の資格（今日）',
    payment_token: '支払いに使うカード',
  },
  given: '渡されました',
  notGiven: '渡されていません',
  notGivenNote: '同意しなかったか、Musubi に登録がありません。なくてもこのサイトは使えます。',
  unavailable: '受け取れませんでした',
  stale: '登録のあとで変わった可能性があります。',
  source: '情報の出どころ',
  asOf: 'いつの情報か',
  validUntil: 'いつまで有効か',
  sources: {
    jpki_signing_certificate: '署名用電子証明書',
    jpki_latest_attributes: '認証局が伝えた最新の情報',
    'musubi-kenpo': 'むすび健康保険組合',
    'musubi-kokuho': 'むすび市国民健康保険',
    'musubi-card': 'むすびカード',
    'musubi-points': 'むすびポイントカード',
  },
  absences: {
    not_available: (source) => `「${source}」から返事がありませんでした。`,
    not_told: (source) => `「${source}」には、この情報がありませんでした。`,
    not_fresh: (source) => `「${source}」の情報が古く、使えませんでした。`,
    not_possible: (source) => `「${source}」には、このようには尋ねられませんでした。`,
  },
  insuranceValid: { yes: '資格があります。', no: '資格がありません。' },
  cardEnding: (brand, lastDigits) => `${brand}（末尾${lastDigits}）`,
  cardGood: 'カードは有効です。',
  cardCheckedAt: '確認した日時',
  cardSource: '確認の方法',
  cardAsOf: '情報の時点',
  cardSources: { crl: '失効リスト（CRL）', ocsp: 'オンライン照会（OCSP）' },
  genders: { male: '男性', female: '女性', '1': '男性', '2': '女性', '3': '不明', '9': '不明' },
  otherTitle: 'もう一つのサイトでも試す',
  otherNote: (name) => `${name}では、あなたは別の識別子になります。識別子を突き合わせても、同じ方だとは分かりません。`,
  otherLink: (name) => `${name}を開く`,
  controlTitle: '決めるのは、あなたです',
  controlText: 'このサイトにいつ何が渡ったかは、すべて Musubi に記録されています。同意は、いつでも取り消せます。',
  controlLink: 'Musubi のマイページを開く',
  signOut: 'サインアウト',
  technicalTitle: '開発者の方へ：受け取った内容',
  idToken: 'ID トークンの中身',
  userinfo: 'UserInfo の応答',

  notices: {
    signed_out: { title: 'サインアウトしました。' },
    signed_out_here_only: {
      title: 'このサイトからサインアウトしました。',
      text: 'Musubi にはつながりませんでした。共用の端末では、ブラウザーをすべて閉じてください。',
    },
    signed_out_at_hub: {
      title: 'このサイトからもサインアウトしました。',
      text: 'Musubi でサインアウトしたか、このサイトへの同意を取り消したためです。受け取った情報は消しました。',
    },
    still_signed_in: { title: '情報を受け取り直しました。', text: 'Musubi でのサインインは続いています。' },
    no_consent_now: {
      title: 'このサイトへの同意が、いまはありません。',
      text: '取り消したか、期限が過ぎたか、1回だけの同意でした。Musubi は何も渡さず、受け取っていた情報は消しました。',
    },
    not_signed_in_at_hub: {
      title: 'もう一度サインインしてください。',
      text: 'Musubi でのサインインは終わっています。',
    },
  },
  problems: {
    access_denied: {
      title: 'サインインを中止しました',
      paragraphs: [
        '情報を渡すことに同意されなかったか、サインインが取り消されました。このサイトには何も渡っていません。',
        '気が変わったら、いつでももう一度お試しください。',
      ],
    },
    sign_in_unknown: {
      title: 'このサインインは続けられません',
      paragraphs: [
        'このブラウザーで始めたサインインが見つかりません。時間がたち過ぎたか、別のブラウザーや古い画面から戻ってきた可能性があります。',
        'もう一度サインインしてください。Cookie を止めている場合は、許可してください。',
      ],
    },
    answer_refused: {
      title: 'サインインを確かめられませんでした',
      paragraphs: [
        '受け取った応答が正しいものと確認できなかったため、使いませんでした。サインインはしていません。',
        'もう一度サインインしてください。続くときは、このサイトの運営者にお知らせください。',
      ],
    },
    assurance_too_low: {
      title: 'カードでの認証が必要です',
      paragraphs: [
        'このサイトは、マイナンバーカードと暗証番号による認証だけを受け付けます。',
        'もう一度サインインし、カードを使ってください。',
      ],
    },
    hub_refused: {
      title: 'Musubi がサインインを受け付けませんでした',
      paragraphs: [
        '一時的な障害か、このサイトの設定の問題です。あなたのカードの問題ではありません。',
        '少し待って、もう一度お試しください。続くときは、下の記号をこのサイトの運営者にお知らせください。',
      ],
    },
    hub_unreachable: {
      title: 'Musubi につながりません',
      paragraphs: [
        'サインインの仕組み（Musubi）が動いていないか、まだ準備中です。',
        '1分ほど待って、もう一度お試しください。',
      ],
    },
    logout_token_refused: {
      title: 'サインアウトの通知を受け付けませんでした',
      paragraphs: ['通知が正しいものと確認できませんでした。'],
    },
    foreign_origin: {
      title: '別のサイトからの操作は受け付けません',
      paragraphs: ['トップページを開き、そこからもう一度操作してください。'],
    },
    page_unknown: {
      title: 'ページが見つかりません',
      paragraphs: ['アドレスが変わったか、間違っています。トップページからお探しください。'],
    },
    failed: {
      title: '問題が起きました',
      paragraphs: ['このサイトの不具合です。少し待って、もう一度お試しください。'],
    },
  },
  hubCode: '記号',
  tryAgain: 'もう一度サインインする',
  backToFront: 'トップページへ戻る',
  texts: {
    privacy: {
      title: 'プライバシーについて',
      paragraphs: [
        'これは検証環境のデモサイトです。登場する人物もカードもすべて架空のものです。',
        '受け取った情報はサインインしている間だけメモリーに置かれ、サインアウトするか1時間たつか、このプログラムが終わると消えます。ファイルやデータベースには保存しません。',
        'カードの番号、証明書、暗証番号を受け取ることはありません。',
      ],
    },
    terms: {
      title: '利用規約',
      paragraphs: [
        'これは検証環境のデモサイトで、実際の診療や販売は行っていません。',
        '本物の個人情報を入力しないでください。',
      ],
    },
  },
};

const en: Words = {
  skip: 'Skip to main content',
  otherLanguage: '日本語',
  language: 'Language',
  demoNote: 'A demo site of the sandbox',
  home: 'Front page',
  privacy: 'Privacy',
  terms: 'Terms of use',

  fronts: {
    clinic: {
      title: 'Check in without your insurance card',
      lead: 'Sign in with your My Number Card, and your own insurer can tell us that you are insured today. You choose what is shared.',
    },
    shop: {
      title: 'Pay without typing a card number',
      lead: 'Sign in with your My Number Card, and your card issuer can tell us which card you pay with. The card number itself never reaches this shop.',
    },
  },
  signIn: 'Sign in with My Number Card',
  signInNote: 'You go to the sign-in page (Musubi). This site never learns your card’s PIN.',
  asksTitle: 'What this site asks for',
  asksNote: 'You decide on the next pages what to give.',
  stepsTitle: 'How it goes',
  steps: [
    'Press the sign-in button.',
    'Choose your card, and type its PIN in the card software’s own window.',
    'See what would be given, and agree. The next time you are not asked again.',
    'You are back here.',
  ],

  visits: {
    clinic: {
      label: 'Check-in today',
      yes: () => ({
        title: 'Your health insurance is valid today',
        text: 'No need to show an insurance card. Please take a seat in the waiting room.',
      }),
      no: {
        title: 'Your health insurance is not valid today',
        text: 'Your insurer says that you are not insured with it today. Please come to the reception desk.',
      },
      unavailable: (absence) => ({
        title: 'Your insurance could not be checked just now',
        text: `${absence} The rest has come. If you are in a hurry, show your insurance card at the desk.`,
      }),
      notGiven: {
        title: 'We were not told about your insurance',
        text: 'Please show your insurance card at the desk. You can connect your insurer and agree at any time, at Musubi.',
      },
      again: 'Check again',
    },
    shop: {
      label: 'Payment',
      yes: (card) => ({ title: `You can pay with ${card}`, text: 'There is no card number to type.' }),
      no: { title: 'You cannot pay with this card', text: 'Please pay in another way.' },
      unavailable: (absence) => ({
        title: 'Your card could not be checked just now',
        text: `${absence} The rest has come. You can also pay in another way.`,
      }),
      notGiven: {
        title: 'We were not told about a card',
        text: 'You can pay in another way. You can connect your card issuer and agree at any time, at Musubi.',
      },
      again: 'Check again',
    },
  },
  greeting: (name) => (name === undefined ? 'You are signed in' : `Hello, ${name}`),
  greetingLead: 'What is written on this page is all that this site knows about you.',
  identityTitle: 'Who you are here',
  sub: 'Identifier (sub)',
  subNote: 'For this site only: the same whenever you come back, and another one at every other site.',
  acr: 'Strength (acr)',
  acrMeaning: 'Card and PIN: the highest level there is.',
  amr: 'Methods (amr)',
  amrMeanings: { sc: 'smart card', pin: 'PIN', hwk: 'key in the card', mfa: 'more than one factor' },
  authTime: 'Card used (auth_time)',
  unknown: 'not known',
  claimsTitle: 'What was given',
  claimsNote: 'What this site asked for, and what came.',
  claims: {
    sub: 'An identifier, to recognise you the next time',
    card_status: 'Whether your card is valid',
    name: 'Name',
    address: 'Address',
    birthdate: 'Date of birth',
    gender: 'Sex',
    health_insurance_valid: 'Health insurance today',
    payment_token: 'Card to pay with',
  },
  given: 'Given',
  notGiven: 'Not given',
  notGivenNote: 'You did not agree to it, or Musubi does not hold it. This site works without it.',
  unavailable: 'Not available',
  stale: 'This may have changed since it was registered.',
  source: 'Source',
  asOf: 'As of',
  validUntil: 'Valid until',
  sources: {
    jpki_signing_certificate: 'signing certificate',
    jpki_latest_attributes: 'the authority’s latest word',
    'musubi-kenpo': 'Musubi Health Insurance Society',
    'musubi-kokuho': 'Musubi City National Health Insurance',
    'musubi-card': 'Musubi Card',
    'musubi-points': 'Musubi Points Card',
  },
  absences: {
    not_available: (source) => `${source} did not answer.`,
    not_told: (source) => `${source} does not have it.`,
    not_fresh: (source) => `What ${source} has is too old to use.`,
    not_possible: (source) => `${source} cannot be asked in this way.`,
  },
  insuranceValid: { yes: 'You are insured.', no: 'You are not insured.' },
  cardEnding: (brand, lastDigits) => `${brand} ending in ${lastDigits}`,
  cardGood: 'Your card is valid.',
  cardCheckedAt: 'Card checked',
  cardSource: 'Source',
  cardAsOf: 'As of',
  cardSources: { crl: 'revocation list (CRL)', ocsp: 'online enquiry (OCSP)' },
  genders: { male: 'male', female: 'female', '1': 'male', '2': 'female', '3': 'not known', '9': 'not known' },
  otherTitle: 'Try a second site',
  otherNote: (name) =>
    `At ${name} you will be somebody else: your identifier is another one, and comparing the two tells nobody that you are the same person.`,
  otherLink: (name) => `Open ${name}`,
  controlTitle: 'You decide',
  controlText: 'Musubi records all that was given to this site, and when. You can take your consent back at any time.',
  controlLink: 'Open my page at Musubi',
  signOut: 'Sign out',
  technicalTitle: 'For developers: what came back',
  idToken: 'Claims of the ID token',
  userinfo: 'Answer of userinfo',

  notices: {
    signed_out: { title: 'You are signed out.' },
    signed_out_here_only: {
      title: 'You are signed out of this site.',
      text: 'Musubi could not be reached. On a shared computer, close every browser window.',
    },
    signed_out_at_hub: {
      title: 'You are signed out of this site too.',
      text: 'You were signed out at Musubi, or took back your consent for this site. What was given is deleted.',
    },
    still_signed_in: { title: 'What is shown was received anew.', text: 'You are still signed in at Musubi.' },
    no_consent_now: {
      title: 'There is no consent for this site now.',
      text: 'You took it back, it has ended, or it was for one time only. Musubi gave nothing, and what had been given is deleted.',
    },
    not_signed_in_at_hub: { title: 'Please sign in again.', text: 'You are no longer signed in at Musubi.' },
  },
  problems: {
    access_denied: {
      title: 'The sign-in was stopped',
      paragraphs: [
        'You did not agree, or you cancelled. Nothing was given to this site.',
        'If you change your mind, try again at any time.',
      ],
    },
    sign_in_unknown: {
      title: 'This sign-in cannot go on',
      paragraphs: [
        'We find no sign-in that this browser began. Too much time may have passed, or you came back in another browser or from an old page.',
        'Sign in again. If you block cookies, allow them for this site.',
      ],
    },
    answer_refused: {
      title: 'The sign-in could not be verified',
      paragraphs: [
        'The answer that came back could not be proved right, so we did not use it. You are not signed in.',
        'Sign in again. If it keeps happening, tell the people who run this site.',
      ],
    },
    assurance_too_low: {
      title: 'Your card is needed',
      paragraphs: ['This site accepts nothing but My Number Card and PIN.', 'Sign in again and use your card.'],
    },
    hub_refused: {
      title: 'Musubi did not accept the sign-in',
      paragraphs: [
        'This is a passing fault or a mistake in this site’s settings; your card is fine.',
        'Wait a little and try again. If it keeps happening, tell the people who run this site the code below.',
      ],
    },
    hub_unreachable: {
      title: 'Musubi cannot be reached',
      paragraphs: [
        'The sign-in service (Musubi) is not running, or is still starting.',
        'Wait a minute and try again.',
      ],
    },
    logout_token_refused: {
      title: 'The sign-out notice was refused',
      paragraphs: ['It could not be proved right.'],
    },
    foreign_origin: {
      title: 'Not from another site',
      paragraphs: ['Open the front page and do it again from there.'],
    },
    page_unknown: {
      title: 'There is no such page',
      paragraphs: ['The address has changed or is wrong. Start from the front page.'],
    },
    failed: {
      title: 'Something went wrong',
      paragraphs: ['It is this site’s fault. Wait a little and try again.'],
    },
  },
  hubCode: 'Code',
  tryAgain: 'Sign in again',
  backToFront: 'Back to the front page',
  texts: {
    privacy: {
      title: 'Privacy',
      paragraphs: [
        'This is a demo site of the sandbox. Every person and every card in it is invented.',
        'What is given to it stays in memory while you are signed in. It is gone when you sign out, after one hour, or when this program ends; no file and no database ever holds it.',
        'It never receives a card’s number, a certificate or a PIN.',
      ],
    },
    terms: {
      title: 'Terms of use',
      paragraphs: [
        'This is a demo site of the sandbox: nobody is treated here and nothing is sold.',
        'Do not enter anybody’s real personal data.',
      ],
    },
  },
};

export const words: Readonly<Record<Language, Words>> = { ja, en };
