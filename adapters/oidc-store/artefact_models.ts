/**
 * How each of the engine's models may be written.
 *
 * - `once`: saved one time. A second save of the same id is a replay or a stale copy and is refused: a used or revoked
 *   code or token cannot come back.
 * - `again`: saved whenever its state changes, unless it has been used or destroyed meanwhile.
 */
export type Writing = 'once' | 'again';

export interface ArtefactModel {
  readonly writing: Writing;
  /** Dies with the grant that its payload names. */
  readonly ofGrant?: true;
  /**
   * Its writes may wait for the end of the request and go together. Not for what decides a race by being written first.
   */
  readonly waits?: true;
  /**
   * Using it up may wait for what it leads to, and decides then whether that is saved: the two are one statement.
   */
  readonly useWaits?: true;
  /** Found by the subject that its payload names, so that it can end when the subject's card is revoked. */
  readonly ofSubject?: true;
  /** Found by its payload's `uid` too. */
  readonly byUid?: true;
  /** Found by its payload's `userCode` too. */
  readonly byUserCode?: true;
  /**
   * Destroying it leaves a marker, because somebody may hold a copy in memory and save it a moment later: a session
   * after logout, a grant after revocation.
   */
  readonly marksEnd?: true;
}

export const artefactModels: Readonly<Record<string, ArtefactModel>> = {
  Session: { writing: 'again', waits: true, ofSubject: true, byUid: true, marksEnd: true },
  Grant: { writing: 'again', waits: true, ofSubject: true, marksEnd: true },
  Interaction: { writing: 'again', waits: true },
  AuthorizationCode: { writing: 'once', waits: true, useWaits: true, ofGrant: true },
  AccessToken: { writing: 'once', waits: true, ofGrant: true },
  RefreshToken: { writing: 'once', waits: true, useWaits: true, ofGrant: true },
  ClientCredentials: { writing: 'once' },
  PushedAuthorizationRequest: { writing: 'once' },
  // RFC 7523 §3 (7.), RFC 9449 §11.1: the engine looks for the `jti` and then saves it, and two at once both find
  // nothing. The second save is what tells them apart.
  ReplayDetection: { writing: 'once' },
  DeviceCode: { writing: 'again', ofGrant: true, byUserCode: true },
  BackchannelAuthenticationRequest: { writing: 'again', ofGrant: true },
  PreAuthorizedCode: { writing: 'again', ofGrant: true },
  InitialAccessToken: { writing: 'again' },
  RegistrationAccessToken: { writing: 'again' },
};

export const artefactModelNames: readonly string[] = Object.keys(artefactModels);

/** @throws Error for a model that this version of the engine did not have when the table above was made */
export function artefactModel(name: string): ArtefactModel {
  const model = Object.hasOwn(artefactModels, name) ? artefactModels[name] : undefined;
  if (!model) throw new Error(`how to keep the engine's model ${name} is not decided`);
  return model;
}
