import { jaConsentReceipt } from './ja_consent_receipt.ts';
import { jaEnrolment } from './ja_enrolment.ts';
import { jaLatestConsent } from './ja_latest_consent.ts';
import { jaMail } from './ja_mail.ts';
import { jaPortal } from './ja_portal.ts';

/**
 * The pages' words in plain, polite Japanese. English has the same keys: `Words` is this object's type.
 * Sentences that name a relying party are functions of its name.
 */
export const ja = {
  layout: {
    skipToMain: '本文へ移動',
    otherLanguage: 'English',
    switches: '言語と表示の設定',
    appearance: '表示の設定',
    textSize: '文字の大きさ',
    textSizes: { standard: '標準', large: '大', extra_large: '特大' },
    color: '画面の配色',
    colors: { auto: '自動', light: '明るい', dark: '暗い' },
    sandbox: '検証環境です。表示される人やカードは、すべて架空のものです。',
    footer: 'Musubi（結び）は、マイナンバーカードでサインインするための共通の窓口です。',
    footerPin: '暗証番号は、あなたの端末のソフトだけに入力します。Musubiやサービスには送られません。',
    errorTitle: (title: string) => `エラー：${title}`,
  },
  party: {
    heading: 'サインイン先のサービス',
    asking: '情報を求めているサービス',
    host: (host: string) => `サイト：${host}`,
    application: '端末のアプリ',
  },
  signIn: {
    title: 'マイナンバーカードでサインイン',
    stepsHeading: 'サインインの手順',
    steps: (name: string) => [
      '下のボタンを押します。カードを読み取るソフトの画面が、小さなウィンドウで開きます。',
      'その画面でカードを確かめ、利用者証明用電子証明書の暗証番号（数字4桁）を入力します。',
      `確認が終わると、この画面が「${name}」へ自動で進みます。`,
    ],
    button: 'マイナンバーカードでサインイン',
    pin: (name: string) => `暗証番号は、Musubiにも「${name}」にも送られません。`,
    cancel: (name: string) => `サインインせずに「${name}」に戻る`,
    noScriptTitle: 'JavaScriptを有効にしてください',
    noScript:
      'カードはあなたの端末につながっているため、読み取るにはこのページから端末のソフトを呼び出します。この呼び出しにだけJavaScriptが必要です。ブラウザーの設定で有効にして、ページを読み込み直してください。',
    timeLimit: (minutes: number) => `この画面は、開いてから${minutes}分間使えます。時間が過ぎたら、`,
    reload: '新しい画面でやり直してください',
    timeLimitEnd: '。',
    certificateTitle: 'ブラウザーからサインイン',
    certificate:
      'ブラウザーでカードの電子証明書を使えるように設定している方は、こちらからもサインインできます。ブラウザーが証明書を選ぶ画面を開いたら、利用者証明用電子証明書を選んでください。',
    certificateButton: 'ブラウザーの証明書でサインイン',
    helpTitle: 'カードリーダーやソフトが動かないとき',
    help: [
      '利用者クライアントソフトが起動しているか確かめてください。',
      'カードリーダーを端末につなぎ直し、カードを置き直してください。',
      'ポップアップを止める設定のときは、このサイトだけ許可してください。',
      '暗証番号を続けて3回間違えると、カードが使えなくなります。その場合は、お住まいの市区町村の窓口で再設定してください。',
    ],
    helpLink: 'ソフトの入手と起動の方法',
    reason: (name: string) => `「${name}」にサインインするため`,
    status: {
      opening: 'カードを読み取るソフトの画面を開いています。',
      waiting: 'カードを読み取るソフトの画面で、操作を続けてください。',
      checking: 'カードを確認しています。このままお待ちください。',
    },
    problem: {
      popup_blocked: {
        title: '小さなウィンドウを開けませんでした',
        body: 'ブラウザーがポップアップを止めています。このサイトのポップアップを許可してから、もう一度ボタンを押してください。',
      },
      agent_not_running: {
        title: 'カードを読み取るソフトから返事がありません',
        body: '利用者クライアントソフトを起動してから、もう一度ボタンを押してください。',
      },
      window_closed: {
        title: 'カードの読み取りを途中で終えました',
        body: 'ソフトの画面が閉じられました。続けるときは、もう一度ボタンを押してください。',
      },
      cancelled: {
        title: 'カードの読み取りを取りやめました',
        body: '続けるときは、もう一度ボタンを押してください。',
      },
      expired: {
        title: 'この画面の有効時間が過ぎました',
        body: '安全のため、古い画面ではサインインできません。新しい画面でやり直してください。',
      },
    },
  },
  certificateProblem: {
    again: 'もう一度、証明書でサインイン',
    anotherTitle: '別のカードや証明書を使うとき',
    another: [
      'カードリーダーのカードを取り外し、使うカードを置きます。',
      '「もう一度、証明書でサインイン」を押します。証明書を選ぶ画面が開いたら、利用者証明用電子証明書を選びます。',
      '証明書を選ぶ画面が開かないときは、ブラウザーが前の選択を覚えています。ブラウザーのウィンドウをすべて閉じてから、元のサービスのサイトでサインインをやり直してください。',
    ],
    otherWay: 'ほかの方法でサインイン',
  },
  consent: {
    title: '情報の提供に同意しますか',
    lead: (name: string) => `「${name}」が、次の情報を求めています。提供してよいか、あなたが決めてください。`,
    purpose: '利用目的',
    noPurpose: 'このサービスは、利用目的を登録していません。',
    claims: '提供する情報',
    claimsHint:
      '「必須」の情報がないと、このサービスは使えません。「任意」の情報は、提供してよいものだけ選んでください。',
    required: '必須',
    optional: '任意',
    unavailable: '提供しません',
    withheld: {
      not_held: '求められていますが、Musubiはこの情報を持っていません。',
      not_connected: '求められていますが、この情報を渡せる保険者やカード会社などと、まだ連携していません。',
      not_accepted:
        'このサービスは、この情報を受け取ることを認められていません。求められていますが、提供することはありません。',
    },
    connectLink: '保険者・カード会社と連携する',
    connectHint: '連携が済んだら、この画面に戻って読み込み直してください。',
    reload: 'この画面を読み込み直す',
    source: '情報の出どころ：',
    asked: '提供するときに、ここへ問い合わせて受け取ります。',
    keptTitle: 'これまでに決めたこと',
    keptHint: 'すでに決めた次の項目は、そのままです。',
    keptGranted: '提供する',
    keptDeclined: '提供しない',
    claimPurpose: (purpose: string) => `この情報の利用目的：${purpose}`,
    sealed: '情報元が暗号化して送ります。開けるのはこのサービスだけで、Musubiは内容を読めません。',
    periodTitle: 'この同意をいつまで有効にしますか',
    periods: {
      lasting: {
        label: '期間が終わるか、取り消すまで',
        hint: '次からは、新しい情報を求められたときだけお尋ねします。',
      },
      once: { label: '今回だけ', hint: '今回のサインインの間だけ提供します。次に使うときは、もう一度お尋ねします。' },
      every_time: {
        label: '毎回確認する',
        hint: '今回のサインインの間だけ提供します。次に使うときは、今回の選択を示してお尋ねします。',
      },
    },
    duration: '同意の期間',
    once: '今回のみ',
    days: (days: number) => `今日から${days}日間`,
    untilWithdrawn: 'あなたが取り消すまで',
    offline: 'あなたが画面を開いていないときにも、サービスは同意した情報を受け取れます。',
    statusCheck:
      'この期間中、サービスは、あなたのカードがまだ使えるか、登録した内容が今も正しいかを確かめられます。変わった内容や理由は伝えません。',
    policies: 'サービスの規約など',
    privacyPolicy: 'プライバシーポリシー',
    terms: '利用規約',
    newTab: '（新しいタブで開きます）',
    agree: '同意する',
    refuse: '同意しない',
    refusing: (name: string) => `同意しないときは、何も提供せずに「${name}」に戻ります。`,
  },
  enrolment: jaEnrolment,
  latestConsent: jaLatestConsent,
  consentReceipt: jaConsentReceipt,
  mail: jaMail,
  portal: jaPortal,
  notices: {
    title: 'お知らせ',
    lead: 'あなたの登録に変わったことがあります。確かめてから続けてください。',
    kinds: {
      card_renewed: {
        title: '新しいカードに引き継ぎました',
        body: '新しいカードを、認証局の記録で、前のカードと同じ方のものと確認しました。前のカードでは、もうサインインできません。',
        next: '心当たりがないときは、ご利用のサービスの窓口へご連絡ください。',
      },
      device_added: {
        title: 'サインインに使える端末やカードが増えました',
        body: '認証局の記録で同じ方のものと確認した、別のカードやスマートフォンで、サインインできるようになりました。',
        next: '心当たりがないときは、ご利用のサービスの窓口へご連絡ください。',
      },
      registration_taken_over: {
        title: '以前の登録を引き継ぎました',
        body: '氏名・住所・生年月日・性別が同じ方の署名により、新しいカードが以前の登録を引き継ぎました。',
        next: '心当たりがないときは、すぐに、ご利用のサービスの窓口へご連絡ください。',
      },
      attributes_stale: {
        title: '登録した内容を確かめてください',
        body: '登録に使った署名用電子証明書が無効になりました。氏名・住所・生年月日・性別のどれかが、変わった可能性があります。',
        next: '新しい署名用電子証明書を受け取ったら、サインインの画面の「本人情報を登録してサインイン」から、登録し直してください。サインインは、今までどおりできます。',
      },
      unusual_sign_in: {
        title: 'しばらく使われていなかったカードでサインインがありました',
        body: '90日以上サインインに使われていなかったカードやスマートフォンで、サインインがありました。',
        next: '心当たりがないときは、カードやスマートフォンが手元にあるか確かめ、なければ、すぐに一時停止の手続きをしてください。',
      },
      account_unlocked: {
        title: 'アカウントのロックが解かれました',
        body: '運営者が、本人確認のうえで、アカウントのロックを解きました。カードでサインインできます。',
        next: '窓口でロックの解除を頼んでいないときは、すぐに、もう一度アカウントをロックし、運営者の窓口へご連絡ください。',
      },
    },
    button: '続ける',
  },
  sources: {
    hub: 'Musubiが作成',
    card: 'カードの確認結果',
    signing_certificate: '署名用電子証明書',
    provider: '保険者やカード会社など',
  },
  sendForm: {
    title: '次の画面に進みます',
    body: '自動で切り替わらないときは、「続ける」を押してください。',
    button: '続ける',
  },
  signOutConfirm: {
    title: 'サインアウトしますか',
    body: 'サインアウトすると、Musubiを使ってサインインしているほかのサービスにもお知らせします。',
    confirm: 'サインアウトする',
    stay: 'サインインしたままにする',
  },
  signedOut: {
    title: 'サインアウトしました',
    body: 'Musubiからサインアウトしました。',
    shared: 'カードをカードリーダーから取り外してください。共用の端末では、ブラウザーも閉じてください。',
    back: (name: string) => `「${name}」に戻る`,
  },
  signingOut: {
    title: 'サインアウトしています',
    body: {
      own: 'Musubiからはサインアウトしました。Musubiを使ってサインインしたほかのサービスからも、順にサインアウトしています。',
      anothers:
        'このブラウザーで前にサインインした方を、サービスからサインアウトしています。終わると、あなたのサインインに進みます。',
    },
    services: 'サービスごとの状況',
    states: {
      waiting: 'これからサインアウトします',
      asked: '返事を待っています',
      told: 'サインアウトしました',
      not_told: '確認できませんでした',
    },
    next: '自動で切り替わらないときは、「続ける」を押してください。',
    button: '続ける',
  },
  partlySignedOut: {
    title: '一部のサービスからはサインアウトできていません',
    signedOut: 'Musubiからはサインアウトしました。',
    services: '次のサービスには、サインアウトを伝えられませんでした',
    close:
      'これらのサービスには、まだサインインしたままかもしれません。ブラウザーのウィンドウをすべて閉じるか、それぞれのサービスでサインアウトしてください。',
    shared: 'カードをカードリーダーから取り外してください。',
    button: '続ける',
  },
  error: {
    next: '次にすること',
    reference: 'お問い合わせ番号',
    referenceHint: 'お問い合わせのときに、この番号をお知らせください。',
    back: (name: string) => `「${name}」に戻る`,
  },
  home: {
    title: 'マイナンバーカードで、いろいろなサービスにサインイン',
    lead: 'Musubi（結び）は、マイナンバーカードを使って、あなたが前と同じ人であることをサービスに伝える共通の窓口です。',
    peopleHeading: '利用する方へ',
    people: [
      '使いたいサービスのサイトで、マイナンバーカードでのサインインを選んでください。選んだサービスからこの画面に移ります。',
      'サービスには、サービスごとに違う識別番号だけが伝わります。氏名や住所などは、あなたが同意した場合にだけ提供します。',
      '暗証番号は、あなたの端末のソフトだけに入力します。',
    ],
    providersHeading: 'サービスを提供する方へ',
    providers: 'OpenID Connectで接続できます。接続に必要な情報は、次の文書で公開しています。',
    issuer: '発行者（issuer）',
    discovery: 'OpenID Connectの設定情報',
    documentation: '接続の手引き',
  },
};

export type Words = typeof ja;
