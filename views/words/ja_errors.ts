/** What one error code tells a person. */
export interface ErrorText {
  /** What happened, in a few words: the page's heading. */
  title: string;
  /** What happened, in a sentence or two. Never a reason that is nobody's business (death, loss of residence). */
  body: string;
  /** What the person can do now. */
  next: string;
}

const startAgain = '元のサービスのサイトに戻り、サインインを最初からやり直してください。';

const cardUnusable: ErrorText = {
  title: 'このカードではサインインできません',
  body: 'カードの電子証明書を確認しましたが、このサービスでは使えませんでした。',
  next: 'マイナンバーカードであることを確かめて、もう一度お試しください。続けて起きるときは、お住まいの市区町村の窓口にご相談ください。',
};

const authorityUnusable: ErrorText = {
  title: 'このカードの発行元を確認できませんでした',
  body: 'カードの電子証明書から、このサービスが信頼する認証局までのつながりを確認できませんでした。',
  next: 'ご自身のカードを使って、もう一度お試しください。続けて起きるときは、カードの発行元にご相談ください。',
};

const tokenUnusable: ErrorText = {
  title: 'カードの情報を正しく受け取れませんでした',
  body: 'カードを読み取るソフトから届いた内容が正しくありませんでした。サインインは行われていません。',
  next: 'もう一度お試しください。続けて起きるときは、ソフトを最新のものに更新してください。',
};

const unregistered: ErrorText = {
  title: 'このサービスは登録されていません',
  body: '元のサイトは、Musubiに登録されたサービスとして確認できませんでした。安全のため、ここで止めました。',
  next: '元のサイトのアドレスを確かめてください。正しいサイトのときは、そのサービスの窓口にお問い合わせください。',
};

const requestWrong: ErrorText = {
  title: '元のサイトからの依頼に誤りがあります',
  body: '元のサイトから届いた依頼を、正しく読み取れませんでした。',
  next: '元のサイトから、もう一度お試しください。続けて起きるときは、そのサービスの窓口にお問い合わせください。',
};

const addressWrong: ErrorText = {
  title: '戻り先のアドレスを確認できません',
  body: '元のサイトが指定した戻り先は、登録されたものと違います。安全のため、ここで止めました。',
  next: '元のサイトのアドレスを確かめてください。正しいサイトのときは、そのサービスの窓口にお問い合わせください。',
};

const screenOver: ErrorText = {
  title: 'この画面はもう使えません',
  body: 'この画面のサインインは、すでに終わったか、時間がたち過ぎたか、別のブラウザーで始めたものです。',
  next: startAgain,
};

const tooOften: ErrorText = {
  title: '操作の回数が多すぎます',
  body: '短い時間に何度も操作が行われたため、一時的に受け付けを止めています。',
  next: '数分待ってから、もう一度お試しください。',
};

const busy: ErrorText = {
  title: 'いま、混み合っています',
  body: '一時的に手続きを受け付けられません。',
  next: '数分たってから、もう一度お試しください。',
};

/** By stable error code. `unknown` is for a code that is not here. */
export const jaErrors = {
  account_locked: {
    title: 'アカウントはロックされています',
    body: 'このカードの方のアカウントは、マイページからロックされています。ロックしている間は、サインインできません。',
    next: 'ロックを解くには、ロックしたときの画面に出た「ロック番号」を用意して、運営者の窓口にご連絡ください。ロックした覚えがないときも、すぐにご連絡ください。',
  },
  too_many_reports: {
    title: '今日はこれ以上受け付けられません',
    body: '今日すでに多くのご連絡をいただいているため、このご連絡は送られませんでした。',
    next: '明日もう一度お送りいただくか、お急ぎのときは運営者の窓口にご連絡ください。すべての利用を止めたいときは、「アカウントのロック」をお使いください。',
  },
  challenge_expired: {
    title: '時間が過ぎました',
    body: 'サインインの画面を開いてから5分が過ぎたため、カードの確認を完了できませんでした。',
    next: 'この画面で、もう一度サインインのボタンを押してください。',
  },
  challenge_unknown: {
    title: 'サインインの画面を確認できませんでした',
    body: 'カードの返事が、この画面から始めたものだと確認できませんでした。',
    next: 'この画面で、もう一度サインインのボタンを押してください。',
  },
  challenge_spent: {
    title: 'この操作はすでに終わっています',
    body: '同じカードの返事が二度届いたため、二度目は受け付けませんでした。',
    next: 'この画面で、もう一度サインインのボタンを押してください。',
  },
  challenge_wrong_session: {
    title: '別の画面で始めた操作です',
    body: 'カードの返事が、別のブラウザーかウィンドウで始めたものでした。安全のため、受け付けませんでした。',
    next: 'ほかの画面を閉じ、この画面で、もう一度サインインのボタンを押してください。',
  },
  certificate_missing: {
    title: '証明書が送られませんでした',
    body: 'ブラウザーから証明書が届きませんでした。証明書を選ぶ画面や暗証番号の画面を途中で閉じたか、使える証明書がブラウザーに見つからなかった可能性があります。サインインは行われていません。',
    next: 'カードがカードリーダーに置かれているか確かめて、もう一度お試しください。',
  },
  certificate_step_over: {
    title: 'この手順はもう使えません',
    body: '証明書の確認は、時間が過ぎたか、すでに一度使われたか、この画面から始めたものではありませんでした。サインインは行われていません。',
    next: '下のボタンから、証明書の確認をやり直してください。',
  },
  client_certificate_header: {
    title: '証明書を正しく受け取れませんでした',
    body: '途中の中継サーバーから届いた証明書の情報を読み取れませんでした。サインインは行われていません。',
    next: 'もう一度お試しください。続けて起きるときは、ほかの方法でサインインしてください。',
  },
  token_malformed: tokenUnusable,
  token_signature_invalid: {
    title: 'カードの署名を確認できませんでした',
    body: 'カードの返事は、このサイトのために作られたものではありませんでした。サインインは行われていません。',
    next: 'ブラウザーに表示されたアドレスを確かめて、もう一度お試しください。',
  },
  certificate_malformed: cardUnusable,
  certificate_too_large: cardUnusable,
  certificate_algorithm: cardUnusable,
  certificate_critical_extension: cardUnusable,
  certificate_key: cardUnusable,
  certificate_key_usage: cardUnusable,
  certificate_policy: cardUnusable,
  certificate_profile: cardUnusable,
  certificate_is_authority: cardUnusable,
  certificate_unknown: cardUnusable,
  certificate_untrusted: {
    title: 'このカードの発行元を確認できませんでした',
    body: 'カードの電子証明書が、公的個人認証サービスが発行したものだと確認できませんでした。',
    next: 'ご自身のマイナンバーカードを使って、もう一度お試しください。',
  },
  certificate_anchor_expired: {
    title: 'このカードの電子証明書は古くなっています',
    body: '電子証明書を発行した認証局の有効期間が終わっているため、使えません。',
    next: 'お住まいの市区町村の窓口で、電子証明書を更新してください。',
  },
  path_too_long: authorityUnusable,
  path_length_exceeded: authorityUnusable,
  path_not_authority: authorityUnusable,
  path_issuer_expired: authorityUnusable,
  path_critical_extension: authorityUnusable,
  path_name_constraints: authorityUnusable,
  path_policy: authorityUnusable,
  path_work_exceeded: authorityUnusable,
  certificate_expired: {
    title: '電子証明書の有効期限が切れています',
    body: 'カードの利用者証明用電子証明書の有効期限が過ぎているため、サインインできません。',
    next: 'お住まいの市区町村の窓口で、電子証明書を更新してください。カードに書かれた有効期限とは別の期限です。',
  },
  certificate_not_yet_valid: {
    title: 'この電子証明書は、まだ使えません',
    body: 'カードの電子証明書の有効期間が、まだ始まっていません。',
    next: '時間をおいて、もう一度お試しください。続けて起きるときは、お住まいの市区町村の窓口にご相談ください。',
  },
  certificate_is_signing: {
    title: '署名用の電子証明書が使われました',
    body: 'サインインには、署名用ではなく、利用者証明用の電子証明書を使います。',
    next: 'カードを読み取るソフトで利用者証明用を選び、数字4桁の暗証番号を入力してください。',
  },
  certificate_is_user: {
    title: '利用者証明用の電子証明書が使われました',
    body: '書類への署名には、利用者証明用ではなく、署名用の電子証明書を使います。',
    next: 'カードを読み取るソフトで署名用を選び、6から16文字のパスワードを入力してください。',
  },
  certificate_revoked: {
    title: 'このカードは使えません',
    body: 'カードの電子証明書は、現在、使えない状態になっています。',
    next: 'お住まいの市区町村の窓口にご相談ください。',
  },
  certificate_superseded: {
    title: '電子証明書は更新されています',
    body: 'この電子証明書は、新しいものに更新されたため、使えなくなりました。',
    next: '更新した新しいカードを使って、もう一度お試しください。',
  },
  certificate_on_hold: {
    title: 'このカードは一時停止されています',
    body: '紛失などの届け出により、カードの利用が止められています。',
    next: 'カードが手元にあるときは、お住まいの市区町村の窓口で手続きをしてください。',
  },
  signing_certificate_revoked: {
    title: '署名用電子証明書が無効になっています',
    body: '転居や結婚などで住民票の内容が変わると、署名用電子証明書は使えなくなります。サインイン用の電子証明書は、そのまま使えることがあります。',
    next: 'お住まいの市区町村の窓口で署名用電子証明書を発行してもらってから、もう一度お試しください。',
  },
  signing_certificate_expired: {
    title: '署名用電子証明書の有効期限が切れています',
    body: 'カードの署名用電子証明書の有効期限が過ぎているため、署名を受け付けられません。',
    next: 'お住まいの市区町村の窓口で電子証明書を更新してから、もう一度お試しください。',
  },
  signing_certificate_not_accepted: {
    title: 'この署名用電子証明書は使えません',
    body: 'カードの署名用電子証明書を確認しましたが、このサービスでは使えませんでした。何も記録していません。',
    next: 'ご自身のマイナンバーカードであることを確かめて、もう一度お試しください。続けて起きるときは、お住まいの市区町村の窓口にご相談ください。',
  },
  signed_document_unreadable: {
    title: '署名した書類を正しく受け取れませんでした',
    body: 'カードを読み取るソフトから届いた書類が正しくありませんでした。何も記録していません。',
    next: 'もう一度お試しください。続けて起きるときは、ソフトを最新のものに更新してください。',
  },
  signed_document_changed: {
    title: '書類の内容が、署名したものと違います',
    body: '画面に書かれた内容と、カードで署名した書類が同じではありませんでした。安全のため、何も記録していません。',
    next: '内容を確かめて、もう一度署名してください。',
  },
  application_invalid: {
    title: '申込書の内容を受け取れませんでした',
    body: '書かれた内容に、受け付けられないものがありました。',
    next: '申込書を、はじめから書き直してください。',
  },
  attributes_unreadable: {
    title: '署名用電子証明書の内容を読み取れませんでした',
    body: '氏名・住所・生年月日・性別が、決められた形で記録されていませんでした。何も記録していません。',
    next: 'お住まいの市区町村の窓口にご相談ください。',
  },
  signing_step_over: {
    title: 'この書類の画面が古くなりました',
    body: '書類に署名できる時間が過ぎたか、この書類は一度使われています。何も記録していません。',
    next: 'この画面で、もう一度署名してください。',
  },
  signing_not_one_person: {
    title: '2つの電子証明書が、同じ方のものだと確認できませんでした',
    body: '利用者証明用と署名用の電子証明書の組を、認証局に確認できませんでした。安全のため、何も記録していません。',
    next: 'カードを最近更新した方は、しばらくたってからもう一度お試しください。続けて起きるときは、お住まいの市区町村の窓口にご相談ください。',
  },
  signing_other_person: {
    title: 'サインインした方のカードではありません',
    body: '署名に使ったカードは、サインインした方のものとして登録されていません。安全のため、何も記録していません。',
    next: 'サインインに使ったカードで、もう一度お試しください。カードが正しいときは、元のサービスの窓口にご相談ください。',
  },
  enrolment_not_offered: {
    title: 'ここでは登録できません',
    body: 'このサイトでは、氏名・住所などの登録を受け付けていません。',
    next: '元の画面に戻って、サインインを続けてください。',
  },
  receipt_not_found: {
    title: '同意の記録が見つかりません',
    body: 'この同意の記録はないか、あなたのものではありません。',
    next: 'サービスに戻って、もう一度サインインしてください。',
  },
  latest_consent_invalid: {
    title: 'この同意は受け付けられませんでした',
    body: '送られた内容が、画面で選べるものと違いました。何も記録していません。',
    next: '元のサービスに戻って、はじめからやり直してください。',
  },
  latest_attributes_unavailable: {
    title: 'いま、同意を認証局に届けられません',
    body: '同意書を認証局に送りましたが、答えを得られませんでした。何も記録していません。',
    next: '数分たってから、もう一度署名してください。同意しなくても、サインインは続けられます。',
  },
  linkage_unavailable: {
    title: 'いま、カードの更新を確認できません',
    body: 'はじめて使われるカードなので、前のカードから更新されたものかどうかを認証局に問い合わせましたが、答えを得られませんでした。サインインは行われていません。',
    next: '数分たってから、もう一度お試しください。カードに問題があるわけではありません。',
  },
  linkage_conflict: {
    title: 'このカードを、前のカードとつなげられませんでした',
    body: '認証局の記録と、このサービスの記録が合いませんでした。安全のため、サインインは行われていません。',
    next: '元のサービスの窓口にご相談ください。お問い合わせのときは、この画面に番号があれば、お伝えください。',
  },
  revocation_unavailable: {
    title: 'いま、カードの有効性を確認できません',
    body: 'カードが有効かどうかを調べる仕組みに、一時的につながりません。確認できるまで、サインインを止めています。',
    next: '数分たってから、もう一度お試しください。カードに問題があるわけではありません。',
  },
  other_person: {
    title: '別の人のカードです',
    body: 'このサービスは、いまサインインしている人のカードをもう一度求めています。',
    next: 'はじめにサインインした人のカードで、もう一度お試しください。',
  },
  invalid_client: unregistered,
  unregistered_relying_party: unregistered,
  invalid_redirect_uri: addressWrong,
  saml_acs_unknown: addressWrong,
  invalid_request: requestWrong,
  saml_malformed: requestWrong,
  saml_encrypted: requestWrong,
  saml_relay_state_invalid: requestWrong,
  saml_service_unknown: {
    title: '元のサイトを確認できませんでした',
    body: '届いた依頼が、Musubiに登録されたサービスからのものと確認できませんでした。安全のため、ここで止めました。',
    next: '元のサイトのアドレスを確かめてください。正しいサイトのときは、そのサービスの窓口にお問い合わせください。',
  },
  saml_request_stale: {
    title: '元のサイトからの依頼の時間が過ぎました',
    body: '元のサイトを出てから時間がたち過ぎたか、元のサイトの時計が合っていません。',
    next: startAgain,
  },
  saml_request_replayed: {
    title: 'この依頼はすでに使われました',
    body: '元のサイトからのこの依頼には、すでに一度お答えしました。安全のため、同じ依頼には二度答えません。',
    next: startAgain,
  },
  saml_response_unexpected: {
    title: 'この返事は、もう待っていません',
    body: '元のサイトから届いた返事に当たる手続きが、このブラウザーにありません。サインアウトがもう終わったか、時間がかかりすぎた可能性があります。',
    next: 'すべてのサービスから確実にサインアウトしたいときは、ブラウザーのウィンドウをすべて閉じてください。',
  },
  saml_wrong_destination: {
    title: '別のあて先への依頼が届きました',
    body: '元のサイトから届いた依頼は、このMusubiにあてたものではありませんでした。安全のため、ここで止めました。',
    next: '元のサイトから、もう一度お試しください。続けて起きるときは、そのサービスの窓口にお問い合わせください。',
  },
  interaction_expired: screenOver,
  interaction_other_browser: {
    title: '別のブラウザーで始めた手続きです',
    body: 'このアドレスは、別のブラウザーかウィンドウで始めたサインインのものです。安全のため、ここでは続けられません。',
    next: '手続きを始めた画面に戻るか、元のサービスのサイトからやり直してください。',
  },
  consent_refused: {
    title: '情報の提供に同意しませんでした',
    body: '何も提供していません。',
    next: '元のサービスのサイトに戻ってください。気持ちが変わったときは、サインインをやり直せます。',
  },
  form_forged: {
    title: '画面の送信元を確認できませんでした',
    body: '届いた内容が、Musubiの画面から送られたものだと確認できませんでした。何も変更していません。',
    next: startAgain,
  },
  attribute_provider_unknown: {
    title: 'この提供元は利用できません',
    body: '選ばれた保険者やカード会社は、登録されていないか、いまは休止しています。',
    next: '一覧に戻って、もう一度選んでください。',
  },
  membership_entry_invalid: {
    title: '入力した内容を確かめてください',
    body: '入力していない項目があるか、長すぎる項目、使えない文字を含む項目があります。',
    next: '保険証やカードを見ながら、もう一度入力してください。',
  },
  membership_attributes_needed: {
    title: '利用申込が必要です',
    body: '登録されている氏名・住所などがないか、署名用電子証明書の失効により最新ではなくなっています。',
    next: '署名用電子証明書で利用申込をしてから、もう一度お試しください。',
  },
  membership_not_confirmed: {
    title: '加入を確認できませんでした',
    body: '入力した内容と、登録されている氏名・住所などに合う加入者が見つからないと、提供元から回答がありました。',
    next: '入力した内容を確かめてください。住所などを変更したばかりのときは、提供元にお問い合わせください。',
  },
  membership_taken: {
    title: 'すでに登録されています',
    body: 'この加入者は、別の利用者として登録されています。',
    next: 'お心当たりがないときは、お問い合わせください。',
  },
  membership_sign_in_unknown: {
    title: '連携の手続きをやり直してください',
    body: 'この手続きは、このサインインで始めたものではないか、時間が過ぎたか、すでに終わっています。',
    next: '下のボタンから、もう一度始めてください。',
  },
  membership_sign_in_cancelled: {
    title: '連携しませんでした',
    body: '提供元の画面で、サインインまたは同意が取りやめられました。',
    next: '連携するときは、下のボタンからもう一度始めてください。',
  },
  membership_sign_in_failed: {
    title: '連携できませんでした',
    body: '提供元でのサインインの結果を確かめられなかったため、連携していません。',
    next: 'もう一度お試しください。繰り返すときは、提供元にお問い合わせください。',
  },
  attribute_provider_unavailable: {
    title: '提供元に接続できません',
    body: '保険者やカード会社から、いま回答がありません。',
    next: '少し待ってから、もう一度お試しください。',
  },
  mail_address_invalid: {
    title: 'メールアドレスの形が正しくありません',
    body: '入力されたメールアドレスは、Musubiから送れる形ではありませんでした。何も変更していません。',
    next: '入力したアドレスを確かめて、もう一度入力してください。',
  },
  mail_code_wrong: {
    title: '確認コードが違います',
    body: '入力された確認コードは、メールで送ったものと違いました。まだ登録していません。',
    next: '最後に届いたメールの確認コードを入力してください。何度も間違えると、そのコードは使えなくなります。',
  },
  mail_code_expired: {
    title: '確認コードが使えなくなりました',
    body: '確認コードの期限が切れたか、別のコードを送ったか、もう確認が済んでいます。',
    next: '登録を確かめて、必要なときは、メールアドレスをもう一度入力してください。',
  },
  mail_confirmations_too_many: {
    title: '今日は、これ以上確認コードを送れません',
    body: '短い間に、何度も確認コードを送りました。何も変更していません。',
    next: '明日、もう一度お試しください。',
  },
  too_many_attempts: tooOften,
  too_many_requests: tooOften,
  request_too_large: {
    title: '送られた内容が大きすぎます',
    body: '届いた内容が決められた大きさを超えていたため、受け付けませんでした。',
    next: startAgain,
  },
  bad_request: {
    title: '送られた内容を読み取れませんでした',
    body: '届いた内容の形が正しくありませんでした。何も変更していません。',
    next: startAgain,
  },
  not_found: {
    title: 'ページが見つかりません',
    body: 'お探しのページは、移動したか、初めからなかった可能性があります。',
    next: 'アドレスを確かめてください。サインインの途中のときは、元のサービスのサイトからやり直してください。',
  },
  server_error: {
    title: 'Musubiで問題が起きました',
    body: 'こちらの問題で、手続きを完了できませんでした。ご不便をおかけして申し訳ありません。',
    next: '少し待ってから、もう一度お試しください。続けて起きるときは、下の番号を添えてお問い合わせください。',
  },
  temporarily_unavailable: busy,
  storage_unavailable: busy,
  sign_out_failed: {
    title: 'サインアウトを完了できませんでした',
    body: 'サインアウトの依頼を確認できませんでした。まだサインインしたままかもしれません。',
    next: 'もう一度サインアウトするか、ブラウザーをすべて閉じてください。',
  },
  unknown: {
    title: '手続きを完了できませんでした',
    body: '問題が起きたため、ここで手続きを止めました。',
    next: startAgain,
  },
} satisfies Record<string, ErrorText>;

export type ErrorCode = keyof typeof jaErrors;
