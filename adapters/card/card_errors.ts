import { HubError } from '../../provider/errors.ts';
import { cardMessage } from './card_words.ts';

/** HTTP status by code: what the agent's own server answers with. */
const STATUS = {
  card_not_found: 404,
  card_unreadable: 422,
  card_busy: 503,
  card_pin_malformed: 422,
  card_pin_wrong: 403,
  card_pin_blocked: 403,
  card_signing_pin_malformed: 422,
  card_signing_pin_wrong: 403,
  card_signing_pin_blocked: 403,
  card_signing_missing: 404,
  card_key_unsupported: 422,
  card_exchanged: 409,
  document_too_large: 413,
  document_characters: 422,
  document_unbound: 403,
  challenge_origin_invalid: 400,
  challenge_nonce_invalid: 400,
  agent_host_refused: 421,
  agent_origin_refused: 403,
  agent_page_expired: 403,
  agent_request_bound: 409,
  agent_request_invalid: 400,
  agent_body_too_large: 413,
  agent_media_type: 415,
  agent_method: 405,
  agent_path_unknown: 404,
  agent_too_many_attempts: 429,
} as const;

export type CardErrorCode = keyof typeof STATUS;

/** Every code a card or its agent can answer with; the message table has a row for each. */
export const CARD_ERROR_CODES = Object.keys(STATUS) as CardErrorCode[];

/** What a card, its reader or the card agent refuses, with a stable code; the words for people are in card_words.ts. */
export class CardError extends HubError {
  declare readonly code: CardErrorCode;
  /** Tries left for the PIN that was asked for, where the code is about a PIN; 0 means blocked. */
  readonly triesLeft: number | undefined;

  constructor(
    code: CardErrorCode,
    options: { triesLeft?: number; details?: Record<string, unknown>; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(code, STATUS[code], cardMessage('en', code, options.triesLeft), options);
    this.name = 'CardError';
    this.triesLeft = options.triesLeft;
  }
}
