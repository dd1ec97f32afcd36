import type { Context } from 'koa';
import { HubError } from '../errors.ts';

/**
 * Reads an `application/x-www-form-urlencoded` body of at most `limit` bytes.
 * Throws HubError `bad_request` (400) or `request_too_large` (413).
 */
export async function readShortForm(ctx: Context, limit: number): Promise<URLSearchParams> {
  if (!ctx.is('application/x-www-form-urlencoded')) throw new HubError('bad_request', 400, 'A form was expected.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new HubError('request_too_large', 413, 'The form is too large.');
    chunks.push(chunk as Buffer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
