import type { Context } from 'koa';
import { HubError } from '../errors.ts';

/** Bytes of a form of ours: the card token is the largest field. */
const FORM_LIMIT = 64 * 1024;
const FIELD_LIMIT = 100;

/**
 * Reads an `application/x-www-form-urlencoded` body within its limits.
 * Throws HubError `request_too_large` (413) or `bad_request` (400).
 */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (!ctx.is('application/x-www-form-urlencoded')) {
    throw new HubError('bad_request', 400, 'A form was expected.');
  }
  const tooLarge = () => new HubError('request_too_large', 413, 'The form is too large.');
  if ((ctx.request.length ?? 0) > FORM_LIMIT) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += (chunk as Buffer).length;
    if (size > FORM_LIMIT) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  if (form.size > FIELD_LIMIT) throw tooLarge();
  return form;
}
