import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (request: { body: Buffer; response: ServerResponse }) => unknown;

/** An authority in the attacker's hands: it answers whatever it is told to, and counts who asks. */
export interface StubAuthority {
  /** The hub's settings that lead here instead of to the sandbox's authority. */
  readonly settings: Record<string, unknown>;
  readonly asked: { lists: number; responder: number };
  answerList: Answer;
  answerOcsp: Answer;
  stop(): Promise<void>;
}

/** Name of the sandbox's current root for user certificates, as the hub's settings have it. */
const ANCHOR = 'user-3';

export const octets =
  (body: Uint8Array, type = 'application/octet-stream', status = 200): Answer =>
  ({ response }) =>
    response.writeHead(status, { 'content-type': type }).end(body);

export const away: Answer = ({ response }) => response.destroy();

export async function startStubAuthority(): Promise<StubAuthority> {
  const asked = { lists: 0, responder: 0 };
  const server = createServer((request, response) => {
    response.on('error', () => {});
    void answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const stub: StubAuthority = {
    settings: {
      lists: [{ anchor: ANCHOR, url: `${address}/list` }],
      responders: [{ anchor: ANCHOR, url: `${address}/responder` }],
      // Nothing by itself: the tests say when the hub looks.
      refreshSeconds: 86_400,
      listTimeoutSeconds: 1,
      listMaxBytes: 64 * 1024,
      ocspTimeoutSeconds: 1,
      // Each bad answer is looked at for itself: none may close the way to the next.
      ocspBreakerFailures: 1_000_000,
    },
    asked,
    answerList: away,
    answerOcsp: away,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return stub;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isList = request.url === '/list';
    asked[isList ? 'lists' : 'responder'] += 1;
    await (isList ? stub.answerList : stub.answerOcsp)({ body: Buffer.concat(chunks), response });
  }
}
