import pg from 'pg';
import { HubError } from '../../provider/errors.ts';

/** Seconds: about how long a failover or restart of PostgreSQL takes. */
const RETRY_AFTER = 5;

/**
 * SQLSTATE classes and codes that say "not now" rather than "wrong": connection exceptions, operator intervention
 * (shutdown, crash, statement cancelled), too many connections, read-only (a replica during failover).
 */
const UNAVAILABLE = /^(08...|57P0[123]|57014|53300|25006)$/;
const SOCKET_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
/** pg reports these without a code. */
const PG_MESSAGES = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect$/,
  /^Query read timeout$/,
  /^Client has encountered a connection error/,
  /^Cannot use a pool after calling end/,
];

/**
 * A lost connection becomes HubError `storage_unavailable`. What the database refused stays as it is, without the parts
 * that quote the row: errors are logged.
 */
export function translateError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof pg.DatabaseError) Object.assign(error, { detail: undefined, where: undefined });
  const code = codeOf(error);
  const unavailable =
    code === undefined
      ? PG_MESSAGES.some((pattern) => pattern.test(error.message)) || error instanceof AggregateError
      : UNAVAILABLE.test(code) || SOCKET_ERRORS.has(code);
  if (!unavailable) return error;
  return new HubError('storage_unavailable', 503, 'The service cannot reach its database. Please try again shortly.', {
    retryAfter: RETRY_AFTER,
    cause: error,
    details: { reason: code ?? error.message },
  });
}

/** serialization_failure and deadlock_detected: the same transaction can succeed when it is run again. */
export function isRepeatable(error: unknown): boolean {
  const code = error instanceof Error ? codeOf(error) : undefined;
  return code === '40001' || code === '40P01';
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === '23505';
}

function codeOf(error: Error): string | undefined {
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
