/**
 * Who may talk to the card agent's server. It listens on loopback, where every page of every website in the person's
 * browser can send it requests; what none of them can do is send one as the agent's own page:
 *
 * - `Host` is exactly the agent's address. A name of the attacker's that was rebound to 127.0.0.1 is another host.
 * - `Origin` is exactly the agent's own, which browsers set on every POST and no script can change; `Sec-Fetch-Site`,
 *   where the browser knows it, says the same.
 * - A body is JSON, which no form of a foreign site can send and which a foreign script may only send after a
 *   CORS preflight; the agent answers no preflight.
 * - A page is a top-level document, never a frame or a sub-resource: nobody can lay his own picture over the PIN field, or
 *   read the page's token.
 */
import type { IncomingMessage } from 'node:http';
import { CardError } from './card_errors.ts';

/** Bytes. The largest honest body without a document, a request with origin and nonce, has about 700. */
export const MAX_BODY_BYTES = 4096;

/** @throws CardError `agent_host_refused`. */
export function checkHost(request: IncomingMessage, host: string): void {
  if (request.headers.host !== host) throw new CardError('agent_host_refused');
}

/** @throws CardError `agent_origin_refused` for a page that is being loaded into anything but a window of its own. */
export function checkTopLevelDocument(request: IncomingMessage): void {
  const destination = request.headers['sec-fetch-dest'];
  if (destination !== undefined && destination !== 'document') throw new CardError('agent_origin_refused');
}

/** @throws CardError `agent_origin_refused`. */
export function checkSameOrigin(request: IncomingMessage, origin: string): void {
  const site = request.headers['sec-fetch-site'];
  const foreign = request.headers.origin !== origin || (site !== undefined && site !== 'same-origin');
  if (foreign) throw new CardError('agent_origin_refused');
}

/**
 * The request's JSON body; stops reading at the limit.
 *
 * @param maxBytes of the body as it is sent.
 * @throws CardError `agent_media_type`, `agent_body_too_large`, `agent_request_invalid`.
 */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (!/^application\/json(?:;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? '')) {
    throw new CardError('agent_media_type');
  }
  const chunks: Buffer[] = [];
  let length = 0;
  // A request's stream without an encoding yields buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new CardError('agent_body_too_large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new CardError('agent_request_invalid');
  }
}
