import type { Context } from 'koa';
import type { AuditEvent } from '../audit/audit_log.ts';
import { CARD_TOKEN_LIMIT } from '../authentication/card_token.ts';
import type { HubError } from '../errors.ts';
import { clientIdOf, type Interaction, type InteractionWorld } from './interactions.ts';

/** Characters of a signed document in base64: the text that a person reads, a certificate and a signature. */
const SIGNED_DOCUMENT_LIMIT = 64 * 1024;
/** Bytes of a form with everything that the card signed; base64 grows when it is sent as a form. */
export const SIGNED_FORM_LIMIT = 2 * (CARD_TOKEN_LIMIT + SIGNED_DOCUMENT_LIMIT);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What both keys of the card answered, as the page of document_sign.ejs sends it. */
export function readSignedForm(form: URLSearchParams): { token: string; document: Uint8Array; nonce: string } {
  return {
    token: form.get('token') ?? '',
    document: documentOf(form.get('signed_document') ?? ''),
    nonce: form.get('nonce') ?? '',
  };
}

function documentOf(base64: string): Uint8Array {
  if (base64.length > SIGNED_DOCUMENT_LIMIT || !BASE64.test(base64)) return new Uint8Array();
  return Buffer.from(base64, 'base64');
}

/** Notes why what was signed is refused; returns the code to show on the page with another challenge. */
export async function noteRefusal(
  ctx: Context,
  world: InteractionWorld,
  interaction: Interaction,
  kind: AuditEvent['kind'],
  error: HubError,
): Promise<string> {
  await world.audit.append(
    { kind, actor: 'hub', clientId: clientIdOf(interaction), data: { code: error.code } },
    world.clock(),
  );
  ctx.state.refusal = { code: error.code, ...error.details };
  ctx.status = error.status;
  if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
  // What a sign-in page says of its challenge would be wrong here.
  return error.code.startsWith('challenge_') ? 'signing_step_over' : error.code;
}
