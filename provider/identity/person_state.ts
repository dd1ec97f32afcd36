import type { RevocationReason } from '../pki/index.ts';

/**
 * What the authority's word about a person's two certificates says about the person. The one place where a reason of
 * revocation gets a meaning: pages, sessions and attributes all go by it.
 *
 * - `current`: as enrolled.
 * - `attributes_changed`: nobody vouches any more for the four attributes as they were enrolled; most often one of them
 *   is another after a move or a marriage.
 * - `renewed`: the authority has issued a successor.
 * - `held`: the card was reported lost, or is held for another doubt about its safety; the authority never releases it.
 * - `ended`: the certificate was given up. Death, moving abroad, a card that was handed back and a wish of the holder
 *   share one reason, so that nobody can tell them apart, and this code must not either.
 * - `compromised`: somebody else may have the key.
 */
export type PersonState = 'current' | 'attributes_changed' | 'renewed' | 'held' | 'ended' | 'compromised';

/** What the authority says of a certificate: good, or why it is revoked. */
export type CertificateWord = 'good' | RevocationReason;
/** The same of the signing certificate that is linked to a person, who may have none. */
export type SigningWord = CertificateWord | 'none';

/** The pages of a refused sign-in. They say what to do, and no more. */
export type RefusalCode = 'certificate_superseded' | 'certificate_on_hold' | 'certificate_revoked';

export interface Effect {
  readonly signIn: 'goes_on' | RefusalCode;
  /**
   * Sessions with all that came of them: grants, refresh tokens, access tokens; their relying parties are told.
   * `end_unless_followed`: not when the hub has seen the successor already, since then they may rest on that.
   */
  readonly sessions: 'go_on' | 'end' | 'end_unless_followed';
  /** `stale`: still shown as of their date, and the person is asked to enrol again. `none`: there are none. */
  readonly attributes: 'none' | 'current' | 'stale';
  /** The authority knows a successor: ask the linkage for it before a person is taken for a new one. */
  readonly linkage: 'follow' | 'leave';
  /** An operator should look at it today. */
  readonly alert: boolean;
}

type RevokedUserState = 'renewed' | 'held' | 'ended' | 'compromised';

interface Meaning {
  /** The person, when it is the user certificate that is revoked, whatever the signing certificate is. */
  readonly user: RevokedUserState;
  /** The person, when only the signing certificate is. */
  readonly signing: 'attributes_changed' | 'renewed';
}

/**
 * The authority's reasons (J-LIS, certification practice statements of both authorities, 4.9.9), with the event behind
 * each as far as it can be told.
 *
 * A signing certificate that is revoked beside a good user certificate never says more than that the attributes are no
 * longer vouched for: its key opens nothing here, and the authority itself goes on vouching for the one that does.
 *
 * For comparison the table of the 2018 working group on status checks, from before those statements; where the two differ,
 * the authority's own meaning counts:
 *
 * ```
 * signing  user     reason                its reading                      ours
 * good     good     –                     alive, attributes right          current
 * revoked  good     any                   an attribute has changed         attributes_changed; superseded: renewed
 * revoked  revoked  affiliationChanged    deceased or moved abroad         ended
 * revoked  revoked  cessationOfOperation  card lost, or moved abroad       ended
 * revoked  revoked  superseded            certificates renewed             renewed
 * revoked  revoked  certificateHold       card lost, reported              held
 * ```
 */
const MEANINGS: Readonly<Record<RevocationReason, Meaning>> = {
  // Discarded before it was handed over. Other authorities give it when they give no reason at all.
  unspecified: { user: 'ended', signing: 'attributes_changed' },
  // The holder's private key is known to somebody else.
  keyCompromise: { user: 'compromised', signing: 'attributes_changed' },
  // The authority's own is: everything under it is refused.
  cACompromise: { user: 'compromised', signing: 'attributes_changed' },
  // What stands in the certificate has changed. The authority gives it to signing certificates only, since a user
  // certificate says nothing of its holder; on one, the working group read it as the end of a registration.
  affiliationChanged: { user: 'ended', signing: 'attributes_changed' },
  // Renewed, or issued anew.
  superseded: { user: 'renewed', signing: 'renewed' },
  // No longer needed: death, removal from the register, moving abroad, handing back, the holder's wish.
  cessationOfOperation: { user: 'ended', signing: 'attributes_changed' },
  // In doubt, and never released: a lost card that was reported.
  certificateHold: { user: 'held', signing: 'attributes_changed' },
  // The authority gives none of these. In a whole list an entry is an entry, so that the first is one too.
  removeFromCRL: { user: 'ended', signing: 'attributes_changed' },
  privilegeWithdrawn: { user: 'ended', signing: 'attributes_changed' },
  aACompromise: { user: 'compromised', signing: 'attributes_changed' },
};

/**
 * What follows from a revoked user certificate. Sessions end in every state; when renewed too, because that reason does
 * not tell a renewal from a card that was issued anew after a loss that nobody reported. The person has the new card at
 * hand and shows it once; when they have, there is nothing left to end. An end is told to nobody: `certificate_revoked`
 * is the page of a leaked key as well.
 */
const OF_REVOKED_USER: Readonly<Record<RevokedUserState, Omit<Effect, 'attributes'> & { signIn: RefusalCode }>> = {
  renewed: { signIn: 'certificate_superseded', sessions: 'end_unless_followed', linkage: 'follow', alert: false },
  held: { signIn: 'certificate_on_hold', sessions: 'end', linkage: 'leave', alert: false },
  ended: { signIn: 'certificate_revoked', sessions: 'end', linkage: 'leave', alert: false },
  compromised: { signIn: 'certificate_revoked', sessions: 'end', linkage: 'leave', alert: true },
};

export function personState(signing: SigningWord, user: CertificateWord): PersonState {
  if (user !== 'good') return MEANINGS[user].user;
  return signing === 'good' || signing === 'none' ? 'current' : MEANINGS[signing].signing;
}

export function effectOf(signing: SigningWord, user: CertificateWord): Effect {
  const attributes = signing === 'none' ? 'none' : signing === 'good' ? 'current' : 'stale';
  if (user !== 'good') return { ...OF_REVOKED_USER[MEANINGS[user].user], attributes };
  const linkage = personState(signing, user) === 'renewed' ? 'follow' : 'leave';
  return { signIn: 'goes_on', sessions: 'go_on', attributes, linkage, alert: false };
}

/** The page for a revoked user certificate: what to do, never why. A death must not be told to whoever holds the card. */
export function refusalOf(reason: RevocationReason): RefusalCode {
  return OF_REVOKED_USER[MEANINGS[reason].user].signIn;
}
