/* What the gate hands on: values that were read from octets which a key of the sender's metadata has signed, or — where
   `isSigned` is false — from a message that its sender does not sign. */

interface Message {
  readonly id: string;
  /** Entity id of the sender: a registered service provider. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly issueInstant: number;
  readonly isSigned: boolean;
}

export interface NameId {
  /** Exactly as sent. */
  readonly value: string;
  readonly format: string | undefined;
  readonly nameQualifier: string | undefined;
  readonly spNameQualifier: string | undefined;
}

/** An attribute that is asked for. */
export interface AskedAttribute {
  readonly name: string;
  /** `YYYY-MM-DD`: the day that it has to be about. */
  readonly targetDate: string | undefined;
  /** Seconds that it may be old. */
  readonly maxAge: number | undefined;
}

/** SAML Core §3.4.1. */
export interface AuthnRequest extends Message {
  readonly kind: 'AuthnRequest';
  readonly forceAuthn: boolean;
  readonly isPassive: boolean;
  readonly assertionConsumerServiceUrl: string | undefined;
  readonly assertionConsumerServiceIndex: number | undefined;
  /** Binding URI. */
  readonly protocolBinding: string | undefined;
  readonly attributeConsumingServiceIndex: number | undefined;
  /** By an extension of the protocol, for this request alone; undefined without it. */
  readonly requestedAttributes: readonly (AskedAttribute & { readonly isRequired: boolean })[] | undefined;
  readonly nameIdPolicy:
    | {
        readonly format: string | undefined;
        readonly spNameQualifier: string | undefined;
        readonly allowCreate: boolean;
      }
    | undefined;
  readonly requestedAuthnContext:
    | {
        readonly comparison: 'exact' | 'minimum' | 'maximum' | 'better';
        /** AuthnContextClassRef values in their order. Empty when it names declarations only. */
        readonly classes: readonly string[];
      }
    | undefined;
  /** The person that it asks for. */
  readonly subject: NameId | undefined;
}

/** SAML Core §3.7.1. */
export interface LogoutRequest extends Message {
  readonly kind: 'LogoutRequest';
  readonly nameId: NameId;
  readonly sessionIndexes: readonly string[];
}

/** SAML Core §3.7.2. */
export interface LogoutResponse extends Message {
  readonly kind: 'LogoutResponse';
  readonly inResponseTo: string | undefined;
  /** From the top-level status code to the last one below it. */
  readonly statusCodes: readonly string[];
}

/** SAML Core §3.3.2.3. */
export interface AttributeQuery extends Message {
  readonly kind: 'AttributeQuery';
  readonly nameId: NameId;
  /** Empty: whatever may be told. */
  readonly attributes: readonly (AskedAttribute & { readonly nameFormat: string | undefined })[];
}

export type SamlMessage = AuthnRequest | LogoutRequest | LogoutResponse | AttributeQuery;
export type MessageKind = SamlMessage['kind'];
