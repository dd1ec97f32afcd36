import assert from 'node:assert/strict';
import {
  generateProviderKey,
  type RunningProvider,
  startAttributeProvider,
} from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { type ProviderName, SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import type { Clock } from '../../provider/world.ts';
import { fillIn, formOf, signApplication } from './enrol.ts';
import { createHttpBrowser, type HttpBrowser } from './http_browser.ts';
import type { TestHub } from './hub.ts';

/** One of the sandbox's providers, registered at the hub with all that it offers. */
export async function joinProvider(
  hub: TestHub,
  name: ProviderName,
  clock: Clock = Date.now,
): Promise<RunningProvider> {
  const { id, kind, names, entries, offers } = SANDBOX_PROVIDERS[name];
  const running = await startAttributeProvider({
    ...{ provider: SANDBOX_PROVIDERS[name], issuer: hub.issuer, port: 0, privateKey: generateProviderKey(), clock },
  });
  const { url, keys } = running;
  await hub.hub.attributeProviders.add({ id, kind, names, entries, url, keys });
  await hub.hub.attributeProviders.offer(id, offers, true);
  return running;
}

/** Has a citizen enrol on the way to the portal: the hub's id of them, and the browser that is signed in. */
export async function enrolAtPortal(
  hub: TestHub,
  card: string,
): Promise<{ readonly subjectId: string; readonly browser: HttpBrowser }> {
  const browser = createHttpBrowser();
  const signIn = await browser.get(`${hub.issuer}/portal`);
  const [path] = /\/interaction\/[^/"]+/.exec(signIn.text) ?? [];
  const form = await browser.get(`${hub.issuer}${path}/enrolment`);
  const done = await signApplication(hub, browser, await fillIn(browser, form, formOf(hub, card)), { card });
  assert.match(done.text, /登録が終わりました/);
  const [, next = ''] = /class="button [^"]*" href="([^"]+)"/.exec(done.text) ?? [];
  assert.equal((await browser.get(new URL(next, hub.issuer).href)).url, `${hub.issuer}/portal`);
  const events = await hub.hub.storage.audit.read(0n, 10_000);
  return { subjectId: events.findLast(({ kind }) => kind === 'subject.enrolled')?.subjectId ?? '', browser };
}
