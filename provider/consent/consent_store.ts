/**
 * How long a decision holds.
 *
 * - `lasting`: until it is withdrawn or expires.
 * - `once`: for the sign-in at which it was made, with the tokens that it gives; it is asked again as if never decided.
 * - `every_time`: the same, and at the next sign-in the page shows what was chosen.
 */
export type ConsentPeriod = 'lasting' | 'once' | 'every_time';

export const consentPeriods: readonly ConsentPeriod[] = ['lasting', 'once', 'every_time'];

/** As what, and for what, a claim was asked for. */
export interface ClaimTerms {
  /** The relying party cannot do without it. */
  readonly required: boolean;
  /** Stands for the purpose in whatever language it was shown. */
  readonly purpose: string;
  /** The purpose of this very claim as it was shown, where it has one of its own. */
  readonly shown?: string;
}

export interface Consent {
  id: string;
  subjectId: string;
  clientId: string;
  /** Claim names of the catalogue that the person agreed to give. */
  granted: readonly string[];
  /** Claim names that the person was asked for and left out: not asked again until the relying party asks for more. */
  declined: readonly string[];
  /** The relying party's stated purpose as it was shown. */
  purpose: string | undefined;
  /** Milliseconds since the epoch. */
  grantedAt: number;
  expiresAt: number;
  /** Of the last decision. */
  period: ConsentPeriod;
  /** Granted claims that are for one sign-in; they leave until `passingUntil` (ms), and are asked for at the next. */
  passing: readonly string[];
  passingUntil: number | undefined;
  /** By claim, of those that were decided on since terms are kept. */
  terms: Readonly<Record<string, ClaimTerms>>;
}

/** A consent of any time, as the person sees it. */
export interface KeptConsent extends Consent {
  /** When it was withdrawn, or replaced by a later decision. */
  readonly withdrawnAt: number | undefined;
}

export type Exit =
  | 'id_token'
  | 'userinfo'
  | 'introspection'
  | 'verifier'
  | 'assertion'
  | 'attribute_query'
  | 'aggregated'
  | 'distributed'
  | 'sealed';

/** A claim that is about to leave. */
export interface ClaimToTell {
  readonly claim: string;
  /** Whose word it is; undefined for what the hub says itself. */
  readonly source: string | undefined;
}

/** What left together, as the person's history has it. */
export interface Disclosure {
  /** 1, 2, 3 … of this person, without gaps. */
  readonly sequence: number;
  readonly clientId: string;
  readonly consentId: string;
  readonly exit: Exit;
  readonly claims: readonly string[];
  /** Of each of `claims`, at the same place. */
  readonly sources: readonly (string | undefined)[];
  readonly at: number;
  /** When the answer was handed to the network. Undefined: it was prepared, and nobody saw that it left. */
  readonly deliveredAt: number | undefined;
  /** See disclosure_chain.ts. */
  readonly hash: Uint8Array;
}

/** One release of one person. */
export interface DisclosureKey {
  readonly subjectId: string;
  readonly sequence: number;
}

export type ReceiptEvent = 'granted' | 'changed' | 'withdrawn';

export interface StoredReceipt {
  readonly id: string;
  readonly subjectId: string;
  readonly consentId: string;
  readonly event: ReceiptEvent;
  /** JWS, compact. */
  readonly receipt: string;
  readonly at: number;
}

/** What may leave now. */
export interface Disclosed {
  readonly claims: readonly string[];
  /** See Disclosure; undefined when there is nothing that may leave. */
  readonly sequence: number | undefined;
  /** The consent that it leaves under. */
  readonly consentId: string;
}

export interface ConsentStore {
  /** The live consent of (subject, relying party): not withdrawn, not expired at `now`. */
  findLive(subjectId: string, clientId: string, now: number): Promise<Consent | undefined>;
  /** The newest of (subject, relying party), live or not. */
  findLast(subjectId: string, clientId: string): Promise<KeptConsent | undefined>;
  /** One of this subject's own, of any time. */
  find(subjectId: string, consentId: string): Promise<KeptConsent | undefined>;
  /** Newest first. */
  list(subjectId: string, limit: number): Promise<readonly KeptConsent[]>;
  /** Withdraws what is live for the pair and inserts this one; at no moment are two live. */
  replace(consent: Consent): Promise<void>;
  /** With what rests on it (LatestConsentStore). False when there was nothing live to withdraw. */
  withdraw(consentId: string, now: number): Promise<boolean>;
  /**
   * Writes a disclosure row for each claim that may leave, linked to this person's chain, and returns them, in one
   * statement: those of `claims` that the live consent grants. Undefined, and no row, when the pair has no live consent
   * (invariant 6).
   */
  disclose(disclosure: {
    subjectId: string;
    clientId: string;
    exit: Exit;
    claims: readonly ClaimToTell[];
    now: number;
  }): Promise<Disclosed | undefined>;
  /** That these answers were handed to the network at `now`. */
  confirmDelivery(disclosures: readonly DisclosureKey[], now: number): Promise<void>;
  /** Newest first, of those before `before` (a sequence number) where it is given. */
  listDisclosures(subjectId: string, limit: number, before?: number): Promise<readonly Disclosure[]>;

  addReceipt(receipt: StoredReceipt): Promise<void>;
  /** Newest first. */
  listReceipts(subjectId: string, limit: number): Promise<readonly StoredReceipt[]>;
  findReceipt(subjectId: string, receiptId: string): Promise<StoredReceipt | undefined>;
  /** What the person signed for a receipt (CMS, under Vault.seal); the last one counts. */
  addReceiptSignature(subjectId: string, receiptId: string, sealedDocument: Uint8Array, at: number): Promise<void>;
  /** When this person signed receipts of theirs, by the receipt's id. */
  receiptSignatures(subjectId: string): Promise<ReadonlyMap<string, number>>;
}
