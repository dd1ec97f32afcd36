// @ts-check
/**
 * A page's conversation with the card agent, a window of another origin on this machine: for signing in, and for enrolment,
 * where a document is signed as well. The agent signs only for the origin that the browser names to it, and we take an answer
 * only from the window that we opened, showing the agent's origin.
 */

/** Milliseconds: an agent that runs shows its page well within this. */
const READY_LIMIT = 5000;
/** Milliseconds between looks whether the person closed the window; browsers send no event for it. */
const CLOSED_CHECK = 500;
/** Characters of JSON: a card's token has about 4,000. */
const TOKEN_LIMIT = 48 * 1024;
/** Characters in base64: a signed application has about 8,000. */
const DOCUMENT_LIMIT = 64 * 1024;

/**
 * @typedef {'popup_blocked' | 'agent_not_running' | 'window_closed' | 'cancelled' | 'expired'} Problem
 * @typedef {'opening' | 'waiting' | 'checking'} Status
 */

const root = /** @type {HTMLElement} */ (document.querySelector('[data-agent-url]'));
const start = /** @type {HTMLButtonElement} */ (root.querySelector('[data-start]'));
const form = /** @type {HTMLFormElement} */ (start.form);
const statusLine = /** @type {HTMLElement} */ (root.querySelector('[data-status]'));
const problemArea = /** @type {HTMLElement} */ (root.querySelector('[data-problem]'));
const tokenField = /** @type {HTMLInputElement} */ (form.elements.namedItem('token'));
const documentField = /** @type {HTMLInputElement | null} */ (form.elements.namedItem('signed_document'));
const agentOrigin = new URL(root.dataset.agentUrl ?? '').origin;

/** @type {(() => void) | undefined} stops listening and waiting */
let endConversation;
let expired = false;

start.addEventListener('click', () => {
  endConversation?.();
  if (expired) {
    showProblem('expired');
    return;
  }
  // Opened within the click itself: a moment later the browser would block it.
  const agent = window.open(`${agentOrigin}/sign`, 'musubi-agent', 'popup,width=520,height=760');
  if (!agent) showProblem('popup_blocked');
  else converse(agent);
});
start.disabled = false;
setTimeout(expire, Number(root.dataset.lifetimeSeconds) * 1000);
// Back and forward may bring this page back from memory, its challenge long spent.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});

/** @param {Window} agent */
function converse(agent) {
  showStatus('opening');
  const noAnswer = setTimeout(() => {
    end();
    agent.close();
    showProblem('agent_not_running');
  }, READY_LIMIT);
  const closedCheck = setInterval(() => {
    if (!agent.closed) return;
    end();
    showProblem('window_closed');
  }, CLOSED_CHECK);
  addEventListener('message', receive);
  endConversation = end;

  function end() {
    clearTimeout(noAnswer);
    clearInterval(closedCheck);
    removeEventListener('message', receive);
    endConversation = undefined;
  }

  /** @param {MessageEvent} event */
  function receive(event) {
    if (event.origin !== agentOrigin || event.source !== agent) return;
    switch (event.data?.type) {
      case 'musubi.agent.ready':
        clearTimeout(noAnswer);
        showStatus('waiting');
        agent.postMessage(request(), agentOrigin);
        break;
      case 'musubi.agent.token':
        end();
        agent.close();
        submit(event.data.token, event.data.signedDocument);
        break;
      case 'musubi.agent.cancelled':
        end();
        agent.close();
        showProblem('cancelled');
        start.focus();
        break;
    }
  }
}

function request() {
  // `document` is missing where only the challenge is signed.
  const { purpose, nonce, document: text, reason, relyingParty } = root.dataset;
  const { lang } = document.documentElement;
  return { type: 'musubi.agent.sign', purpose, nonce, document: text, reason, relyingParty, lang };
}

/**
 * @param {unknown} token
 * @param {unknown} signedDocument
 */
function submit(token, signedDocument) {
  const text = JSON.stringify(token) ?? '';
  // The hub refuses anything that is no token; only what it would not even read is cut here.
  tokenField.value = text.length > TOKEN_LIMIT ? '' : text;
  if (documentField && typeof signedDocument === 'string' && signedDocument.length <= DOCUMENT_LIMIT) {
    documentField.value = signedDocument;
  }
  start.disabled = true;
  showStatus('checking');
  form.submit();
}

function expire() {
  expired = true;
  // A card that is being read may still make it: the hub decides.
  if (!endConversation) showProblem('expired');
}

/** @param {Status} name */
function showStatus(name) {
  problemArea.replaceChildren();
  root.querySelector('[data-refusal]')?.remove();
  statusLine.replaceChildren(textOf(`[data-status-text="${name}"]`));
}

/** @param {Problem} name */
function showProblem(name) {
  statusLine.replaceChildren();
  problemArea.replaceChildren(textOf(`[data-problem-text="${name}"]`));
}

/** @param {string} selector */
function textOf(selector) {
  const template = /** @type {HTMLTemplateElement} */ (root.querySelector(selector));
  return template.content.cloneNode(true);
}
