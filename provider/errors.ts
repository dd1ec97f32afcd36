/**
 * The one error class for what a person or a relying party can cause. Everything else that is thrown is a bug and
 * becomes a 500 with a reference number (design.md §2).
 *
 * `code` is stable: tests, logs and the message tables in views/words are keyed by it. `message` is safe to show to
 * anyone. `details` is for the log only and must never hold a PIN, a serial, a certificate or a personal attribute.
 */
export class HubError extends Error {
  readonly code: string;
  /** HTTP status that a front door answers with. */
  readonly status: number;
  /** For the log only; never rendered. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Seconds after which trying again can help; becomes `Retry-After`. */
  readonly retryAfter: number | undefined;

  constructor(
    code: string,
    status: number,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HubError';
    this.code = code;
    this.status = status;
    this.details = Object.freeze({ ...options.details });
    this.retryAfter = options.retryAfter;
  }

  /** The same for Koa and the engine, which look for this name. */
  get statusCode(): number {
    return this.status;
  }
}
