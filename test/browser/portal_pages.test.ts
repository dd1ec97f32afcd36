import { after, before, describe } from 'node:test';
import type { Browser } from 'playwright-core';
import { describePages } from './page_checks.ts';
import { type SampleServer, startSampleServer } from './page_samples.ts';
import { launchChromium } from './person.ts';
import { portalSamples } from './portal_samples.ts';

/* A file of its own: together with the other pages they would take longer than one file may on a busy machine. */

let browser: Browser;
let server: SampleServer;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), startSampleServer()]);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('every page of the portal', () => {
  describePages(Object.keys(portalSamples), () => ({ browser, origin: server.origin }));
});
