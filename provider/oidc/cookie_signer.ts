import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** What Koa's cookies ask of a signer: Keygrip's three methods. */
export interface CookieSigner {
  sign(data: string): string;
  verify(data: string, signature: string): boolean;
  /** Which secret made the signature; -1 for none. A cookie signed with an older one is signed anew. */
  index(data: string, signature: string): number;
}

/**
 * Signs cookies with HMAC-SHA-256 under the first secret and accepts any: in the place of Keygrip, which uses SHA-1 and
 * makes a key object for every operation (a tenth of the time of a whole sign-in).
 */
export function createCookieSigner(secrets: readonly string[]): CookieSigner {
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [newest] = keys;
  if (!newest) throw new Error('a cookie signer needs a secret');
  const mac = (key: typeof newest, data: string) => createHmac('sha256', key).update(data).digest('base64url');

  const index = (data: string, signature: string) => {
    const given = Buffer.from(signature);
    return keys.findIndex((key) => {
      const expected = Buffer.from(mac(key, data));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  };
  return {
    sign: (data) => mac(newest, data),
    verify: (data, signature) => index(data, signature) >= 0,
    index,
  };
}
