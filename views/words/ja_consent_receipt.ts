/** Words of signing the record of a consent (同意の記録), Japanese. */
export const jaConsentReceipt = {
  wish: '同意の記録に、カードで署名する',
  wishHint:
    'あなたが同意したことを、署名用電子証明書でも残せます。署名しなくても、記録はMusubiの署名つきで残ります。署名用電子証明書のパスワード（英数字6〜16文字）が必要です。',
  sign: {
    title: '同意の記録に署名する',
    lead: '同意は、もう記録されています。よければ、次の内容にカードで署名してください。',
    document: '同意の記録',
    stepsHeading: '署名のしかた',
    steps: [
      '下のボタンを押すと、カードを読み取るソフトの画面が開きます。',
      'そこでも内容を確かめて、暗証番号（数字4桁）と、署名用パスワード（英数字6〜16文字）を入力してください。',
      '終わると、この画面が自動で進みます。それまでカードを動かさないでください。',
    ],
    button: 'カードで署名する',
    pin: '暗証番号とパスワードは、Musubiには送られません。署名用パスワードは5回続けて間違えると使えなくなり、市区町村の窓口などで設定し直す必要があります。',
    edit: '署名しないで進む',
    reason: '同意の記録への署名',
  },
};
export type ConsentReceiptWords = typeof jaConsentReceipt;
