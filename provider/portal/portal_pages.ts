import type { Context } from 'koa';
import type {
  PortalAttribute,
  PortalCard,
  PortalClaim,
  PortalConsent,
  PortalDisclosure,
  PortalParty,
  PortalSession,
} from '../../views/portal_models.ts';
import type { ShownType } from '../../views/portal_values.ts';
import type { Language } from '../../views/words/words.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { Bilingual } from '../attributes/catalogue/claim_type.ts';
import { methodOf } from '../authentication/acr.ts';
import type { StoredReceipt } from '../consent/consent_store.ts';
import { preferencesOf } from '../web/preferences.ts';
import type { CertificateState, ConsentState, OwnAttribute, OwnSession } from './portal.ts';
import type { KeptCertificate, KeptConsent, KeptDisclosure, KnownRelyingParty } from './portal_store.ts';

/* From what the portal knows to what its pages are given; no rule lives here. */

/** What a page calls things by, in its language. */
export interface Naming {
  readonly language: Language;
  readonly parties: ReadonlyMap<string, KnownRelyingParty>;
  /** A claim by the catalogue; one that it no longer has, by its name. */
  claim(name: string): PortalClaim;
}

/** Of what the hub says itself: as a person reads it, where the catalogue has what a program does. */
const READABLE: Readonly<Record<string, ShownType>> = {
  birthdate: { kind: 'text', format: 'date' },
  card_status: {
    kind: 'object',
    members: {
      status: {
        label: { ja: '状態', en: 'Status' },
        type: { kind: 'text', values: { good: { ja: '有効', en: 'valid' } } },
      },
      checked_at: { label: { ja: '確認した日時', en: 'Checked at' }, type: { kind: 'moment' } },
      source: {
        label: { ja: '確認の方法', en: 'Checked by' },
        type: {
          kind: 'text',
          values: {
            crl: { ja: '認証局の失効リスト', en: 'the authority’s revocation list' },
            ocsp: { ja: '認証局への問い合わせ', en: 'a question to the authority' },
          },
        },
      },
      as_of: { label: { ja: 'いつの情報か', en: 'As of' }, type: { kind: 'moment' } },
    },
  },
};

export function languageOf(ctx: Context): Language {
  return preferencesOf(ctx).language;
}

/** A relying party as the page's language calls it (RFC 7591 §2.2); one that nobody remembers, by its id. */
export function partyOf(clientId: string, { parties, language }: Naming): PortalParty {
  const known = parties.get(clientId);
  const { metadata = {}, isRegistered = false } = known ?? {};
  const other = language === 'ja' ? 'en' : 'ja';
  const names = [metadata[`client_name#${language}`], metadata.client_name, metadata[`client_name#${other}`]];
  const name = names.find((text): text is string => typeof text === 'string');
  return { clientId, name: name ?? hostOf(metadata) ?? clientId, host: hostOf(metadata), isRegistered };
}

function hostOf({ saml_sector: sector, redirect_uris: uris }: KnownRelyingParty['metadata']): string | undefined {
  if (typeof sector === 'string') return sector;
  const [uri] = Array.isArray(uris) ? uris : [];
  if (typeof uri !== 'string' || !URL.canParse(uri)) return undefined;
  return new URL(uri).host || undefined;
}

export function attributeInput(
  { name, value, source, asOf, isCurrent }: OwnAttribute,
  { find }: Pick<Catalogue, 'find'>,
  language: Language,
): PortalAttribute {
  const claim = find(name);
  return {
    label: claim?.label[language] ?? name,
    explanation: claim?.explanation[language] ?? '',
    type: Object.hasOwn(READABLE, name) ? READABLE[name] : claim?.type,
    ...{ value, source: source?.[language], asOf, isCurrent },
  };
}

export function consentInput(
  consent: KeptConsent,
  state: ConsentState,
  receipts: readonly StoredReceipt[],
  naming: Naming,
): PortalConsent {
  const { id, clientId, granted, declined, purpose, period, grantedAt, expiresAt, withdrawnAt } = consent;
  return {
    receipts: receipts
      .filter(({ consentId }) => consentId === id)
      .map(({ id: receiptId, event }) => ({ event, path: `/portal/receipts/${receiptId}` })),
    ...{ id, purpose, period, grantedAt, expiresAt, state },
    granted: granted.map(naming.claim),
    declined: declined.map(naming.claim),
    party: partyOf(clientId, naming),
    endedAt: state === 'expired' ? expiresAt : withdrawnAt,
  };
}

export function disclosureInput(
  { clientId, claims, sources, at, exit, consentId, deliveredAt }: KeptDisclosure,
  {
    consents,
    sourceNames,
  }: { consents: ReadonlyMap<string, KeptConsent>; sourceNames: ReadonlyMap<string, Bilingual> },
  naming: Naming,
): PortalDisclosure {
  const sourceOf = (place: number) => sourceNames.get(sources[place] ?? '')?.[naming.language];
  return {
    party: partyOf(clientId, naming),
    isDelivered: deliveredAt !== undefined,
    claims: claims.map((name, place) => ({ ...naming.claim(name), source: sourceOf(place) })),
    ...{ at, exit, consentedAt: consents.get(consentId)?.grantedAt },
  };
}

export function cardInput(certificate: KeptCertificate & { readonly state: CertificateState }): PortalCard {
  const { kind, state, method, boundAt, checkedAt, notAfter } = certificate;
  return { kind, state, method: method ?? 'none', boundAt, checkedAt, notAfter };
}

export function sessionInput(session: OwnSession, naming: Naming): PortalSession {
  const { handle, isThis, signedInAt, expiresAt, acr, clientIds } = session;
  return {
    ...{ handle, isThis, signedInAt, expiresAt, method: methodOf(acr) },
    parties: clientIds.map((clientId) => partyOf(clientId, naming)),
  };
}
