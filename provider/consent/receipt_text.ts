import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { signableLine } from '../identity/signed_text.ts';
import type { StoredReceipt } from './consent_store.ts';
import type { ReceiptLanguage } from './receipt.ts';

const NAME_LIMIT = 80;
const PURPOSE_LIMIT = 200;

/** What a receipt's text is made of; the hub wrote it (receipt.ts). */
interface ReadReceipt {
  readonly consent_receipt: {
    readonly language: ReceiptLanguage;
    readonly purposes: readonly {
      readonly purpose: string;
      readonly pii_information: readonly { readonly pii_type: string }[];
    }[];
    readonly party_identification: readonly { readonly party_id: string; readonly party_name: string }[];
  };
}

/**
 * What a person signs so that a receipt is theirs, too: exactly these octets in UTF-8. It says in words what was agreed, and
 * names the receipt by its hash.
 *
 * @param labelOf a claim, in words of the receipt's language.
 */
export function receiptText(
  { id, receipt }: Pick<StoredReceipt, 'id' | 'receipt'>,
  labelOf: (claim: string, language: ReceiptLanguage) => string,
  { origin, nonce }: { readonly origin: string; readonly nonce: string },
): string {
  const { language, purposes, party_identification } = decodeJwt<ReadReceipt>(receipt).consent_receipt;
  const words = WORDS[language];
  const [party] = party_identification;
  const given = purposes.flatMap(({ purpose, pii_information }) => [
    `${words.purpose}${signableLine(purpose, PURPOSE_LIMIT) || words.noPurpose}`,
    ...pii_information.map(({ pii_type }) => `${words.bullet}${labelOf(pii_type, language)}`),
  ]);
  return [
    words.title,
    '',
    words.opening,
    '',
    `${words.service}${signableLine(party?.party_name ?? '', NAME_LIMIT)}`,
    ...given,
    '',
    words.statement,
    receiptStatement({ id, receipt }),
    words.addressee,
    origin,
    words.number,
    nonce,
    '',
  ].join('\n');
}

/** The receipt, for whoever compares the two: the same in every language. */
export function receiptStatement({ id, receipt }: Pick<StoredReceipt, 'id' | 'receipt'>): string {
  return `consent-receipt id=${id} sha256=${createHash('sha256').update(receipt).digest('hex')}`;
}

const WORDS = {
  ja: {
    title: '同意の記録',
    opening: 'マイナンバーカードの署名用電子証明書で署名し、次のとおり同意したことを確かめます。',
    service: '提供先のサービス：',
    purpose: '利用目的：',
    noPurpose: '（登録されていません）',
    bullet: '・',
    statement: '記録の番号と、その内容から計算した値：',
    addressee: '記録を保管するサイト：',
    number: 'この署名の番号：',
  },
  en: {
    title: 'Record of consent',
    opening: 'I sign this with the signing certificate of my card, and confirm that I agreed to the following.',
    service: 'Shared with: ',
    purpose: 'Purpose: ',
    noPurpose: '(none is registered)',
    bullet: '- ',
    statement: 'The number of the record, and a value computed from its content:',
    addressee: 'The site that keeps the record:',
    number: 'The number of this signature:',
  },
} as const;
