import type { TestHub } from '../../support/hub.ts';

/** A clock that a test can put ahead: the hub's, which service providers with clocks of their own still have to believe. */
export interface AheadClock {
  now(): number;
  /** @param milliseconds all together less than the half minute by which an assertion is valid before it is made. */
  pass(milliseconds: number): void;
}

export function createAheadClock(): AheadClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    pass(milliseconds) {
      ahead += milliseconds;
    },
  };
}

/** Milliseconds between publishing a key and signing with it, which a test lets pass on the hub's clock. */
const OVERLAP = 5_000;
/** How long a process of the hub goes by what it has read of a service provider (ms), and a little more. */
const UNTIL_SEEN = 2_100;

/** Publishes the hub's next key for SAML; it signs with it only after `signWithNextKey`. */
export async function publishNextKey({ hub }: TestHub): Promise<void> {
  await hub.keys.rotateSaml(OVERLAP);
  await hub.refreshKeys();
}

export async function signWithNextKey({ hub }: TestHub, clock: AheadClock): Promise<void> {
  clock.pass(OVERLAP);
  await hub.refreshKeys();
}

/** Brings the hub newer metadata of a service provider, as its operator does. */
export async function bringMetadata({ hub }: TestHub, clock: AheadClock, metadata: string): Promise<void> {
  await hub.serviceProviders.add({ kind: 'file', document: Buffer.from(metadata) });
  clock.pass(UNTIL_SEEN);
}

/** Base64 of DER: the certificate that a message of the hub says it is signed by. */
export function signerOf(message: string): string | undefined {
  return /<ds:X509Certificate>([^<]+)</.exec(message)?.[1];
}
