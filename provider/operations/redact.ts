/** Fields that may carry a secret or say who somebody is. Matched against the whole name, letter case and `_-` aside. */
const SENSITIVE_NAMES = new Set(
  [
    // what opens doors
    ['authorization', 'cookie', 'cookies', 'setcookie', 'pin', 'password', 'passphrase', 'secret', 'clientsecret'],
    ['token', 'accesstoken', 'refreshtoken', 'idtoken', 'idtokenhint', 'logouttoken', 'clientassertion', 'assertion'],
    ['code', 'codeverifier', 'devicecode', 'usercode', 'nonce', 'state', 'request', 'dpop', 'signature', 'jwk', 'jwks'],
    [
      'key',
      'privatekey',
      'encryptionkey',
      'masterkey',
      'registrationaccesstoken',
      'session',
      'sessionid',
      'uid',
      'jti',
    ],
    // who somebody is (design.md §3: never outside the hub)
    ['serial', 'serialnumber', 'certificate', 'clientcertificate', 'unverifiedcertificate', 'der', 'pem', 'subject'],
    [
      'sub',
      'subjectid',
      'accountid',
      'name',
      'familyname',
      'givenname',
      'address',
      'birthdate',
      'dateofbirth',
      'gender',
    ],
    ['sex', 'email', 'phonenumber', 'claims', 'attributes', 'ip', 'remoteaddress', 'clientaddress', 'loginhint'],
    // what carries the above
    [
      'body',
      'headers',
      'query',
      'querystring',
      'search',
      'params',
      'parameters',
      'form',
      'detail',
      'where',
      'bindings',
    ],
  ].flat(),
);

/**
 * A code that is a name: `challenge_spent`, `ECONNREFUSED`, `ERR_TLS_CERT_ALTNAME_INVALID`, `23505` (SQLSTATE); not one
 * that opens something, `WDJB-MJHT` or 43 random characters.
 */
const NAMING_CODE =
  /^(?:[a-z]{1,24}(?:_[a-z0-9]{1,24}){0,8}|E[A-Z0-9]{1,20}(?:_[A-Z0-9]{1,20}){0,8}|[A-Z]{1,20}(?:_[A-Z0-9]{1,20}){1,8}|[0-9A-Z]{5})$/;
const REMOVED = '[removed]';
const MAX_DEPTH = 5;
const MAX_ITEMS = 50;
const MAX_TEXT = 1000;
const MAX_STACK = 4000;
/** From a query string or fragment on, an address may hold codes and tokens. */
const ADDRESS_TAIL = /((?:https?:\/\/|\/)[^\s?#"'<>]*)[?#][^\s"'<>]*/g;
/** Compact JWS and JWE, and long runs of base64 or hex: tokens, certificates, keys, nonces. */
const LONG_TOKEN = /[A-Za-z0-9+/_=-]{8,}(?:\.[A-Za-z0-9_=-]+){2,}|[A-Za-z0-9+/_-]{40,}={0,2}/g;

/**
 * A copy that is fit for the log: sensitive fields, query strings and whatever looks like a token removed, octets
 * replaced by their number, bounded in depth and size. Never throws.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0);
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value, MAX_TEXT);
  if (typeof value === 'bigint') return REMOVED; // the only big numbers here are serials and keys
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (value instanceof Error) return copyError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} octets]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof URL) return redactText(value.href, MAX_TEXT);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => copy(item, depth + 1));
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value).slice(0, MAX_ITEMS)) {
    result[name] = isSensitive(name, member) ? REMOVED : copy(member, depth + 1);
  }
  return result;
}

function isSensitive(name: string, value: unknown): boolean {
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '');
  if (plain === 'code') return typeof value !== 'string' || !NAMING_CODE.test(value);
  return SENSITIVE_NAMES.has(plain) || plain.endsWith('secret') || plain.endsWith('token');
}

/**
 * Only what is known to be harmless: a database's error also carries the row (`detail`, `where`, `parameters`), a
 * network's the address.
 */
function copyError(error: Error, depth: number): Record<string, unknown> {
  const { code, cause } = error as Error & { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && NAMING_CODE.test(code) ? { code } : {}),
    message: redactText(error.message, MAX_TEXT),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack, MAX_STACK) }),
    ...(cause === undefined ? {} : { cause: cause instanceof Error ? copy(cause, depth + 1) : REMOVED }),
  };
}

function redactText(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut
    .replaceAll(ADDRESS_TAIL, '$1?[removed]')
    .replaceAll(LONG_TOKEN, (match) => (isPath(match) ? match : REMOVED));
}

/** File names in stacks are long runs of the same characters, but start at the root and consist of short words. */
function isPath(text: string): boolean {
  return text.startsWith('/') && !text.includes('=') && text.split('/').every((part) => part.length < 40);
}
