import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt, type JSONWebKeySet } from 'jose';
import type { RunningProvider } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import { SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import { builtInCatalogue } from '../../provider/attributes/catalogue/catalogue.ts';
import { verifyAuditChain } from '../../provider/audit/audit_chain.ts';
import type { Disclosure, Exit } from '../../provider/consent/consent_store.ts';
import { verifyHistory } from '../../provider/consent/verify_records.ts';
import { claimNamed } from '../../provider/saml/attribute_names.ts';
import { createFaults, type Fault, QUESTION, type Step } from '../support/faults.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import type { HttpBrowser, Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { enrolAtPortal, joinProvider } from '../support/insured.ts';
import { attributesIn, callSoap, QUERY_PATH, signedQuery, statusIn } from '../support/saml/query_party.ts';
import {
  basic,
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  open,
  REDIRECT_URI,
  type RelyingParty,
  tokenForm,
} from './relying_party.ts';
import { createSamlParty, type SamlParty } from './saml_party.ts';

/*
 * A release is a row, then an answer. The hub fails here at every step that it takes outside itself between the consent
 * and the last answer: never is anything received without its row, and a row whose answer was not received says that it is
 * not confirmed.
 */

const CLAIMS = ['name', 'health_insurance_valid'];
const DISCLOSE = 'consent_disclose';
const CONFIRM = 'consent_confirm_delivery';
/** What is done for a person: the rest is what the hub does by itself, whenever it likes. */
const OF_A_PERSON =
  /^(begin|commit|artefact_(?!sweep|count)|audit_append|consent_|enrolment_find|identity_|provider_(?!sweep)|question to a)/;

/**
 * How a fault is, beside its step. That the hub dies before a step is the same as that it dies after the one before: what is
 * stored and what was sent are the same.
 */
const WAYS = [
  { moment: 'before', lasts: false, title: 'does not happen' },
  { moment: 'after', lasts: false, title: 'happens, and the hub does not hear of it' },
  { moment: 'after', lasts: true, title: 'happens, and nothing after it' },
] as const;

const faults = createFaults((name) => OF_A_PERSON.test(name));
let hub: TestHub;
let insurer: RunningProvider;
let browser: HttpBrowser;
let subjectId: string;
/** Of the person, that no refusal may say. */
let secrets: readonly string[];

/** What a flow brought to whoever asked. */
interface Outcome {
  /** Claims, by exit. */
  readonly received: Partial<Record<Exit, readonly string[]>>;
  readonly refusals: readonly Refusal[];
}

/** What came in the place of an answer. */
interface Refusal {
  readonly text: string;
  /** Asks once more; the status. A code may have been used up by the first time, and nothing else. */
  again(): Promise<number>;
  readonly mayBeSpent?: boolean;
}

interface Flow {
  readonly clientId: string;
  /** In the order of their releases. */
  readonly exits: readonly Exit[];
  /** Up to the consent page. */
  begin(): Promise<Visited>;
  /** From the person's answer to the last of the exits. */
  proceed(consent: Visited): Promise<Outcome>;
}

before(async () => {
  hub = await startTestHub({ interpose: faults.interpose, settings: { rateLimits: { relyingPartyCalls: 10_000 } } });
  insurer = await joinProvider(hub, 'kenpo');
  ({ subjectId, browser } = await enrolAtPortal(hub, 'taro'));
  await hub.hub.memberships.bind(subjectId, 'musubi-kenpo', { symbol: '12345', number: '6789' });
  // It is not due again while the hub fails.
  await hub.hub.history.publish();
  const [taro] = SANDBOX_PROVIDERS.kenpo.customers;
  secrets = [taro?.name ?? '', taro?.address ?? '', taro?.reference ?? ''];
});
after(async () => {
  await hub?.stop();
  await insurer?.close();
});

/** Up to the consent page of a sign-in in a session that is there, whatever an earlier fault has left. */
async function toConsent(start: () => Promise<Visited>): Promise<Visited> {
  let page = await start();
  if (isSignInPage(page)) {
    await hub.answerPages(page, { browser, stopAt: REDIRECT_URI, period: 'every_time' });
    page = await start();
  }
  assert.ok(isConsentPage(page), page.text);
  return page;
}

/** An outcome to be filled. */
function createOutcome() {
  const received: Partial<Record<Exit, readonly string[]>> = {};
  const refusals: Refusal[] = [];
  const told = (exit: Exit, names: readonly string[]) => {
    received[exit] = names.filter((name) => builtInCatalogue.find(name) !== undefined).toSorted();
  };
  return { outcome: { received, refusals }, told };
}

/** The page once more, as by who presses its button again. Its sign-in may be over with the first time. */
function refusedAt(consent: Visited, { text }: Visited): Refusal {
  const again = () => hub.answerPages(consent, { browser, stopAt: REDIRECT_URI, period: 'every_time' });
  return { text, mayBeSpent: true, again: async () => (await again()).status };
}

async function oidcFlow(): Promise<Flow> {
  const scope = `openid ${CLAIMS.join(' ')}`;
  const party: RelyingParty = await createRelyingParty(hub, { scope });
  await hub.hub.attributeProviders.accept(party.clientId, ['health_insurance_valid'], true);
  const byClient = basic(party.clientId, party.secret);
  let attempt: Awaited<ReturnType<RelyingParty['attempt']>>;

  async function call(path: string, headers: Record<string, string>, form?: Record<string, string>) {
    const sent = form && { method: 'POST', body: new URLSearchParams(form) };
    const answer = await fetch(`${hub.issuer}${path}`, { headers, ...sent });
    return { status: answer.status, text: await answer.text() };
  }

  return {
    clientId: party.clientId,
    exits: ['id_token', 'userinfo', 'introspection'],

    begin: () =>
      toConsent(async () => {
        const claims = JSON.stringify({ id_token: Object.fromEntries(CLAIMS.map((claim) => [claim, null])) });
        attempt = await party.attempt({ scope, claims, prompt: 'consent' });
        return open(party.authorizationUrl(attempt), browser);
      }),

    async proceed(consent) {
      const { outcome, told } = createOutcome();
      const { refusals } = outcome;
      const back = await hub.answerPages(consent, { browser, stopAt: REDIRECT_URI });
      if (back.status !== 0) return { ...outcome, refusals: [refusedAt(consent, back)] };

      const redeem = () => call('/token', byClient, tokenForm(attempt, new URL(back.url)));
      const { status, text } = await redeem();
      const again = async () => (await redeem()).status;
      if (status !== 200) return { ...outcome, refusals: [{ text, again, mayBeSpent: true }] };
      const { id_token: idToken, access_token: token } = JSON.parse(text);
      told('id_token', Object.keys(decodeJwt(idToken)));

      const calls = {
        userinfo: () => call('/userinfo', { authorization: `Bearer ${token}` }),
        introspection: () => call('/introspect', byClient, { token }),
      };
      for (const exit of ['userinfo', 'introspection'] as const) {
        const answer = await calls[exit]();
        if (answer.status === 200) told(exit, Object.keys(JSON.parse(answer.text)));
        else refusals.push({ text: answer.text, again: async () => (await calls[exit]()).status });
      }
      return outcome;
    },
  };
}

async function samlFlow(): Promise<Flow> {
  const party: SamlParty = await createSamlParty(hub, { settings: { claims: CLAIMS } });
  await hub.hub.attributeProviders.accept(party.entityId, ['health_insurance_valid'], true);
  const start = async () => browser.get(await party.saml.getAuthorizeUrlAsync('', undefined, {}));
  const { nameID } = await party.accept(await hub.answerPages(await start(), { browser, period: 'every_time' }));
  const queryer = { entityId: party.entityId, key: party.key.privateKey };
  const query = () => callSoap(`${hub.issuer}${QUERY_PATH}`, signedQuery(hub, queryer, { nameId: { value: nameID } }));
  const claimsIn = (xml: string) =>
    Object.keys(attributesIn(xml)).map((name) => claimNamed(builtInCatalogue, name) ?? name);
  const isSuccess = (xml: string) => statusIn({ xml }).join() === 'Success';

  return {
    clientId: party.entityId,
    exits: ['assertion', 'attribute_query'],

    begin: () => toConsent(start),

    async proceed(consent) {
      const { outcome, told } = createOutcome();
      const { refusals } = outcome;
      const page = await hub.answerPages(consent, { browser, period: 'every_time' });
      const xml = Buffer.from(hiddenFields(page.text).SAMLResponse ?? '', 'base64').toString();
      if (isSuccess(xml)) told('assertion', ['sub', ...claimsIn(xml)]);
      else refusals.push(refusedAt(consent, { ...page, text: page.text + xml }));

      const answer = await query();
      if (isSuccess(answer.xml)) told('attribute_query', ['sub', ...claimsIn(answer.xml)]);
      else refusals.push({ text: answer.xml, again: async () => (isSuccess((await query()).xml) ? 200 : 500) });
      return outcome;
    },
  };
}

const newestRow = async () => (await hub.hub.storage.consents.listDisclosures(subjectId, 1))[0]?.sequence ?? 0;

async function rowsSince(sequence: number): Promise<readonly Disclosure[]> {
  return (await hub.hub.storage.consents.listDisclosures(subjectId, 100)).filter((row) => row.sequence > sequence);
}

interface Seen {
  readonly fault: Fault | undefined;
  /** Of the flow when nothing fails. */
  readonly steps: readonly Step[];
}

/** Of what came about while `fault` was there. */
function assertHeld(flow: Flow, { received, refusals }: Outcome, rows: readonly Disclosure[], seen: Seen): void {
  const { fault, steps } = seen;
  const struckAt = fault && steps.findIndex(({ name, nth }) => name === fault.step.name && nth === fault.step.nth);
  assert.ok(rows.every(({ clientId }) => clientId === flow.clientId));
  for (const [place, exit] of flow.exits.entries()) {
    const own = rows.filter((row) => row.exit === exit);
    const claims = received[exit];
    if (claims) {
      const [row] = own;
      assert.ok(row && own.length === 1, `${exit}: ${own.length} rows of one answer`);
      assert.deepEqual(row.claims.toSorted(), claims, `${exit}: the row says what was received`);
      const mayBeUnconfirmed = fault?.lasts || fault?.step.name === CONFIRM;
      assert.ok(mayBeUnconfirmed || row.deliveredAt !== undefined, `${exit}: received, and not confirmed`);
    } else if (own.length > 0) {
      assert.ok(
        own.every(({ deliveredAt }) => deliveredAt === undefined),
        `${exit}: confirmed, and not received`,
      );
      const released = steps.findIndex(({ name, nth }) => name === DISCLOSE && nth === place + 1);
      const isBetween = struckAt === released ? fault?.moment === 'after' : (struckAt ?? -1) > released;
      assert.ok(isBetween, `${exit}: a row without an answer, and nothing had failed between the two`);
    }
  }
  for (const { text } of refusals) {
    for (const secret of secrets) assert.ok(!text.includes(secret), 'a refusal says something of the person');
  }
}

async function strikeAt(flow: Flow, fault: Fault, steps: readonly Step[]): Promise<void> {
  const consent = await flow.begin();
  const since = await newestRow();
  const { result, struck } = await faults.strike(fault, async () => {
    const outcome = await flow.proceed(consent);
    await hub.hub.confirmDeliveries();
    return outcome;
  });
  assert.ok(struck, 'the step was not reached');
  assertHeld(flow, result, await rowsSince(since), { fault, steps });

  for (const { again, mayBeSpent } of result.refusals) {
    const status = await again();
    assert.ok(status < (mayBeSpent ? 500 : 300), `asked once more, it answers ${status}`);
  }
  if (fault.lasts) await goesOn(flow);
}

/** After a crash everything can be had again. The other faults are followed by the next one's sign-in. */
async function goesOn(flow: Flow): Promise<void> {
  const consent = await flow.begin();
  const since = await newestRow();
  const outcome = await flow.proceed(consent);
  await hub.hub.confirmDeliveries();
  assertEverything(flow, outcome);
  assertHeld(flow, outcome, await rowsSince(since), { fault: undefined, steps: [] });
}

function assertEverything({ exits }: Flow, { received, refusals }: Outcome): void {
  assert.deepEqual(refusals, []);
  const all = ['sub', ...CLAIMS].toSorted();
  const expected = exits.map((exit) => [exit, exit === 'introspection' ? ['sub'] : all]);
  assert.deepEqual(received, Object.fromEntries(expected));
}

for (const [protocol, createFlow] of [
  ['OpenID Connect', oidcFlow],
  ['SAML', samlFlow],
] as const) {
  describe(`a hub that fails between the consent and the last answer, over ${protocol}`, () => {
    let flow: Flow;
    let steps: readonly Step[];

    before(async () => {
      flow = await createFlow();
      // What is kept from the first time on is no step of the others.
      await flow.proceed(await flow.begin());
      const consent = await flow.begin();
      const since = await newestRow();
      const recorded = await faults.record(async () => {
        const outcome = await flow.proceed(consent);
        await hub.hub.confirmDeliveries();
        return outcome;
      });
      // Confirmations go together, or not, as time has it.
      steps = recorded.steps.filter(({ name, nth }) => name !== CONFIRM || nth === 1);
      assertEverything(flow, recorded.result);
      assertHeld(flow, recorded.result, await rowsSince(since), { fault: undefined, steps });
    });

    it('takes the steps that are known to matter', () => {
      const names = steps.map(({ name }) => name);
      assert.equal(names.filter((name) => name === DISCLOSE).length, flow.exits.length);
      for (const name of ['begin', 'consent_insert', 'audit_append_one', 'commit', QUESTION, CONFIRM]) {
        assert.ok(names.includes(name), name);
      }
    });

    for (const { moment, lasts, title } of WAYS) {
      it(`at any step, which ${title}: nothing is received without its row`, async () => {
        const meant = steps.filter(({ isUndone }) => moment === 'before' || !isUndone);
        for (const step of meant) {
          await strikeAt(flow, { step, moment, lasts }, steps).catch((error: Error) => {
            throw new Error(`at ${step.name} ${step.nth} of ${meant.length} steps: ${error.message}`, { cause: error });
          });
        }
      });
    }

    it('shows the person what was prepared and not sent', async () => {
      const EXITS: Partial<Record<Exit, string>> = {
        id_token: 'サインインのとき',
        userinfo: 'サービスからの問い合わせ',
        introspection: 'サービスからの確認',
        assertion: 'サインインのとき（SAML）',
        attribute_query: 'サービスからの問い合わせ（SAML）',
      };
      for (const [place, exit] of flow.exits.entries()) {
        const step = { name: DISCLOSE, nth: place + 1, isUndone: false };
        const consent = await flow.begin();
        await faults.strike({ step, moment: 'after', lasts: true }, () => flow.proceed(consent));
        // A sign-in that broke off may have ended the session that it found.
        const page = await hub.answerPages(await browser.get(`${hub.issuer}/portal/history`), { browser });
        const [, newest = ''] = page.text.slice(page.text.indexOf('<ul class="cards">')).split('<li class="card');
        assert.ok(newest.includes(`<dd>${EXITS[exit]}</dd>`), newest);
        assert.ok(newest.includes('準備しましたが、送り出したことは確認できていません'), newest);
      }
    });
  });
}

describe('after all of that', () => {
  it('the history is whole, and so is the audit chain; each consent has its receipt and its event', async () => {
    await hub.hub.history.publish();
    const published = async (path: string) => (await fetch(`${hub.issuer}/.well-known/${path}`)).json();
    const { heads } = (await published('disclosure-heads')) as { heads: string[] };
    const history = JSON.parse(JSON.stringify(await hub.hub.history.export(subjectId)));
    const keys = (await published('record-keys')) as JSONWebKeySet;
    const verdict = await verifyHistory(history, keys, heads);
    assert.equal(verdict.published?.disclosures, history.disclosures.length);

    const { audit, consents } = hub.hub.storage;
    const events = await audit.read(0n, 100_000);
    assert.equal(verifyAuditChain(events), undefined);
    const given = events.flatMap(({ kind, data }) => (kind === 'consent.granted' ? [String(data?.consent)] : []));
    const kept = await consents.list(subjectId, 100_000);
    const receipts = await consents.listReceipts(subjectId, 100_000);
    assert.deepEqual(given.toSorted(), kept.map(({ id }) => id).toSorted());
    assert.deepEqual(given.toSorted(), receipts.map(({ consentId }) => consentId).toSorted());
  });
});
