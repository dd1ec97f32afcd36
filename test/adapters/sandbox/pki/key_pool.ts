import { generateEcKey, generateRsaKey, type KeyPair } from '../../../../adapters/sandbox/pki/index.ts';

const pool = new Map<string, Promise<KeyPair>>();

function fromPool(name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const key = pool.get(name) ?? make();
  pool.set(name, key);
  return key;
}

/** The process's RSA-2048 key of that name: made on first use, the same one ever after. */
export const rsaKey = (name: string): Promise<KeyPair> => fromPool(`rsa:${name}`, () => generateRsaKey());

/** Likewise with another size or exponent, for keys that must be refused. */
export const oddRsaKey = (bits: number, exponent = 65537): Promise<KeyPair> =>
  fromPool(`rsa:${bits}:${exponent}`, () => generateRsaKey({ bits, exponent }));

export const ecKey = (name: string, curve: 'P-256' | 'P-384' = 'P-256'): Promise<KeyPair> =>
  fromPool(`ec:${curve}:${name}`, () => generateEcKey(curve));
