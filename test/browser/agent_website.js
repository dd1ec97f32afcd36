/** A website that signs people in with the card agent, as small as one can be; card_agent.test.ts serves and drives it. */

/** Every message that this window got, with the origin that the browser stamped on it. */
const received = [];
window.received = received;

/** Opens the agent at `url` and answers its "ready" with `requests`, one after the other. */
window.openAgent = ({ url, requests }) => {
  const agent = window.open(`${url}/sign`, 'agent', 'width=480,height=800');
  window.addEventListener('message', ({ data, source }) => {
    if (data.type !== 'musubi.agent.ready' || source !== agent) return;
    for (const request of requests) agent.postMessage(request, url);
  });
};

/** The same from a sandboxed frame, whose origin is "null". */
window.openAgentFromSandbox = ({ url, requests }) => {
  const frame = document.createElement('iframe');
  frame.sandbox = 'allow-scripts allow-popups allow-popups-to-escape-sandbox';
  frame.srcdoc = `<script>
    const agent = open('${url}/sign');
    onmessage = () => agent.postMessage(${JSON.stringify(requests[0])}, '*');
  </script>`;
  document.body.append(frame);
};

/** What a script of this site gets when it reads the agent's page, and when it posts to the agent. */
window.reachForAgent = async (url) => {
  const attempt = (path, options) =>
    fetch(url + path, options).then(
      (response) => response.text(),
      () => 'blocked',
    );
  const headers = { 'content-type': 'application/json' };
  return [await attempt('/sign'), await attempt('/agent/cards', { method: 'POST', headers, body: '{"token":"x"}' })];
};

window.addEventListener('message', ({ data, origin }) => received.push({ ...data, from: origin }));
