import assert from 'node:assert/strict';
import type { ServerOptions as TlsServerOptions } from 'node:https';
import {
  generateProviderKey,
  type RunningProvider,
  startAttributeProvider,
} from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import type { SandboxProvider } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import { type Clock, systemClock } from '../../provider/world.ts';
import { isConsentPage, open, presentCard, type RelyingParty } from '../protocol/relying_party.ts';
import { fillIn, formOf, signApplication } from './enrol.ts';
import { createHttpBrowser } from './http_browser.ts';
import type { TestHub } from './hub.ts';

/** One of the sandbox's providers in this process, registered at the hub with all that it offers. */
export async function startRegisteredProvider(
  hub: TestHub,
  provider: SandboxProvider,
  clock: Clock = systemClock,
  tls?: TlsServerOptions,
): Promise<RunningProvider> {
  const running = await startAttributeProvider({
    ...{ provider, issuer: hub.issuer, port: 0, privateKey: generateProviderKey(), clock, tls },
  });
  const { id, kind, names, entries, forms, offers } = provider;
  const { url, keys } = running;
  await hub.hub.attributeProviders.add({ id, kind, names, entries, forms, url, keys });
  await hub.hub.attributeProviders.offer(id, offers, true);
  return running;
}

/** Has a citizen enrol on the way to `party`, which may ask for `name`; returns the hub's id of them. */
export async function enrolAt(hub: TestHub, party: RelyingParty, card: string): Promise<string> {
  const browser = createHttpBrowser();
  const attempt = await party.attempt({ scope: 'openid name', prompt: 'consent' });
  const consent = await presentCard(hub, browser, await open(party.authorizationUrl(attempt), browser), { card });
  assert.ok(isConsentPage(consent), consent.text);
  const uid = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
  const form = await browser.get(new URL(`${uid}/enrolment`, consent.url).href);
  const application = await fillIn(browser, form, formOf(hub, card));
  assert.match((await signApplication(hub, browser, application, { card })).text, /登録が終わりました/);
  const events = await hub.hub.storage.audit.read(0n, 10_000);
  return events.findLast(({ kind }) => kind === 'subject.enrolled')?.subjectId ?? '';
}
