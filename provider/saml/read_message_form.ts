import type { Context } from 'koa';
import { readShortForm } from '../web/read_short_form.ts';
import { MESSAGE_LIMITS } from './xml/read_xml.ts';

/** Octets of a form with a message in base64, percent-encoded in places, and a RelayState. */
const FORM_LIMIT = 2 * MESSAGE_LIMITS.octets;

/** Throws HubError `bad_request` or `request_too_large`. */
export function readMessageForm(ctx: Context): Promise<URLSearchParams> {
  return readShortForm(ctx, FORM_LIMIT);
}
