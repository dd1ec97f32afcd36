/**
 * The card agent's window. It takes one request from its opener, shows who asks and for an enrolment what is to be signed,
 * and gives PIN, password and card to the agent's own server. The origin is only ever `event.origin`, which the browser proves (card_agent.ts tells why this is enough).
 */
import { messages, words } from './words.js';

const opener = window.opener;
const byId = (id) => document.getElementById(id);
const form = byId('request');

/** What is typed, by the name of its field: what the card would count as wrong at first sight is not sent to it. */
const secrets = {
  pin: { shape: /^[0-9]{4}$/, malformed: 'card_pin_malformed' },
  password: { shape: /^[A-Za-z0-9]{6,16}$/, malformed: 'card_signing_pin_malformed' },
};

let language = document.documentElement.lang;
/** Spent and replaced at each call to the server. */
let token = document.querySelector('meta[name="agent-token"]').content;
/** The opener's origin, from its first request on. */
let origin = null;
/** Whether the signing key signs as well. */
let enrolment = false;
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

async function beginRequest(request) {
  const { purpose, nonce, reason, relyingParty, lang } = request;
  if (Object.hasOwn(words, String(lang))) setLanguage(lang);
  const asked = { purpose, origin, nonce, ...(purpose === 'enrolment' && { document: request.document }) };
  const answer = await post('/agent/request', asked);
  if (answer.error) return stop(answer.error);

  if (purpose === 'enrolment') showEnrolment(request.document);
  showOrigin();
  showSiteWords('site-party', relyingParty, 100);
  showSiteWords('site-reason', reason, 200);
  showCards(answer.cards);
  show('request');
  const [card, another] = usableCards();
  if (card && !another) card.checked = true;
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
  const card = form.querySelector('[name=card]:checked');
  if (!card) return refuseCards();
  const typed = readTyped();
  const malformed = Object.keys(typed).filter((name) => !secrets[name].shape.test(typed[name]));
  // The first keeps the focus.
  for (const field of malformed.reverse()) refuseField({ field, code: secrets[field].malformed });
  if (malformed.length > 0) return;
  if (enrolment) typed.password = typed.password.toUpperCase();

  say('signing');
  const answer = await post('/agent/signature', { card: card.value, ...typed });
  say('');
  // One that was not at fault need not be typed again.
  for (const name of canCorrect(answer.error) ? [answer.error.field] : Object.keys(typed)) byId(name).value = '';
  if (answer.signed) return finish(answer);
  await refuse(answer.error);
});

/** Japanese input methods type full-width digits and letters. */
function readTyped() {
  const names = enrolment ? ['pin', 'password'] : ['pin'];
  return Object.fromEntries(names.map((name) => [name, byId(name).value.normalize('NFKC').trim()]));
}

function finish({ signed, signedDocument }) {
  const document = enrolment ? { signedDocument } : {};
  opener.postMessage({ type: 'musubi.agent.token', token: signed, ...document }, origin);
  show('done');
  byId('done-title').focus();
  closeSoon();
}

async function refuse(error) {
  if (token === undefined) return stop(error);
  // A try may be spent.
  if (error.field) await rereadCards();
  if (canCorrect(error)) return refuseField(error);
  showError('error-message', 'messages', error.code, error.triesLeft);
  byId('error').hidden = false;
  byId('error').focus();
}

/** Whether typing another one can help. */
function canCorrect(error) {
  return error?.field !== undefined && !error.code.endsWith('_blocked');
}

function refuseField({ field, code, triesLeft }) {
  showError(`${field}-error`, 'messages', code, triesLeft);
  byId(`${field}-field`).classList.add('field-invalid');
  byId(field).setAttribute('aria-invalid', 'true');
  byId(field).focus();
}

function refuseCards() {
  showError('cards-error', 'words', 'chooseFirst');
  byId('cards-field').classList.add('field-invalid');
  (usableCards()[0] ?? byId('reread')).focus();
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
  if (await rereadCards()) say(byId('no-signing').hidden ? 'rereadDone' : 'noSigningTitle');
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
    ...cards.map((card, index) => {
      const choice = byId('card-choice').content.cloneNode(true);
      const input = choice.querySelector('input');
      const disabled = cannotSign(card);
      Object.assign(input, {
        id: `card-${index}`,
        value: card.name,
        checked: card.name === chosen && !disabled,
        disabled,
      });
      choice.querySelector('label').htmlFor = input.id;
      choice.querySelector('.agent-card-label').textContent = card.label[language];
      choice.querySelector('.choice-note').textContent = notesOn(card).join('\n');
      return choice;
    }),
  );
  byId('no-card').hidden = cards.length > 0;
  const useless = cards.length > 0 && cards.every(cannotSign);
  byId('no-signing').hidden = !useless;
  for (const id of ['pin-field', 'only-here', 'sign']) byId(id).hidden = useless;
  for (const id of ['document-part', 'password-field']) byId(id).hidden = useless || !enrolment;
}

function usableCards() {
  return [...form.querySelectorAll('[name=card]:enabled')];
}

/** A card of an under-15 has no signing key. */
function cannotSign({ signing }) {
  return enrolment && signing === null;
}

/** Nothing to say about a card with all its tries. */
function notesOn(card) {
  const notes = [noteOn(card.user, 'triesLeft', 'blockedCard')];
  if (cannotSign(card)) notes.push(words[language].noSigning);
  else if (enrolment) notes.push(noteOn(card.signing, 'signingTriesLeft', 'blockedSigning'));
  return notes.filter((note) => note !== '');
}

function noteOn({ triesLeft, maxTries }, some, none) {
  if (triesLeft === 0) return words[language][none];
  return triesLeft < maxTries ? fill(words[language][some], triesLeft) : '';
}

// ---- What is shown ---------------------------------------------------------------------------------------------------

function show(id) {
  for (const part of ['waiting', 'no-opener', 'stopped', 'done', 'request']) byId(part).hidden = part !== id;
}

/** As text, whole and unchanged: the server has refused what would not show. */
function showEnrolment(text) {
  enrolment = true;
  byId('document').textContent = text;
  showWords();
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
  for (const id of ['error', 'pin-error', 'password-error', 'cards-error']) byId(id).hidden = true;
  for (const id of ['pin-field', 'password-field', 'cards-field']) byId(id).classList.remove('field-invalid');
  for (const name of Object.keys(secrets)) byId(name).removeAttribute('aria-invalid');
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
  showWords();
  byId('language').lang = language === 'ja' ? 'en' : 'ja';
  for (const [id, error] of shownErrors) byId(id).textContent = errorText(...error);
  showCards(cards);
}

function showWords() {
  for (const element of document.querySelectorAll('[data-word]')) {
    const { word, enrolmentWord = word } = element.dataset;
    element.textContent = words[language][enrolment ? enrolmentWord : word];
  }
}

byId('language').addEventListener('click', () => setLanguage(language === 'ja' ? 'en' : 'ja'));
for (const name of Object.keys(secrets)) {
  byId(`show-${name}`).addEventListener('change', ({ target }) => {
    byId(name).type = target.checked ? 'text' : 'password';
  });
}
for (const button of document.querySelectorAll('[data-action=cancel]')) button.addEventListener('click', cancel);

byId('language').hidden = false;
if (opener === null) {
  show('no-opener');
} else {
  show('waiting');
  opener.postMessage({ type: 'musubi.agent.ready' }, '*');
}
