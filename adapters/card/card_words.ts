/**
 * What the card agent says, in both languages, in one table: by error code (what happened, then what to do), and the
 * words of its page. Server, command line and the page's script read the same rows.
 *
 * `{tries}` is the number of tries left.
 */
export type Language = 'ja' | 'en';
export const LANGUAGES: readonly Language[] = ['ja', 'en'];

const messagesJa = {
  card_not_found: 'カードが見つかりません。カードを確かめて、「カードを読み直す」を押してください。',
  card_unreadable: 'カードを読み取れません。別のカードを選ぶか、カードの発行元に確認してください。',
  card_busy: 'カードが別の画面で使われています。少し待ってから、もう一度お試しください。',
  card_pin_malformed: '暗証番号は数字4桁で入力してください。試行回数は減っていません。',
  card_pin_wrong: '暗証番号が違います。あと{tries}回まちがえると、このカードはロックされます。',
  card_pin_blocked:
    '暗証番号を続けてまちがえたため、このカードはロックされています。お住まいの市区町村の窓口で、暗証番号の再設定を申し込んでください。',
  card_signing_pin_malformed: '署名用パスワードは英数字6〜16文字で入力してください。試行回数は減っていません。',
  card_signing_pin_wrong: '署名用パスワードが違います。あと{tries}回まちがえると、署名用パスワードがロックされます。',
  card_signing_pin_blocked:
    '署名用パスワードを続けてまちがえたため、ロックされています。お住まいの市区町村の窓口か、コンビニエンスストアなどのキオスク端末で、パスワードを再設定してください。',
  card_signing_missing: 'このカードには署名用電子証明書がありません。市区町村の窓口で発行を申し込んでください。',
  card_key_unsupported: 'このカードの鍵の種類には対応していません。別のカードをお使いください。',
  card_exchanged: '署名の途中でカードが替わりました。カードを確かめて、もう一度お試しください。',
  document_too_large: '文書が大きすぎて署名できません。',
  document_characters:
    'サイトから届いた文書に、画面に表示できない文字があるため、署名できません。この画面を閉じて、サイトの運営者に知らせてください。',
  document_unbound:
    'サイトから届いた文書が、このサイトのこの手続きのためのものだと確認できないため、署名できません。この画面を閉じて、サイトからもう一度始めてください。',
  challenge_origin_invalid:
    '署名を求めるサイトのアドレスを確認できません。この画面を閉じて、サイトからもう一度始めてください。',
  challenge_nonce_invalid: 'サイトからの要求が正しくありません。この画面を閉じて、サイトからもう一度始めてください。',
  agent_host_refused: 'このアドレスからは利用できません。サイトのサインインのボタンから開いてください。',
  agent_origin_refused: 'ほかのサイトからの操作は受け付けません。サイトのサインインのボタンから開いてください。',
  agent_page_expired: 'この画面の有効期限が切れました。画面を閉じて、サイトからもう一度始めてください。',
  agent_request_bound: 'この画面では別の要求を受け付けています。画面を閉じて、サイトからもう一度始めてください。',
  agent_request_invalid: '要求の形式が正しくありません。この画面を閉じて、サイトからもう一度始めてください。',
  agent_body_too_large: '要求が大きすぎます。この画面を閉じて、サイトからもう一度始めてください。',
  agent_media_type: '要求の形式が正しくありません。この画面を閉じて、サイトからもう一度始めてください。',
  agent_method: 'この操作はできません。サイトのサインインのボタンから開いてください。',
  agent_path_unknown: 'ページが見つかりません。サイトのサインインのボタンから開いてください。',
  agent_too_many_attempts: '短い時間に何度も試されました。1分ほど待ってから、もう一度お試しください。',
  agent_failed: 'カードソフトで問題が起きました。画面を閉じて、サイトからもう一度始めてください。',
  agent_site_gone: '署名を求めたサイトの画面が閉じられました。この画面を閉じて、サイトからもう一度始めてください。',
  agent_unreachable:
    'カードソフトにつながりません。カードソフトが動いていることを確かめ、サイトからもう一度始めてください。',
};

const messagesEn: typeof messagesJa = {
  card_not_found: 'No such card was found. Check the card and press “Read cards again”.',
  card_unreadable: 'The card cannot be read. Choose another card, or ask whoever issued it.',
  card_busy: 'The card is in use by another window. Wait a moment and try again.',
  card_pin_malformed: 'The PIN is 4 digits. No try has been used.',
  card_pin_wrong: 'That PIN is wrong. Tries left before the card is blocked: {tries}.',
  card_pin_blocked:
    'The card is blocked after too many wrong PINs. Ask your ward, city, town or village office to reset the PIN.',
  card_signing_pin_malformed: 'The signing password is 6 to 16 letters and digits. No try has been used.',
  card_signing_pin_wrong: 'That signing password is wrong. Tries left before it is blocked: {tries}.',
  card_signing_pin_blocked:
    'The signing password is blocked after too many wrong ones. Reset it at your ward, city, town or village office, or at a kiosk in a convenience store.',
  card_signing_missing: 'This card has no signing certificate. Your ward or city office can issue one.',
  card_key_unsupported: 'The kind of key on this card is not supported. Use another card.',
  card_exchanged: 'The card was exchanged while it was signing. Check the card and try again.',
  document_too_large: 'The document is too large to be signed.',
  document_characters:
    'The site’s document holds characters that cannot be shown, so it cannot be signed. Close this window and tell whoever runs the site.',
  document_unbound:
    'The site’s document does not name this site and this request, so it cannot be signed. Close this window and start again from the site.',
  challenge_origin_invalid:
    'The address of the site that asks cannot be confirmed. Close this window and start again from the site.',
  challenge_nonce_invalid: 'The site’s request is not valid. Close this window and start again from the site.',
  agent_host_refused: 'This address cannot be used. Start from the sign-in button of a site.',
  agent_origin_refused: 'Requests from other sites are refused. Start from the sign-in button of a site.',
  agent_page_expired: 'This window has expired. Close it and start again from the site.',
  agent_request_bound: 'This window is already serving another request. Close it and start again from the site.',
  agent_request_invalid: 'The request is not valid. Close this window and start again from the site.',
  agent_body_too_large: 'The request is too large. Close this window and start again from the site.',
  agent_media_type: 'The request is not valid. Close this window and start again from the site.',
  agent_method: 'That cannot be done here. Start from the sign-in button of a site.',
  agent_path_unknown: 'There is no such page. Start from the sign-in button of a site.',
  agent_too_many_attempts: 'Too many attempts in a short time. Wait about a minute and try again.',
  agent_failed: 'The card agent had a problem. Close this window and start again from the site.',
  agent_site_gone: 'The window of the site that asked has been closed. Close this one and start again from the site.',
  agent_unreachable: 'The card agent does not answer. Check that it is running, then start again from the site.',
};

export const cardMessages: Record<Language, typeof messagesJa> = { ja: messagesJa, en: messagesEn };

const pageJa = {
  title: 'マイナンバーカードで署名',
  agent: 'カードソフト',
  agentNote: 'このパソコンで動いています',
  skip: '本文へ移動',
  otherLanguage: 'English',
  waiting: 'サイトからの要求を待っています。',
  noOpenerTitle: 'サイトから開いてください',
  noOpener:
    'この画面は、サイトの「マイナンバーカードでサインイン」のボタンから開きます。ここで暗証番号を入力する必要はありません。',
  scriptNeeded: 'カードを使うには、ブラウザーの JavaScript を有効にしてください。',
  heading: '暗証番号を入力してサインイン',
  enrolHeading: '内容を確かめて、文書に署名',
  askedBy: '署名を求めているサイト',
  askedByHelp: 'ブラウザーが確認したアドレスです。見覚えがないときは、キャンセルしてください。',
  insecureTitle: '安全でない接続のサイトです',
  insecure:
    '通信が暗号化されていないため、なりすましのおそれがあります。心当たりがないときは、キャンセルしてください。',
  siteSays: 'サイトからの説明（カードソフトは内容を確認していません）',
  siteParty: '利用先',
  siteReason: '目的',
  documentTitle: '署名する文書',
  documentHelp: 'ここに表示された内容が、そのまま署名されます。長い英数字の行は、この手続きを見分けるための番号です。',
  documentCarries: '署名すると、氏名、住所、生年月日、性別が記録された署名用電子証明書も、このサイトに渡ります。',
  chooseCard: 'カードを選ぶ',
  noCard: 'カードがありません。カードを用意して、「カードを読み直す」を押してください。',
  reread: 'カードを読み直す',
  rereadDone: 'カードを読み直しました。',
  triesLeft: '暗証番号の残り試行回数：{tries}回',
  signingTriesLeft: '署名用パスワードの残り試行回数：{tries}回',
  blockedCard: 'このカードはロックされています。市区町村の窓口で、暗証番号の再設定を申し込んでください。',
  blockedSigning:
    '署名用パスワードがロックされています。市区町村の窓口か、コンビニエンスストアなどのキオスク端末で再設定してください。',
  noSigning: '署名用電子証明書がないため、この文書には署名できません。',
  noSigningTitle: 'お使いのカードには署名用電子証明書がありません',
  noSigningMeaning:
    '署名用電子証明書は、15歳未満の方のカードには原則として記録されていません。ないときは、氏名や住所などの登録（利用申込）はできませんが、サインインはできます。',
  noSigningNext: '「キャンセル」を押して、サイトに戻ってください。発行については、市区町村の窓口にご相談ください。',
  pin: '暗証番号（数字4桁）',
  pinHelp: '利用者証明用電子証明書の暗証番号です。3回続けてまちがえるとロックされます。',
  showPin: '暗証番号を表示する',
  password: '署名用パスワード（英数字6〜16文字）',
  passwordHelp: '署名用電子証明書のパスワードです。大文字と小文字は区別しません。5回続けてまちがえるとロックされます。',
  showPassword: '署名用パスワードを表示する',
  pinOnlyHereTitle: '暗証番号を入力するのは、この画面だけです',
  bothOnlyHereTitle: '暗証番号とパスワードを入力するのは、この画面だけです',
  bothOnlyHere: 'サイトの画面、電話、メールで暗証番号やパスワードを聞かれても、入力したり答えたりしないでください。',
  pinOnlyHere: 'サイトの画面、電話、メールで暗証番号を聞かれても、入力したり答えたりしないでください。',
  sign: 'サインイン',
  enrol: '文書に署名する',
  cancel: 'キャンセル',
  signing: 'カードで署名しています。',
  errorTitle: 'サインインできませんでした',
  enrolErrorTitle: '署名できませんでした',
  chooseFirst: 'カードを選んでください。',
  doneTitle: '署名しました',
  done: 'この画面を閉じて、サイトに戻ってください。',
  stoppedTitle: 'この要求は受け付けられません',
  close: '画面を閉じる',
};

const pageEn: typeof pageJa = {
  title: 'Sign with your My Number Card',
  agent: 'Card agent',
  agentNote: 'running on this computer',
  skip: 'Skip to content',
  otherLanguage: '日本語',
  waiting: 'Waiting for the site’s request.',
  noOpenerTitle: 'Open this from a site',
  noOpener:
    'This window is opened by a site’s “Sign in with My Number Card” button. There is no need to type a PIN here now.',
  scriptNeeded: 'Allow JavaScript in your browser to use a card.',
  heading: 'Type your PIN to sign in',
  enrolHeading: 'Read and sign the document',
  askedBy: 'The site that asks',
  askedByHelp: 'Your browser has confirmed this address. If you do not recognise it, cancel.',
  insecureTitle: 'This site’s connection is not secure',
  insecure: 'It is not encrypted, so somebody may be posing as the site. If in doubt, cancel.',
  siteSays: 'What the site says (not checked by the card agent)',
  siteParty: 'For',
  siteReason: 'Why',
  documentTitle: 'The document to be signed',
  documentHelp:
    'What you see here is exactly what will be signed. The long line of letters and digits identifies this request.',
  documentCarries:
    'The site also gets your signing certificate, which holds your name, address, date of birth and sex.',
  chooseCard: 'Choose a card',
  noCard: 'There is no card. Have one ready and press “Read cards again”.',
  reread: 'Read cards again',
  rereadDone: 'The cards have been read again.',
  triesLeft: 'PIN tries left: {tries}',
  signingTriesLeft: 'Signing password tries left: {tries}',
  blockedCard: 'This card is blocked. Ask your ward, city, town or village office to reset the PIN.',
  blockedSigning:
    'Its signing password is blocked. Reset it at your ward or city office, or at a kiosk in a convenience store.',
  noSigning: 'It has no signing certificate, so it cannot sign this document.',
  noSigningTitle: 'There is no signing certificate on your card',
  noSigningMeaning:
    'The cards of people under 15 have none as a rule. Without it your name, address and so on cannot be registered (application for use), but you can sign in.',
  noSigningNext: 'Press “Cancel” to go back to the site. Your ward or city office can tell you about getting one.',
  pin: 'PIN (4 digits)',
  pinHelp: 'The PIN of the certificate for user authentication. Three wrong PINs in a row block the card.',
  showPin: 'Show the PIN',
  password: 'Signing password (6 to 16 letters and digits)',
  passwordHelp:
    'The password of the certificate for signing documents. Capital and small letters are the same. Five wrong ones in a row block it.',
  showPassword: 'Show the signing password',
  pinOnlyHereTitle: 'Type your PIN in this window only',
  bothOnlyHereTitle: 'Type your PIN and password in this window only',
  bothOnlyHere: 'Never type or tell them when a site’s own page, a telephone call or a mail asks for them.',
  pinOnlyHere: 'Never type or tell it when a site’s own page, a telephone call or a mail asks for it.',
  sign: 'Sign in',
  enrol: 'Sign the document',
  cancel: 'Cancel',
  signing: 'Signing with the card.',
  errorTitle: 'Not signed in',
  enrolErrorTitle: 'Not signed',
  chooseFirst: 'Choose a card.',
  doneTitle: 'Signed',
  done: 'Close this window and go back to the site.',
  stoppedTitle: 'This request cannot be accepted',
  close: 'Close this window',
};

export const pageWords: Record<Language, typeof pageJa> = { ja: pageJa, en: pageEn };

/** The message for `code` in the reader's language, `{tries}` filled in; an unknown code gets the general one. */
export function cardMessage(language: Language, code: string, triesLeft?: number): string {
  const messages = cardMessages[language];
  const message = Object.hasOwn(messages, code) ? messages[code as keyof typeof messages] : messages.agent_failed;
  return message.replace('{tries}', String(triesLeft ?? ''));
}
