import type { JSONWebKeySet } from 'jose';
import type { Bilingual } from '../catalogue/claim_type.ts';
import type { CarriedForm } from '../delivery.ts';

export type ProviderKind = 'insurer' | 'card_issuer' | 'public_body' | 'other';

/** What a person enters so that a provider can find them among its customers, such as the number on the insurance card. */
export interface EntryField {
  readonly name: string;
  readonly label: Bilingual;
  /** Code points. */
  readonly maxLength: number;
  readonly isOptional: boolean;
}

/** How the hub is known to an OpenID Provider that holds attributes, and what it asks there. */
export interface UserinfoInterface {
  /** The hub's, as the provider has registered it. */
  readonly clientId: string;
  readonly authentication: ClientAuthentication;
  /** With spaces between. */
  readonly scope: string;
  /**
   * By the catalogue's claims where each stands in the provider's userinfo: a name, or a JSON Pointer (RFC 6901). What is not
   * here stands under the catalogue's own name.
   */
  readonly claims: Readonly<Record<string, string>>;
  /** Where the time stands that the values are as of; `updated_at` unless given. */
  readonly asOf?: string | undefined;
}

/** By a key of the hub's `jwks_uri`, or by a secret (OpenID Connect Core §9). */
export type ClientAuthentication = 'private_key_jwt' | 'client_secret_basic' | 'client_secret_post';

/** An attribute provider (属性提供者) as it is registered. */
export interface AttributeProvider {
  /** Names it in provenance and commands. */
  readonly id: string;
  readonly kind: ProviderKind;
  readonly names: Bilingual;
  /**
   * Below it are the addresses of its interface; its `iss`, and the `aud` of what it is asked. Of one that is asked as an
   * OpenID Provider it is the issuer.
   */
  readonly url: string;
  /** Public keys that its answers are signed with. One of `keys`, `jwksUri` and `userinfo` is there. */
  readonly keys?: JSONWebKeySet | undefined;
  /** Where it publishes those. */
  readonly jwksUri?: string | undefined;
  /** Interface B: it is asked as an OpenID Provider. */
  readonly userinfo?: UserinfoInterface | undefined;
  readonly entries: readonly EntryField[];
  /** The forms beside plain values that it can make. */
  readonly forms: readonly CarriedForm[];
  /** One that is not active is asked nothing. */
  readonly isActive: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A member of the platform: an attribute provider or a relying party. */
export type Member = { readonly providerId: string } | { readonly clientId: string };

/** 保有・提供可否・受入可否 of one attribute at one member. */
export interface MemberAttribute {
  readonly member: Member;
  readonly claim: string;
  readonly holds: boolean;
  readonly offers: boolean;
  readonly accepts: boolean;
}

/** Somebody is a customer of a provider. */
export interface Membership {
  readonly id: string;
  readonly subjectId: string;
  readonly providerId: string;
  /** Vault.index over the provider and its reference of the customer. */
  readonly customer: Uint8Array;
  /** The reference under Vault.seal. */
  readonly sealedReference: Uint8Array;
  /** Milliseconds since 1970. */
  readonly boundAt: number;
}

/** A claim that a provider offers, of which the person is a customer, and the relying party accepts. */
export interface Selectable {
  readonly claim: string;
  readonly provider: AttributeProvider;
  readonly membership: Pick<Membership, 'id' | 'sealedReference' | 'boundAt'>;
}

export interface KeptAnswer {
  readonly claim: string;
  /** The value with its times, under Vault.seal. */
  readonly sealed: Uint8Array;
  /** Milliseconds since 1970. */
  readonly obtainedAt: number;
  readonly keptUntil: number;
}

export interface ProviderStore {
  /** False when the id is taken. */
  insert(provider: AttributeProvider): Promise<boolean>;
  find(id: string): Promise<AttributeProvider | undefined>;
  list(): Promise<readonly AttributeProvider[]>;
  /** In the place of the one with this id. False when there is none. */
  replace(provider: AttributeProvider): Promise<boolean>;
  /** With its offers, memberships and kept answers. False when there is none. */
  remove(id: string): Promise<boolean>;

  /** In the place of what was said of this member and claim. False when there is no such member. */
  setAttribute(attribute: MemberAttribute): Promise<boolean>;
  listAttributes(): Promise<readonly MemberAttribute[]>;

  /**
   * Of `claims` those that active providers offer, of which the subject is a customer; the newest membership first.
   *
   * @param clientId only what this relying party accepts; undefined for the person's own eyes.
   */
  selectable(
    subjectId: string,
    clientId: string | undefined,
    claims: readonly string[],
  ): Promise<readonly Selectable[]>;

  /** Of `claims` those that this relying party accepts (受入可), whoever they would be of. */
  accepted(clientId: string, claims: readonly string[]): Promise<readonly string[]>;

  /**
   * In the place of the subject’s own at this provider. False when the customer is somebody else’s already: whoever calls has
   * the transaction undone then.
   */
  bind(membership: Membership): Promise<boolean>;
  /** Live ones, newest first. */
  listMemberships(subjectId: string): Promise<readonly Membership[]>;
  /** With the answers that are kept of it. The provider's id; undefined when the subject has no such live membership. */
  end(membershipId: string, subjectId: string, by: 'person' | 'operator', now: number): Promise<string | undefined>;

  /** Providers that gave access tokens under this consent of theirs after `since` (ms since 1970). */
  withReferences(subjectId: string, consentId: string, since: number): Promise<readonly AttributeProvider[]>;

  keepAnswer(membershipId: string, answer: KeptAnswer): Promise<void>;
  /** Those that may still be used. */
  findAnswers(membershipId: string, claims: readonly string[], now: number): Promise<readonly KeptAnswer[]>;
  /** Deletes answers whose time is over; returns how many. */
  sweepAnswers(now: number): Promise<number>;
}
