import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  generateProviderKey,
  type RunningProvider,
  startAttributeProvider,
} from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { sendForm } from './relying_party.ts';

let hub: TestHub;
let insurer: RunningProvider;
/** Taro, who enrols on the way to the portal. */
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub({ settings: { attributes: { providerTimeoutSeconds: 1 } } });
  const { id, kind, names, entries, offers } = SANDBOX_PROVIDERS.kenpo;
  insurer = await startAttributeProvider({
    ...{ provider: SANDBOX_PROVIDERS.kenpo, issuer: hub.issuer, port: 0, privateKey: generateProviderKey() },
    clock: Date.now,
  });
  const { url, keys } = insurer;
  await hub.hub.attributeProviders.add({ id, kind, names, entries, url, keys });
  await hub.hub.attributeProviders.offer(id, offers, true);
});
after(async () => {
  await hub?.stop();
  await insurer?.close();
});

const open = (path: string, by = browser) => by.get(hub.issuer + path);

describe('a person and their insurer', () => {
  it('enrols on the way to the portal, and sees what was registered', async () => {
    browser = createHttpBrowser();
    const signIn = await open('/portal/attributes');
    const uid = /\/interaction\/[^/"]+/.exec(signIn.text)?.[0];
    const application = await fillIn(browser, await open(`${uid}/enrolment`), formOf(hub, 'taro'));
    const done = await signApplication(hub, browser, application, { card: 'taro' });
    assert.match(done.text, /登録が終わりました/);
    const [, next = ''] = /class="button [^"]*" href="([^"]+)"/.exec(done.text) ?? [];
    const page = await browser.get(new URL(next, hub.issuer).href);
    assert.equal(page.url, `${hub.issuer}/portal/attributes`);
    assert.match(page.text, /山田 太郎/);
    assert.match(page.text, /最新であることを確認済み/);
    assert.match((await open('/portal')).text, /山田 太郎 さん/);
  });

  it('is told that nobody knows them by a wrong number, and keeps what was entered', async () => {
    const form = await open('/portal/providers/musubi-kenpo');
    const refused = await sendForm(browser, form, { 'entry.symbol': '12345', 'entry.number': '9999' });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /role="alert"/);
    assert.match(refused.text, /value="9999"/);
    assert.match((await open('/portal/providers')).text, /連携しているところはありません/);
  });

  it('is connected by the insurer’s word, sees the certificate and the check-ups, and is not when it is away', async () => {
    const form = await open('/portal/providers/musubi-kenpo');
    const done = await sendForm(browser, form, { 'entry.symbol': '12345', 'entry.number': '6789' });
    assert.match(done.text, /連携しました/);
    const { text } = await open('/portal/attributes');
    for (const shown of ['健康保険の資格情報', 'むすび健康保険組合', '保険者番号', '医療費の総額', '収縮期血圧']) {
      assert.ok(text.includes(shown), shown);
    }
    assert.match(text, /基準の範囲/);
    const records = JSON.parse((await open('/portal/download.json')).text);
    assert.ok(records.attributes.some(({ name }: { name: string }) => name === 'health_insurance'));
    assert.match((await open('/portal/history')).text, /記録はありません/, 'what one sees oneself left for nobody');

    await insurer.close();
    const without = await open('/portal/attributes');
    assert.equal(without.status, 200);
    assert.match(without.text, /いまは受け取れませんでした/);
    assert.match(without.text, /山田 太郎/);
  });

  it('is disconnected by nobody else', async () => {
    const [link = ''] =
      /\/portal\/providers\/memberships\/[^"]+\/end/.exec((await open('/portal/providers')).text) ?? [];
    const other = createHttpBrowser();
    const entered = await hub.answerPages(await open('/portal/report', other), { browser: other, card: 'ichiro' });
    const { csrf = '' } = hiddenFields(entered.text);
    assert.equal((await open(link, other)).status, 404);
    assert.equal((await other.post(hub.issuer + link, { csrf })).status, 404);
    assert.match((await sendForm(browser, await open(link))).text, /連携をやめました/);
    assert.doesNotMatch((await open('/portal/attributes')).text, /健康保険/);
  });
});
