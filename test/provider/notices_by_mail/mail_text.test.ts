import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtInCatalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import type { MailContent } from '../../../provider/notices_by_mail/mail_content.ts';
import { mailText } from '../../../provider/notices_by_mail/mail_text.ts';

const AT = Date.parse('2026-11-30T13:05:00Z');
const CONSENT = { kind: 'consent', clientId: 'rp-1', claims: ['sub', 'name', 'birthdate'] } as const;

function write(content: MailContent, name?: { ja: string; en: string }) {
  const world = {
    hub: { ja: 'Musubi 結び', en: 'Musubi' },
    publicUrl: 'https://id.example.jp',
    catalogue: builtInCatalogue,
    partyName: async () => name,
  };
  return mailText(world, content, AT);
}
const linksIn = (text: string) => [...text.matchAll(/https?:\S+/g)].map(([link]) => link);

describe('the text of a mail', () => {
  it('names the relying party and the claims by their labels, in both languages', async () => {
    const { text } = await write(CONSENT, { ja: 'さくら医院', en: 'Sakura Clinic' });
    assert.match(text, /「さくら医院」への情報の提供に同意しました[\s\S]*- 氏名\n- 生年月日/);
    assert.match(text, /“Sakura Clinic”[\s\S]*- Name\n- Date of birth/);
    assert.doesNotMatch(text, /birthdate|rp-1/);
  });

  it('says when it happened, by the clocks of Japan', async () => {
    const { text } = await write(CONSENT);
    assert.match(text, /2026年11月30日 22:05（日本時間）/);
    assert.match(text, /November 30, 2026.*10:05.PM \(Japan time\)/);
  });

  it('calls a relying party that is registered no more by its id', async () => {
    assert.match((await write(CONSENT)).text, /「rp-1」/);
  });

  it('keeps the name of a relying party on one line, readable and short', async () => {
    const name = `Clinic\r\nBcc: x@example.jp\n\nPay here:\u2028\u202eevil\u0000${'x'.repeat(500)}`;
    const { text } = await write(CONSENT, { ja: name, en: name });
    const [line = ''] = text.split('\n').filter((each) => each.startsWith('「Clinic'));
    assert.match(line, /^「Clinic Bcc: x@example\.jp Pay here: evil x+」への/);
    assert.ok(line.length < 150);
    assert.doesNotMatch(text, /[\u202e\u2028\0\r]/);
  });

  it('has the same subject whatever it tells of: it is seen on locked screens', async () => {
    const kinds = ['card_renewed', 'device_added', 'unusual_sign_in', 'account_locked', 'address_removed'] as const;
    const mails = await Promise.all([write(CONSENT), ...kinds.map((kind) => write({ kind }))]);
    assert.deepEqual(
      [...new Set(mails.map(({ subject }) => subject))],
      ['Musubi 結びからのお知らせ / A notice from Musubi'],
    );
  });

  it('has no link but the one to the person’s own page', async () => {
    const kinds = [
      ...(['card_renewed', 'device_added', 'registration_taken_over', 'attributes_stale', 'unusual_sign_in'] as const),
      ...(['account_locked', 'address_removed', 'address_replaced'] as const),
    ];
    for (const content of [CONSENT, ...kinds.map((kind) => ({ kind }))]) {
      const { text } = await write(content);
      assert.deepEqual([...new Set(linksIn(text))], ['https://id.example.jp/portal'], content.kind);
    }
  });

  it('has the code of a confirmation to type and in a link', async () => {
    const { subject, text } = await write({ kind: 'confirmation', code: '0123456789' });
    assert.match(text, /確認コード：01234-56789/);
    assert.match(text, /Code: 01234-56789/);
    assert.deepEqual([...new Set(linksIn(text))], ['https://id.example.jp/portal/mail?code=0123456789']);
    assert.doesNotMatch(subject, /\d/);
  });

  it('never tells why a card or an attribute is no longer good', async () => {
    const { text } = await write({ kind: 'attributes_stale' });
    assert.doesNotMatch(text, /死亡|亡くな|deceas|death|died|serial|シリアル/i);
  });
});
