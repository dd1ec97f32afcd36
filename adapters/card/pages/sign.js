/**
 * The card agent's window. It takes one request from its opener, shows who asks, and gives PIN and card to the agent's own
 * server. The origin is only ever `event.origin`, which the browser proves (card_agent.ts tells why this is enough).
 */
import { messages, words } from './words.js';

const opener = window.opener;
const byId = (id) => document.getElementById(id);
const form = byId('request');

let language = document.documentElement.lang;
/** Spent and replaced at each call to the server. */
let token = document.querySelector('meta[name="agent-token"]').content;
/** The opener's origin, from its first request on. */
let origin = null;
let cards = [];
/** Errors on show, so that they follow a change of language: element id → [table, key, tries]. */
const shownErrors = new Map();
let calling = false;

// ---- The opener -----------------------------------------------------------------------------------------------

window.addEventListener('message', (event) => {
  const honoured = event.source === opener && opener !== null && origin === null;
  if (!honoured || event.data?.type !== 'musubi.agent.sign') return;
  origin = event.origin;
  beginRequest(event.data);
});

async function beginRequest({ purpose, nonce, reason, relyingParty, lang }) {
  if (Object.hasOwn(words, String(lang))) setLanguage(lang);
  const answer = await post('/agent/request', { purpose, origin, nonce });
  if (answer.error) return stop(answer.error);

  showOrigin();
  showSiteWords('site-party', relyingParty, 100);
  showSiteWords('site-reason', reason, 200);
  showCards(answer.cards);
  show('request');
  const onlyCard = cards.length === 1 ? form.querySelector('[name=card]') : null;
  if (onlyCard) onlyCard.checked = true;
  byId('request-title').focus();
}

function cancel() {
  // Before a request there is no origin to name; the word "cancelled" holds no secret.
  opener?.postMessage({ type: 'musubi.agent.cancelled' }, hasTargetableOrigin() ? origin : '*');
  closeSoon();
}

/** A site that looks whether this window is closed must not see that before it gets the last message. */
function closeSoon() {
  setTimeout(() => window.close(), 250);
}

/** A sandboxed or local page has the origin "null", which no message can be addressed to. */
function hasTargetableOrigin() {
  return origin !== null && origin !== 'null';
}

// ---- The agent's server ------------------------------------------------------------------------------------------

async function post(path, body) {
  calling = true;
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, ...body }),
    });
    const answer = await response.json();
    token = answer.token;
    return answer;
  } catch {
    token = undefined;
    return { error: { code: 'agent_unreachable' } };
  } finally {
    calling = false;
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (calling) return;
  clearErrors();
  if (opener.closed) return stop({ code: 'agent_site_gone' });
  const pin = byId('pin');
  const card = form.querySelector('[name=card]:checked');
  if (!card) return refuseCards();
  // Japanese input methods type full-width digits.
  const digits = pin.value.normalize('NFKC').trim();
  if (!/^[0-9]{4}$/.test(digits)) return refusePin({ code: 'card_pin_malformed' });

  say('signing');
  const answer = await post('/agent/signature', { card: card.value, pin: digits });
  say('');
  pin.value = '';
  if (answer.signed) return finish(answer.signed);
  await refuse(answer.error);
});

function finish(signed) {
  opener.postMessage({ type: 'musubi.agent.token', token: signed }, origin);
  show('done');
  byId('done-title').focus();
  closeSoon();
}

async function refuse(error) {
  if (token === undefined) return stop(error);
  if (error.code.startsWith('card_pin_')) await rereadCards();
  if (error.code === 'card_pin_wrong' || error.code === 'card_pin_malformed') return refusePin(error);
  showError('error-message', 'messages', error.code, error.triesLeft);
  byId('error').hidden = false;
  byId('error').focus();
}

function refusePin({ code, triesLeft }) {
  showError('pin-error', 'messages', code, triesLeft);
  byId('pin-field').classList.add('field-invalid');
  byId('pin').setAttribute('aria-invalid', 'true');
  byId('pin').focus();
}

function refuseCards() {
  showError('cards-error', 'words', 'chooseFirst');
  byId('cards-field').classList.add('field-invalid');
  (form.querySelector('[name=card]') ?? byId('reread')).focus();
}

function stop({ code, triesLeft }) {
  showError('stopped-message', 'messages', code, triesLeft);
  show('stopped');
  byId('stopped-title').focus();
}

// ---- Cards ---------------------------------------------------------------------------------------------------------

byId('reread').addEventListener('click', async () => {
  if (calling) return;
  clearErrors();
  if (await rereadCards()) say('rereadDone');
});

/** False when the window has nothing more to ask. */
async function rereadCards() {
  const answer = await post('/agent/cards', {});
  if (answer.error) {
    if (token === undefined) stop(answer.error);
    return false;
  }
  showCards(answer.cards);
  return true;
}

function showCards(list) {
  const chosen = form.querySelector('[name=card]:checked')?.value;
  cards = list;
  byId('cards').replaceChildren(
    ...cards.map(({ name, label, user }, index) => {
      const choice = byId('card-choice').content.cloneNode(true);
      const input = choice.querySelector('input');
      Object.assign(input, { id: `card-${index}`, value: name, checked: name === chosen });
      choice.querySelector('label').htmlFor = input.id;
      choice.querySelector('.agent-card-label').textContent = label[language];
      choice.querySelector('.choice-note').textContent = noteOn(user);
      return choice;
    }),
  );
  byId('no-card').hidden = cards.length > 0;
}

/** Nothing to say about a card with all its tries. */
function noteOn({ triesLeft, maxTries }) {
  if (triesLeft === 0) return words[language].blockedCard;
  return triesLeft < maxTries ? fill(words[language].triesLeft, triesLeft) : '';
}

// ---- What is shown ---------------------------------------------------------------------------------------------------

function show(id) {
  for (const part of ['waiting', 'no-opener', 'stopped', 'done', 'request']) byId(part).hidden = part !== id;
}

function showOrigin() {
  const { protocol, host, hostname } = new URL(origin);
  byId('origin-scheme').textContent = `${protocol}//`;
  byId('origin-host').textContent = host;
  byId('insecure').hidden = protocol === 'https:' || isLoopback(hostname);
}

function isLoopback(hostname) {
  return /^(?:localhost|.+\.localhost|127(?:\.[0-9]+){3}|\[::1\])$/.test(hostname);
}

/** The site's own words: text only, without characters that turn or hide the text around them. */
function showSiteWords(id, text, length) {
  const plain = typeof text === 'string' ? text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim() : '';
  const shown = [...plain].slice(0, length).join('');
  byId(`${id}-text`).textContent = shown;
  byId(id).hidden = shown === '';
  if (shown !== '') byId('site-says').hidden = false;
}

function showError(id, table, key, triesLeft) {
  shownErrors.set(id, [table, key, triesLeft]);
  byId(id).textContent = errorText(table, key, triesLeft);
  byId(id).hidden = false;
}

function errorText(table, key, triesLeft) {
  const text = table === 'words' ? words[language][key] : (messages[language][key] ?? messages[language].agent_failed);
  return fill(text, triesLeft);
}

function clearErrors() {
  shownErrors.clear();
  for (const id of ['error', 'pin-error', 'cards-error']) byId(id).hidden = true;
  for (const id of ['pin-field', 'cards-field']) byId(id).classList.remove('field-invalid');
  byId('pin').removeAttribute('aria-invalid');
}

function say(key) {
  byId('progress').textContent = key === '' ? '' : words[language][key];
}

function fill(text, triesLeft) {
  return text.replace('{tries}', String(triesLeft ?? ''));
}

function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = language;
  document.title = words[language].title;
  for (const element of document.querySelectorAll('[data-word]')) {
    element.textContent = words[language][element.dataset.word];
  }
  byId('language').lang = language === 'ja' ? 'en' : 'ja';
  for (const [id, error] of shownErrors) byId(id).textContent = errorText(...error);
  showCards(cards);
}

byId('language').addEventListener('click', () => setLanguage(language === 'ja' ? 'en' : 'ja'));
byId('show-pin').addEventListener('change', ({ target }) => {
  byId('pin').type = target.checked ? 'text' : 'password';
});
for (const button of document.querySelectorAll('[data-action=cancel]')) button.addEventListener('click', cancel);

byId('language').hidden = false;
if (opener === null) {
  show('no-opener');
} else {
  show('waiting');
  opener.postMessage({ type: 'musubi.agent.ready' }, '*');
}
