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

/** An attribute provider (属性提供者) as it is registered. */
export interface AttributeProvider {
  /** Names it in provenance and commands. */
  readonly id: string;
  readonly kind: ProviderKind;
  readonly names: Bilingual;
  /** Below it are the addresses of its interface; its `iss`, and the `aud` of what it is asked. */
  readonly url: string;
  /** Public keys that its answers are signed with. */
  readonly keys: JSONWebKeySet;
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
