import type { Context } from 'koa';
import { HubError } from '../errors.ts';

/**
 * Reads an `application/json` body of at most `limit` bytes.
 *
 * @throws HubError 415 `unsupported_media_type`, 413 `request_too_large`, 400 `invalid_request`.
 */
export async function readJsonBody(ctx: Context, limit: number): Promise<unknown> {
  if (!ctx.is('application/json')) {
    throw new HubError('unsupported_media_type', 415, 'The body must be application/json.');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new HubError('request_too_large', 413, `The body is larger than ${limit} bytes.`);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new HubError('invalid_request', 400, 'The body is not JSON in UTF-8.', { cause });
  }
}
