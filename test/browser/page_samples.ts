import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { builtInCatalogue } from '../../provider/attributes/catalogue/catalogue.ts';
import { latestConsentSentences, latestConsentText } from '../../provider/attributes/latest_consent_text.ts';
import { applicationSentences, applicationText } from '../../provider/identity/application.ts';
import { loadAssets, serveAssets } from '../../provider/web/assets.ts';
import { preferences } from '../../provider/web/preferences.ts';
import { createRenderer } from '../../provider/web/render.ts';
import { securityHeaders } from '../../provider/web/security_headers.ts';
import { sendPage } from '../../provider/web/send_page.ts';
import type { PageInputs, PageName } from '../../views/models.ts';
import { portalSamples } from './portal_samples.ts';

export interface Sample<Name extends PageName = PageName> {
  page: Name;
  input: PageInputs[Name];
}

const relyingParty = {
  name: 'みなと市立図書館 オンライン予約',
  returnUrl: 'https://library.minato.example/callback',
  privacyPolicyUrl: 'https://library.minato.example/privacy',
  termsUrl: 'https://library.minato.example/terms',
};

const signIn: PageInputs['sign_in'] = {
  relyingParty,
  action: '/interaction/1/sign-in',
  cancelAction: '/interaction/1/cancel',
  csrf: 'a form token',
  nonce: 'a-challenge',
  agentUrl: 'http://127.0.0.1:9',
  agentHelpUrl: 'https://hub.example/agent',
  reloadPath: '/sign-in',
  lifetimeSeconds: 300,
};

const latestConsent: PageInputs['latest_consent'] = {
  relyingParty,
  purpose: '図書の予約と貸出の本人確認のため',
  action: '/interaction/1/latest-attributes',
  csrf: 'a form token',
  items: [
    { name: 'name', checked: false },
    { name: 'address', checked: true },
  ],
  until: '2036-11-30',
  isNothingChosen: false,
  terms: latestConsentSentences('ja'),
};

const consentToKeep: PageInputs['consent'] = {
  relyingParty,
  action: '/interaction/1/consent',
  csrf: 'a form token',
  duration: { days: 365 },
  claims: [
    { ...claim('sub'), required: true },
    { ...claim('address'), required: false, checked: true },
  ],
};

function sample<Name extends PageName>(page: Name, input: PageInputs[Name]): Sample {
  return { page, input };
}

const nothingYet = {
  ...{ name: '', address: '', birthYear: '', birthMonth: '', birthDay: '', gender: '' },
  takesOver: false,
  knowsOfEarlier: false,
};

const enrolment: PageInputs['enrolment_form'] = {
  relyingParty,
  action: '/interaction/1/enrolment',
  backPath: '/interaction/1',
  csrf: 'a form token',
  fields: nothingYet,
  signsIn: false,
  ...applicationSentences('ja'),
  termsUrl: 'https://hub.example/terms',
};

const filledIn = {
  name: '見本　太郎',
  address: '東京都千代田区永田町９－９－９　見本ハイツ１０１号室',
  ...{ birthYear: '1980', birthMonth: '13', birthDay: '1', gender: 'male' },
  ...{ takesOver: false, knowsOfEarlier: false },
};

const application = applicationText(
  { ...filledIn, birthdate: '1980-01-01', language: 'ja' },
  {
    origin: 'https://hub.example',
    nonce: Buffer.alloc(72, 0x5a).toString('base64'),
    terms: { version: '2026-11', url: 'https://hub.example/terms' },
  },
);

const toSign: PageInputs['document_sign'] = {
  kind: 'enrolment',
  action: '/interaction/1/enrolment/signed',
  editAction: '/interaction/1/enrolment',
  reloadPath: '/interaction/1/enrolment',
  fields: { csrf: 'a form token' },
  nonce: 'a-challenge',
  document: application,
  agentUrl: 'http://127.0.0.1:9',
  agentHelpUrl: 'https://hub.example/agent',
  lifetimeSeconds: 300,
};

/** Stands in a sample for the origin of the server that shows it. */
const OWN_ORIGIN = 'http://own-origin.invalid';

const insurer = { ja: '見本健康保険組合', en: 'Example Health Insurance Society' };

/** Every page in a plausible and in a crowded state, by the path that the sample server shows it under. */
export const samples: Readonly<Record<string, Sample>> = {
  'sign-in': sample('sign_in', signIn),
  'sign-in-refused': sample('sign_in', { ...signIn, errorCode: 'certificate_expired' }),
  'sign-in-both-ways': sample('sign_in', { ...signIn, certificatePath: '/interaction/1/certificate' }),
  ...Object.fromEntries(
    ['certificate_missing', 'certificate_revoked', 'revocation_unavailable', 'certificate_step_over'].map(
      (errorCode) => [
        errorCode.replaceAll('_', '-'),
        sample('certificate_problem', {
          relyingParty,
          errorCode,
          certificatePath: '/interaction/1/certificate',
          otherWayPath: '/interaction/1',
          cancelAction: '/interaction/1/cancel',
          csrf: 'a form token',
        }),
      ],
    ),
  ),
  consent: sample('consent', {
    relyingParty,
    action: '/interaction/1/consent',
    csrf: 'a form token',
    purpose: '図書の予約と貸出の本人確認のため',
    duration: { days: 365 },
    offline: true,
    statusCheck: true,
    claims: [
      { ...claim('sub'), required: true },
      { ...claim('card_status'), required: false },
      { ...claim('name'), required: true },
      { ...claim('birthdate'), required: false, checked: true },
      { ...claim('health_insurance_valid'), source: insurer, required: false },
      { ...claim('checkup_results'), source: insurer, required: false, sealed: true, purpose: '健康相談に使います。' },
      { ...claim('address'), required: false, withheld: 'not_held' },
      { ...claim('payment_token'), required: false, withheld: 'not_connected' },
      { ...claim('medical_costs'), required: false, withheld: 'not_accepted' },
    ],
    connect: { path: '/portal/providers', reloadPath: '/interaction/1' },
    signReceipt: { checked: true },
  }),
  'consent-to-more': sample('consent', {
    relyingParty,
    action: '/interaction/1/consent',
    csrf: 'a form token',
    purpose: '図書の予約と貸出の本人確認のため',
    duration: { days: 365 },
    claims: [
      {
        ...claim('birthdate'),
        ...{ required: false },
        purpose: '年齢に合った本をおすすめするため',
      },
    ],
    kept: [
      { label: claim('sub').label, isGranted: true },
      { label: claim('address').label, isGranted: false },
    ],
    period: 'every_time',
    signReceipt: { checked: true },
  }),
  'consent-to-enrol': sample('consent', {
    relyingParty,
    action: '/interaction/1/consent',
    csrf: 'a form token',
    duration: { days: 365 },
    claims: [
      { ...claim('sub'), required: true },
      { ...claim('name'), required: false },
    ],
    enrolment: { path: '/interaction/1/enrolment', again: true },
  }),
  'consent-to-keep': sample('consent', {
    ...consentToKeep,
    latest: { path: '/interaction/1/latest-attributes', isOffered: true },
  }),
  'consent-kept': sample('consent', {
    ...consentToKeep,
    latest: {
      path: '/interaction/1/latest-attributes',
      isOffered: true,
      live: {
        withdrawAction: '/interaction/1/latest-attributes/withdraw',
        items: ['name', 'address'],
        since: Date.UTC(2026, 10, 30, 3),
        until: Date.UTC(2036, 10, 30, 14, 59, 59),
      },
    },
  }),
  'latest-consent': sample('latest_consent', latestConsent),
  'latest-consent-nothing-chosen': sample('latest_consent', {
    ...latestConsent,
    items: latestConsent.items.map(({ name }) => ({ name, checked: false })),
    isNothingChosen: true,
  }),
  'latest-consent-sign': sample('document_sign', {
    ...toSign,
    kind: 'latestConsent',
    document: latestConsentText(
      {
        language: 'ja',
        service: { name: relyingParty.name, host: 'library.minato.example', purpose: latestConsent.purpose },
        items: ['name', 'address'],
        until: latestConsent.until,
      },
      { origin: 'https://hub.example', nonce: Buffer.alloc(72, 0x5a).toString('base64') },
    ),
  }),
  'sign-in-or-enrol': sample('sign_in', { ...signIn, enrolmentPath: '/interaction/1/enrolment' }),
  'enrolment-form': sample('enrolment_form', enrolment),
  'enrolment-form-with-problems': sample('enrolment_form', {
    ...enrolment,
    signsIn: true,
    fields: { ...filledIn, name: '' },
    problems: { name: 'missing', birthdate: 'no_date' },
  }),
  'enrolment-form-that-differs': sample('enrolment_form', {
    ...enrolment,
    fields: { ...filledIn, birthMonth: '1' },
    written: { name: '見本　次郎', gender: 'female' },
  }),
  'enrolment-form-registered-before': sample('enrolment_form', {
    ...enrolment,
    signsIn: true,
    fields: { ...filledIn, birthMonth: '1', knowsOfEarlier: true },
  }),
  'enrolment-sign': sample('document_sign', toSign),
  'enrolment-sign-refused': sample('document_sign', { ...toSign, errorCode: 'signing_certificate_revoked' }),
  'enrolment-done': sample('enrolment_done', {
    attributes: {
      name: '見本　太郎',
      address: '東京都千代田区永田町９－９－９',
      birthdate: { year: 1980, month: 1, day: undefined },
      gender: 'male',
    },
    hasSubstitutes: true,
    continuePath: '/interaction/1',
  }),
  notices: sample('notices', {
    notices: [
      { kind: 'device_added', at: Date.UTC(2026, 10, 30, 3) },
      { kind: 'attributes_stale', at: Date.UTC(2026, 11, 1, 4) },
    ],
    continuePath: '/authorize/1',
  }),
  error: sample('error', {
    code: 'revocation_unavailable',
    reference: '01JD-7Q4K-2M9X',
    relyingParty,
    backUrl: 'https://library.minato.example/',
  }),
  'send-form': sample('send_form', { action: `${OWN_ORIGIN}/unanswered`, fields: { code: 'a code', submit: 'yes' } }),
  'sign-out-confirm': sample('sign_out_confirm', { action: '/session/end/confirm', fields: { xsrf: 'a form token' } }),
  'signed-out': sample('signed_out', { relyingParty, backUrl: 'https://library.minato.example/' }),
  'signing-out': sample('signing_out', {
    whose: 'own',
    services: [
      { name: relyingParty.name, state: 'told' },
      { name: 'みなとスポーツ予約', state: 'not_told' },
      { name: 'みなと市民ポータル', state: 'waiting' },
    ],
    continuePath: '/saml/logout/next?step=3',
  }),
  'partly-signed-out': sample('partly_signed_out', {
    services: [relyingParty.name, 'みなとスポーツ予約'],
    continueUrl: 'https://library.minato.example/',
  }),
  ...portalSamples,
  home: sample('home', {
    issuer: 'https://hub.example',
    discoveryUrl: 'https://hub.example/.well-known/openid-configuration',
    documentationUrl: 'https://hub.example/docs',
  }),
};

export interface SampleServer {
  /** `http://localhost:<port>` */
  origin: string;
  /** Bodies of the forms that pages have sent, oldest first. */
  forms: URLSearchParams[];
  close(): Promise<void>;
}

/** Shows every sample under its name, with the hub's own headers, assets and preferences; other samples on request. */
export async function startSampleServer(more: Readonly<Record<string, Sample>> = {}): Promise<SampleServer> {
  const server = createServer();
  const port = await listen(server);
  const origin = `http://localhost:${port}`;
  const forms: URLSearchParams[] = [];
  const assets = loadAssets();
  const renderer = createRenderer({ assets, sandbox: true });

  const app = new Koa();
  app.use(securityHeaders({ publicUrl: origin }));
  app.use(serveAssets(assets));
  app.use(preferences({ publicUrl: origin }));
  app.use(async (ctx) => {
    const known = { ...samples, ...more };
    const name = ctx.path.slice(1);
    if (ctx.method === 'POST') {
      const chunks: Buffer[] = [];
      for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
      forms.push(new URLSearchParams(Buffer.concat(chunks).toString()));
      // Without content, browsers stay on the page that sent the form.
      if (ctx.path === '/unanswered') ctx.status = 204;
      // Without an icon of its own the page would have the browser ask for one that is not there, and complain at times.
      else ctx.body = `<!doctype html><link rel="icon" href="${assets.assetUrl('icon.svg')}">received`;
    } else if (Object.hasOwn(known, name)) {
      const { page, input } = known[name] as Sample;
      sendPage(ctx, renderer, page, JSON.parse(JSON.stringify(input).replaceAll(OWN_ORIGIN, origin)));
    }
  });
  server.on('request', app.callback());
  return {
    origin,
    forms,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => resolve((server.address() as AddressInfo).port));
  });
}

function claim(name: string) {
  const found = builtInCatalogue.find(name);
  if (!found) throw new Error(`the catalogue has no ${name}`);
  const { label, explanation, source } = found;
  return { name, label, explanation, source };
}
