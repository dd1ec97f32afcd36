import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAssets } from '../../provider/web/assets.ts';
import { createRenderer } from '../../provider/web/render.ts';
import type { PageInputs, PageName } from '../../views/models.ts';
import { languages } from '../../views/words/words.ts';

const renderer = createRenderer({ assets: loadAssets(), sandbox: true });
/** Closes an attribute, an element, a comment; opens a script. */
const hostile = `'"></title></textarea>--><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\${7*7}<%= 7*7 %>`;
const both = { ja: hostile, en: hostile };
const words = { label: both, explanation: both };
const relyingParty = {
  name: hostile,
  returnUrl: `https://rp.example/${hostile}`,
  logoUrl: `https://cdn.example/"onload="alert(1)`,
  privacyPolicyUrl: `https://rp.example/'"><script>alert(1)</script>`,
  termsUrl: 'javascript:alert(1)',
};

const portalParty = { clientId: hostile, name: hostile, host: hostile, isRegistered: false };
const portalProvider = { id: hostile, name: hostile, kind: 'insurer' } as const;
const portalClaim = { name: hostile, label: hostile };
const portalAttributes: PageInputs['portal_attributes']['attributes'] = [
  { ...portalClaim, explanation: hostile, type: undefined, value: hostile, source: hostile, asOf: 0, isCurrent: false },
  { ...portalClaim, explanation: hostile, type: undefined, value: { [hostile]: hostile, more: [hostile] } },
  { ...portalClaim, explanation: hostile, type: undefined, value: [{ [hostile]: hostile }] },
];
const portalConsent: PageInputs['portal_consents']['live'][number] = {
  id: hostile,
  party: portalParty,
  granted: [portalClaim],
  declined: [portalClaim],
  purpose: hostile,
  grantedAt: 0,
  expiresAt: 0,
  endedAt: undefined,
  state: 'live',
  period: 'once',
  receipts: [{ event: 'granted', path: '/r"' }],
};
const portalDisclosure: PageInputs['portal_history']['items'][number] = {
  party: portalParty,
  claims: [portalClaim],
  at: 0,
  exit: 'userinfo',
  isDelivered: false,
  consentedAt: 0,
};
const portalCard: PageInputs['portal_cards']['cards'][number] = {
  kind: 'user',
  state: 'good',
  method: 'linkage',
  boundAt: 0,
  checkedAt: 0,
  notAfter: 0,
};
const portalSession: PageInputs['portal_sessions']['sessions'][number] = {
  handle: hostile,
  isThis: false,
  signedInAt: 0,
  expiresAt: 0,
  method: 'tls',
  parties: [portalParty],
};

const inputs: PageInputs = {
  sign_in: {
    relyingParty,
    action: '/a"b',
    cancelAction: '/c',
    csrf: hostile,
    nonce: hostile,
    agentUrl: 'http://127.0.0.1:4000',
    agentHelpUrl: 'javascript:alert(1)',
    reloadPath: "/r'><script>",
    lifetimeSeconds: 300,
    errorCode: hostile,
  },
  certificate_problem: {
    relyingParty,
    errorCode: hostile,
    certificatePath: '/a"b',
    otherWayPath: "/r'><script>",
    cancelAction: '/c',
    csrf: hostile,
  },
  consent: {
    relyingParty,
    action: '/c',
    csrf: hostile,
    purpose: hostile,
    duration: { days: 30 },
    offline: true,
    claims: [
      { name: hostile, ...words, source: both, required: true },
      { name: hostile, ...words, source: both, required: false, checked: true },
      {
        name: 'name',
        ...words,
        source: 'signing_certificate',
        required: false,
        withheld: 'not_accepted',
        purpose: hostile,
      },
    ],
    kept: [{ label: both, isGranted: true }],
    signReceipt: { checked: true },
  },
  enrolment_form: {
    relyingParty,
    action: '/a"b',
    backPath: "/b'><script>",
    csrf: hostile,
    fields: {
      ...{ name: hostile, address: hostile, birthYear: hostile, birthMonth: hostile, birthDay: hostile },
      ...{ gender: hostile, takesOver: true, knowsOfEarlier: true },
    },
    problems: { name: 'characters', birthdate: 'no_date' },
    written: { address: hostile, gender: hostile },
    signsIn: true,
    purpose: [hostile],
    terms: [hostile],
    termsUrl: 'javascript:alert(1)',
  },
  latest_consent: {
    relyingParty: { name: hostile },
    purpose: hostile,
    action: '/a"b',
    csrf: hostile,
    items: [{ name: 'name', checked: true }],
    until: '2036-11-30',
    isNothingChosen: true,
    terms: [hostile],
  },
  document_sign: {
    kind: 'latestConsent',
    action: '/a"b',
    editAction: '/c',
    reloadPath: "/r'><script>",
    fields: { [hostile]: hostile },
    nonce: hostile,
    document: hostile,
    agentUrl: 'http://127.0.0.1:4000',
    lifetimeSeconds: 300,
    errorCode: hostile,
  },
  enrolment_done: {
    attributes: {
      name: hostile,
      address: hostile,
      birthdate: { year: 1980, month: undefined, day: 1 },
      gender: 'female',
    },
    hasSubstitutes: true,
    continuePath: '/c"d',
  },
  notices: { notices: [{ kind: 'device_added', at: 0 }], continuePath: '/c"d' },
  error: { code: 'certificate_revoked', reference: hostile, relyingParty, backUrl: 'https://rp.example/' },
  send_form: { action: 'https://rp.example/?"a', fields: { [hostile]: hostile } },
  sign_out_confirm: { action: '/end', fields: { [hostile]: hostile }, confirm: { name: hostile, value: hostile } },
  signed_out: { relyingParty, backUrl: 'https://rp.example/' },
  signing_out: { whose: 'own', services: [{ name: hostile, state: 'told' }], continuePath: '/c"d' },
  partly_signed_out: { services: [hostile], continueUrl: 'https://rp.example/' },
  portal_top: {
    name: hostile,
    signedInAt: 0,
    otherSignInAt: undefined,
    tasks: ['enrol', 'enrol_again'],
    enrolmentPath: '/portal/sign-in?"a',
    notices: [{ kind: 'card_renewed', at: 0 }],
  },
  portal_attributes: { attributes: portalAttributes },
  portal_consents: {
    live: [portalConsent],
    past: [{ ...portalConsent, state: 'withdrawn', endedAt: 0 }],
    olderPath: '/portal/consents?"',
  },
  portal_history: {
    counts: [{ party: portalParty, claims: [portalClaim], count: 3, lastAt: 0 }],
    counted: 10,
    parties: [portalParty],
    claims: [portalClaim],
    chosen: { clientId: hostile, claim: hostile, from: hostile, until: hostile },
    isDateWrong: true,
    items: [portalDisclosure],
    olderPath: 'javascript:alert(1)',
  },
  portal_cards: { cards: [portalCard] },
  portal_sessions: { sessions: [portalSession] },
  portal_providers: {
    memberships: [{ id: hostile, boundAt: 0, provider: portalProvider, needsSignIn: true }],
    others: [portalProvider],
  },
  portal_connect: {
    csrf: hostile,
    provider: portalProvider,
    signInHost: hostile,
    entries: [{ name: hostile, label: hostile, maxLength: 5, isOptional: true, value: hostile }],
    errorCode: hostile,
  },
  portal_notices: { notices: [{ kind: 'device_added', at: 0 }], offersMail: true },
  portal_mail: {
    ...{ csrf: hostile, address: hostile, refusedAt: 0, pending: { address: hostile, until: 0, isRefused: true } },
    ...{ code: hostile, entered: hostile, errorCode: hostile },
  },
  portal_download: {},
  portal_record: {
    at: 0,
    attributes: portalAttributes,
    consents: [portalConsent],
    disclosures: [portalDisclosure],
    isCut: true,
    cards: [portalCard],
    sessions: [portalSession],
    memberships: [{ name: hostile, boundAt: 0 }],
    mailAddress: hostile,
    notices: [{ kind: 'device_added', at: 0 }],
    reports: [{ reference: hostile, kind: 'other', at: 0, text: hostile }],
  },
  portal_report: {
    csrf: hostile,
    parties: [portalParty],
    kind: hostile,
    clientId: hostile,
    text: hostile,
    limit: 1000,
    problems: ['missing', 'missingKind'],
  },
  portal_confirm: {
    decision: 'withdraw',
    csrf: hostile,
    action: '/a"b',
    backPath: "/b'><script>",
    fields: { [hostile]: hostile },
    party: portalParty,
    claims: [portalClaim],
  },
  portal_done: { done: 'locked', reference: hostile },
  home: { issuer: hostile, discoveryUrl: 'https://hub.example/.well-known/openid-configuration' },
};
const pages = Object.keys(inputs) as PageName[];

function render(page: PageName, language: 'ja' | 'en' = 'ja', returnPath = '/') {
  return renderer.render(page, inputs[page], { language, textSize: 'large', color: 'dark', returnPath });
}

describe('every page', () => {
  for (const page of pages) {
    for (const language of languages) {
      it(`escapes hostile values: ${page}, ${language}`, () => {
        const { html } = render(page, language);
        assert.doesNotMatch(html, /<script>/);
        assert.doesNotMatch(html, /<img src=x/);
        assert.doesNotMatch(html, /onerror=alert\(1\)>/);
        assert.doesNotMatch(html, /javascript:/);
        // Ours are: module scripts from our own assets, and nothing inline.
        for (const [tag] of html.matchAll(/<script[^>]*>/g))
          assert.match(tag, /^<script type="module" src="\/assets\//);
        assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+="/);
      });

      it(`misses no word: ${page}, ${language}`, () => {
        const { html } = render(page, language);
        assert.doesNotMatch(html, /undefined|\[object|NaN|=> /);
        assert.match(html, new RegExp(`<html lang="${language}" class="text-large color-dark">`));
        assert.match(html, /<title>[^<]+ - Musubi 結び<\/title>/);
        assert.equal(html.match(/<h1>/g)?.length, 1);
        assert.match(html, /<main class="main" id="main"/);
      });
    }
  }

  it('returns from the switches only to this site', () => {
    assert.match(render('home', 'ja', '/interaction/1').html, /name="return" value="\/interaction\/1"/);
    assert.match(render('home', 'ja', '//evil.example').html, /name="return" value="\/"/);
  });

  it('costs well under a fifth of a millisecond', () => {
    const runs = 2000;
    for (let i = 0; i < 1000; i++) render('consent');
    const start = process.cpuUsage();
    for (let i = 0; i < runs; i++) render('consent');
    const { user } = process.cpuUsage(start);
    assert.ok(user / 1000 / runs < 0.2, `${user / 1000 / runs} ms`);
  });
});

describe('the consent page', () => {
  it('gives agreeing and refusing the same button, refusing first for the enter key', () => {
    const buttons = [...render('consent').html.matchAll(/<button class="([^"]+)" name="decision" value="(\w+)">/g)];
    assert.deepEqual(
      buttons.map(([, , value]) => value),
      ['refuse', 'agree'],
    );
    assert.equal(buttons[0]?.[1], buttons[1]?.[1]);
  });

  it('has a box to tick for optional claims only', () => {
    assert.equal(render('consent').html.match(/type="checkbox" [^>]*name="claims"/g)?.length, 1);
  });
});

describe('the sign-in page', () => {
  it('allows pictures from the logo’s origin and no other', () => {
    assert.deepEqual(render('sign_in').imageOrigins, ['https://cdn.example']);
  });

  it('shows a refusal as an alert and in the title', () => {
    const { html } = render('sign_in');
    assert.match(html, /role="alert" data-refusal/);
    assert.match(html, /<title>エラー：/);
  });
});
