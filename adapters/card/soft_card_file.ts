/** One certificate with its key and the PIN that guards it, as a soft card keeps them. */
export interface SoftCardKey {
  /** DER, base64. */
  certificate: string;
  /** PKCS#8, PEM. */
  privateKey: string;
  pin: string;
  /** 0 means blocked. */
  triesLeft: number;
  maxTries: number;
}

/**
 * A sandbox citizen's card in a file, `<data>/cards/<name>.card.json` (mode 0600). The sandbox authority writes it when
 * it issues or renews; the card agent counts wrong PINs in it. Nothing in it is worth anything outside one sandbox.
 */
export interface SoftCardFile {
  format: 'musubi-soft-card:1';
  /** File-safe name, `[a-z0-9-]{1,40}`; what `musubi card sign --card` takes. */
  name: string;
  /** What the card agent shows, for people: the citizen's name and what is special about this card. */
  label: { ja: string; en: string };
  user: SoftCardKey;
  /** Under-15s have no signing certificate. */
  signing: SoftCardKey | null;
  /** The issuing authority certificates as on a real card (EF 000B and 0002), DER, base64. */
  authority: { user: string; signing: string | null };
}
