import type { JWK } from 'jose';
import type { GivenNameId } from '../saml/name_ids.ts';

/** An OIDC client as the command line registered it: the metadata after the engine's own validation (RFC 7591 names). */
export interface StoredClient {
  clientId: string;
  metadata: Record<string, unknown>;
  createdAt: number;
}

export interface ClientStore {
  find(clientId: string): Promise<Record<string, unknown> | undefined>;
  /** False when the client id is taken. `client_secret` is sealed at rest. */
  insert(client: StoredClient): Promise<boolean>;
  list(): Promise<readonly StoredClient[]>;
  /** Other metadata for a client that has no secret. False when there is no such client. */
  replace(clientId: string, metadata: Record<string, unknown>): Promise<boolean>;
  /** False when there is no such client. */
  remove(clientId: string): Promise<boolean>;
}

export type SigningAlgorithm = 'ES256' | 'RS256' | 'PS256';

/** What a key signs: tokens, or SAML messages. None signs both. */
export type SigningPurpose = 'oidc' | 'saml';

export interface SigningKey {
  /** JWK thumbprint (RFC 7638). */
  kid: string;
  alg: SigningAlgorithm;
  purpose: SigningPurpose;
  /** DER of the self-signed certificate by which SAML metadata publishes the key; undefined for keys of tokens. */
  certificate: Uint8Array | undefined;
  /** Private JWK; sealed at rest. */
  jwk: JWK;
  createdAt: number;
  /** From when it signs; it is published before, so that relying parties have it in their caches (ms). */
  activeFrom: number;
  /** From when it is no longer published; undefined while it is in use or next (ms). */
  retiredFrom: number | undefined;
}

export interface SigningKeyStore {
  list(): Promise<readonly SigningKey[]>;
  insert(key: SigningKey): Promise<void>;
  /** Sets when a key stops being published. */
  retire(kid: string, from: number): Promise<void>;
  /** Newest first; sealed at rest. Cookies are signed with the first and accepted with any. */
  cookieSecrets(): Promise<readonly string[]>;
  insertCookieSecret(secret: string, now: number): Promise<void>;
}

/** Whom a person is signed in to by a session. */
export interface SessionClient {
  readonly clientId: string;
  /** The session as this client knows it: `sid` of a token, SessionIndex of an assertion. */
  readonly sid: string;
  /** How a SAML service provider was told who the person is; undefined for an OIDC client. */
  readonly nameId?: GivenNameId | undefined;
}

export interface LiveSession {
  /** What its cookie holds: never leaves the hub but in that cookie. */
  readonly id: string;
  readonly clients: readonly SessionClient[];
  /** Milliseconds since 1970. Undefined while nobody has signed in. */
  readonly signedInAt: number | undefined;
  readonly expiresAt: number;
  /** Of the sign-in, as it is kept (acr.ts). */
  readonly acr: string | undefined;
}

/** A session that was alive until now. */
export interface EndedSession {
  readonly clients: readonly SessionClient[];
}

export interface EndedArtefacts {
  readonly sessions: readonly EndedSession[];
  readonly grants: number;
}

/** What the engine keeps of a subject. */
export interface SubjectArtefacts {
  /**
   * Ends every session and grant of a subject, and with the grants every code and token. Of several callers each session
   * is told to one. A request in flight may still store what it had begun: call it again when that is over.
   */
  endAllOf(subjectId: string): Promise<EndedArtefacts>;
  /** The sessions of a subject that are alive. */
  sessionsOf(subjectId: string): Promise<readonly LiveSession[]>;
  /**
   * Ends one session as a sign-out does, with the grants that were given in it and are not for when the person is away
   * (`offline_access`). Undefined when it has ended already: of several callers it is told to one.
   */
  endSession(id: string): Promise<(EndedSession & { readonly grants: number }) | undefined>;
  /**
   * Ends every grant of a subject at one client, with its codes and tokens. The subject's sessions go on: those in which
   * the client has a part are returned, as it knows them.
   */
  endAt(subjectId: string, clientId: string): Promise<EndedArtefacts>;
}
