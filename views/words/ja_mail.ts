/** Words of the mails to people, Japanese. Each mail holds both languages; no value of anybody stands in one. */
export const jaMail = {
  /** The same for every mail: a phone shows it to whoever looks at it. */
  subject: (hub: string) => `${hub}からのお知らせ`,
  codeSubject: (hub: string) => `${hub}：メールアドレスの確認`,
  opening: (hub: string) => `${hub}からのお知らせです。`,
  when: (time: string) => `日時：${time}（日本時間）`,
  consent: {
    title: (party: string) => `「${party}」への情報の提供に同意しました`,
    body: '同意した項目：',
    next: '心当たりがないときは、下のページにサインインして、同意を取り消してください。',
  },
  accountLocked: {
    title: 'アカウントをロックしました',
    body: 'このアカウントでのサインインを止め、サインイン中の利用をすべて終わらせました。',
    next: '心当たりがないときや、解除したいときは、運営者の窓口へご連絡ください。',
  },
  addressRemoved: {
    title: 'このメールアドレスの登録を消しました',
    body: '今後、このアドレスにはお知らせを送りません。',
    next: '心当たりがないときは、下のページにサインインして、登録を確かめてください。',
  },
  addressReplaced: {
    title: 'お知らせの送り先を変更しました',
    body: '今後のお知らせは、新しく登録されたアドレスに送ります。このアドレスには送りません。',
    next: '心当たりがないときは、下のページにサインインして、登録を確かめてください。',
  },
  confirmation: {
    title: 'メールアドレスの確認',
    body: 'このアドレスをお知らせの送り先にするには、24時間以内に、サインインした画面で次の確認コードを入力してください。',
    code: (code: string) => `確認コード：${code}`,
    link: '次のページを開くと、コードが入力された状態になります。',
    next: '心当たりがないときは、何もしないでください。このアドレスは登録されません。確認コードは、誰にも教えないでください。',
  },
  portal: 'あなたのページ：',
  footer: 'このメールに返信しても、お答えできません。お知らせの送り先は、上のページで変更したり、消したりできます。',
};

export type MailWords = typeof jaMail;
