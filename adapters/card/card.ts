/**
 * The narrow door to a My Number Card. A soft card (soft_card.ts) and a card in a PC/SC reader implement the same few
 * methods; nothing above this file knows which one it talks to. A PIN goes in and is forgotten; a key never comes out.
 */

/** User key: signing in, PIN of 4 digits. Signing key: documents, password of 6–16 letters and digits. */
export type CardKeyKind = 'user' | 'signing';

/** Web eID authentication token, format 1.0 (Web eID authentication token format specification, "Proposed new format"). */
export interface WebEidToken {
  format: 'web-eid:1.0';
  /** DER, base64. Named so because nobody has verified it yet. */
  unverifiedCertificate: string;
  /** JWA name (RFC 7518 §3.1), `RS256` for every JPKI card. */
  algorithm: SignatureAlgorithm;
  /** Base64; ECDSA as raw r‖s. */
  signature: string;
  /** Names the program that made the token, for finding faulty ones; proves nothing. */
  appVersion: string;
}

export type SignatureAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

export interface CardStatus {
  user: PinStatus;
  /** Null: the card has no signing key (under-15s). */
  signing: PinStatus | null;
}

export interface PinStatus {
  /** 0 means blocked. */
  triesLeft: number;
  maxTries: number;
}

/** Certificates as DER. */
export interface CardCertificates {
  user: Uint8Array;
  /** Null without the signing password, as on a real card (EF 0001 is protected), or when the card has none. */
  signing: Uint8Array | null;
  /** The authority certificates on the card (EF 000B and 0002): a hint, never a trust anchor. */
  authority: { user: Uint8Array; signing: Uint8Array | null };
}

/** What a website's challenge is made of. */
export interface CardChallenge {
  /** ASCII serialisation of the website's origin, exactly as the browser gives it (HTML Standard §7.1.1). */
  origin: string;
  /** Base64 text of 44 to 256 characters, signed as it stands. */
  nonce: string;
}

export interface DocumentSignature {
  /** DER of the signing certificate, which only a person who typed the signing password may read. */
  certificate: Uint8Array;
  algorithm: SignatureAlgorithm;
  signature: Uint8Array;
}

export interface Card {
  /** Stable while the card is in place; what {@link CardDoor.open} takes. */
  readonly name: string;
  /** For people. */
  readonly label: { ja: string; en: string };

  /** Tries left, spending none. */
  status(): Promise<CardStatus>;

  /**
   * The certificates that may be read now.
   *
   * @param signingPin reads the signing certificate too; a wrong one costs a try.
   * @throws CardError as {@link Card.signDocument} when `signingPin` is given.
   */
  certificates(signingPin?: string): Promise<CardCertificates>;

  /**
   * Signs H(origin)‖H(nonce) with the user key.
   *
   * @throws CardError `challenge_origin_invalid`, `challenge_nonce_invalid`, `card_pin_malformed` (no try spent),
   *   `card_pin_wrong` (`triesLeft` says how many remain), `card_pin_blocked`, `card_unreadable`, `card_busy`.
   */
  signChallenge(challenge: CardChallenge & { pin: string }): Promise<WebEidToken>;

  /**
   * Signs `bytes` (a CMS's signed attributes, RFC 5652 §5.4, or a whole document) with the signing key; the hash is the
   * algorithm's own.
   *
   * @throws CardError `card_signing_missing`, `card_signing_pin_malformed` (no try spent), `card_signing_pin_wrong`
   *   (`triesLeft` says how many remain), `card_signing_pin_blocked`, `card_unreadable`, `card_busy`.
   */
  signDocument(document: { bytes: Uint8Array; pin: string }): Promise<DocumentSignature>;
}

/** Where cards come from: a folder of soft cards, or the PC/SC readers of this machine. */
export interface CardDoor {
  /** The cards in place at this moment, looked up anew at each call. */
  list(): Promise<Card[]>;
  /** @throws CardError `card_not_found`, `card_unreadable`. */
  open(name: string): Promise<Card>;
}
