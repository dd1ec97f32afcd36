import type { CertIdDigest } from '../../provider/pki/index.ts';

/**
 * `required`: an answer without our nonce is refused. `optional`: it is taken as long as it is not older than
 * `ocspMaxAge`. `none`: no nonce is sent, and that bound holds for every answer.
 */
export type OcspNonceUse = 'required' | 'optional' | 'none';

/** How patient the hub is with the authority. All times in milliseconds, sizes in octets. */
export interface AuthoritySettings {
  /** Between two looks at a list. A look costs the authority one conditional request. */
  readonly refreshInterval: number;
  /** Before the first new attempt after a failure; doubles with every further failure… */
  readonly retryDelay: number;
  /** …up to this. */
  readonly maxRetryDelay: number;
  /** How long a list serves after its nextUpdate. Anything but 0 accepts what the authority no longer vouches for. */
  readonly listGrace: number;
  /** For the whole of a list, so that one octet a second does not hold a connection for ever. */
  readonly listTimeout: number;
  readonly listMaxSize: number;
  /** Between two looks into the folder for lists that another process of this machine has put there; 0: never. */
  readonly shelfInterval: number;
  /**
   * Host names (with port, if any) to which the distribution point inside a certificate may lead when no list at hand
   * covers it. Empty: addresses inside certificates are not used.
   */
  readonly listHosts: readonly string[];
  /** For a whole OCSP exchange: a person is waiting. */
  readonly ocspTimeout: number;
  /** By which the responder's clock may differ from ours. */
  readonly ocspSkew: number;
  /**
   * For which an answer without nextUpdate counts as recent, and how old one without our nonce may be at most. The
   * authority renews its data every 15 minutes.
   */
  readonly ocspMaxAge: number;
  readonly ocspNonce: OcspNonceUse;
  /** Number of answers that are kept until their nextUpdate. */
  readonly ocspCacheSize: number;
  /** By which requests name the issuer; answers may name it by either. */
  readonly ocspDigest: CertIdDigest;
  /** Failures in a row after which a responder is left alone… */
  readonly ocspBreakerFailures: number;
  /** …for this long at first, twice as long after each question that tries it again in vain… */
  readonly ocspBreakerDelay: number;
  /** …up to this. */
  readonly ocspBreakerMaxDelay: number;
  /**
   * Host names (with port, if any) to which an address inside a certificate may lead when no address is configured
   * for its authority. Empty: addresses inside certificates are not used.
   */
  readonly ocspHosts: readonly string[];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const defaultAuthoritySettings: AuthoritySettings = {
  refreshInterval: 15 * MINUTE,
  retryDelay: 5 * SECOND,
  maxRetryDelay: 5 * MINUTE,
  listGrace: 0,
  listTimeout: MINUTE,
  listMaxSize: 512 * 1024 * 1024,
  shelfInterval: 10 * SECOND,
  listHosts: [],
  ocspTimeout: 3 * SECOND,
  ocspSkew: MINUTE,
  ocspMaxAge: 15 * MINUTE,
  ocspNonce: 'required',
  ocspCacheSize: 10_000,
  ocspDigest: 'sha1',
  ocspBreakerFailures: 5,
  ocspBreakerDelay: 5 * SECOND,
  ocspBreakerMaxDelay: 5 * MINUTE,
  ocspHosts: [],
};
