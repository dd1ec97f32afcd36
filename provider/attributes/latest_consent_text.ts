import type { ApplicationLanguage } from '../identity/application.ts';
import type { AttributeName } from '../identity/four_attributes.ts';
import { signableLine } from '../identity/signed_text.ts';

/** What a person lets be told to one relying party (最新の利用者情報（4情報）提供サービスの本人同意). */
export interface LatestConsentTerms {
  /** In the order of `attributeNames`. */
  readonly items: readonly AttributeName[];
  /** The last day of it in Japan, `YYYY-MM-DD`. */
  readonly until: string;
}

/** The whole consent, as the person reads and signs it. */
export interface LatestConsentDraft extends LatestConsentTerms {
  readonly language: ApplicationLanguage;
  readonly service: NamedService;
}

/** As its registration describes it: every text is a stranger's. */
export interface NamedService {
  readonly name: string;
  /** Its host, which a name alone does not prove. */
  readonly host: string;
  readonly purpose: string | undefined;
}

const YEARS = 10;
const DAY = 86_400_000;
/** Japan keeps one time all year (UTC+9). */
const JAPAN = 9 * 3_600_000;
const NAME_LIMIT = 80;
const PURPOSE_LIMIT = 200;

/** The last day of a consent that is given now: of ten years from the day after it. */
export function lastDayOf(now: number): string {
  const today = new Date(now + JAPAN);
  const year = today.getUTCFullYear() + YEARS;
  const day = new Date(Date.UTC(year, today.getUTCMonth(), today.getUTCDate()));
  // 29 February has no namesake in most years.
  if (day.getUTCDate() !== today.getUTCDate()) day.setUTCDate(0);
  return day.toISOString().slice(0, 10);
}

/** Milliseconds since 1970: when the day is over in Japan. NaN for what is no day. */
export function endOfDay(day: string): number {
  const start = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(Number.NaN);
  const isReal = !Number.isNaN(start.getTime()) && start.toISOString().startsWith(day);
  return isReal ? start.getTime() - JAPAN + DAY : Number.NaN;
}

/** Whether a consent may end with this day: none that is over, and none later than the law allows. */
export function isPossibleLastDay(day: string, now: number): boolean {
  const end = endOfDay(day);
  return end > now && end <= endOfDay(lastDayOf(now));
}

/**
 * What the authority looks for in the signed document, on a line of its own: the same in every language, so that nobody has
 * to read sentences by a program.
 */
export function latestConsentStatement({ items, until }: LatestConsentTerms): string {
  return `latest-attributes items=${items.join(',')} until=${until}`;
}

/** The document: exactly these octets in UTF-8, and what comes back is compared with them (as `applicationText`). */
export function latestConsentText(
  { language, service, items, until }: LatestConsentDraft,
  { origin, nonce }: { readonly origin: string; readonly nonce: string },
): string {
  const words = WORDS[language];
  const purpose = signableLine(service.purpose ?? '', PURPOSE_LIMIT);
  return [
    words.title,
    '',
    words.opening,
    '',
    `${words.service}${words.quoted(signableLine(service.name, NAME_LIMIT) || service.host)}`,
    `${words.host}${service.host}`,
    `${words.purpose}${purpose || words.noPurpose}`,
    `${words.items}${items.map((item) => words.itemNames[item]).join(words.separator)}`,
    `${words.until}${words.day(until)}`,
    '',
    words.termsTitle,
    ...words.terms.map((line) => `${words.bullet}${line}`),
    '',
    words.statement,
    latestConsentStatement({ items, until }),
    words.addressee,
    origin,
    words.number,
    nonce,
    '',
  ].join('\n');
}

/** The sentences of the consent that the page shows as well, so that nobody meets them first while signing. */
export function latestConsentSentences(language: ApplicationLanguage): readonly string[] {
  return WORDS[language].terms;
}

const parts = (day: string) => day.split('-').map(Number);

const WORDS = {
  ja: {
    title: '最新の利用者情報の提供についての同意書',
    opening:
      'マイナンバーカードの署名用電子証明書で署名し、私の利用者情報が変わったときに、次のとおりサービスへ提供することに同意します。',
    service: '提供先のサービス：',
    quoted: (text: string) => `「${text}」`,
    host: '提供先のアドレス：',
    purpose: '提供先での利用目的：',
    noPurpose: '（登録されていません）',
    items: '提供する項目：',
    itemNames: { name: '氏名', address: '住所', birthdate: '生年月日', gender: '性別' },
    separator: '、',
    until: '同意の期限：',
    day: (day: string) => {
      const [year, month, date] = parts(day);
      return `${year}年${month}月${date}日`;
    },
    bullet: '・',
    termsTitle: '同意する事項',
    terms: [
      '登録した内容が変わったあと、このサービスが求めたときに、上の項目の最新の値を、認証局（地方公共団体情報システム機構）から受け取り、このサービスだけに伝えること。',
      'そのために、この同意書と署名用電子証明書を、認証局に送ること。',
      '受け取った値は、伝えたあとに残さないこと。同意書は暗号化して、いつどの項目を伝えたかは値を含めずに、記録として残すこと。',
      '署名用電子証明書が無効になったり、新しくなったりしても、同意は期限まで続くこと。有効な電子証明書が1つもない間は、何も伝えないこと。',
      'この同意は、情報の提供に同意する画面で、いつでも取り消せること。取り消すと、すぐに提供を止めること。',
      '同意しなくても、取り消しても、サインインやそのほかの利用に不利益がないこと。',
    ],
    statement: '認証局に申請する内容：',
    addressee: '届出先：',
    number: '受付番号：',
  },
  en: {
    title: 'Consent to passing on my latest details',
    opening:
      'I sign this with the signing certificate on my My Number Card and agree that a service is told my details when they have changed, as follows.',
    service: 'Service: ',
    quoted: (text: string) => `“${text}”`,
    host: 'Address of the service: ',
    purpose: 'Purpose stated by the service: ',
    noPurpose: '(none registered)',
    items: 'Items: ',
    itemNames: { name: 'name', address: 'address', birthdate: 'date of birth', gender: 'sex' },
    separator: ', ',
    until: 'Until: ',
    day: (day: string) => day,
    bullet: '- ',
    termsTitle: 'I agree that',
    terms: [
      'after what I registered has changed, and when this service asks, the newest values of these items are fetched from the certification authority (Japan Agency for Local Authority Information Systems) and told to this service alone;',
      'this consent and my signing certificate are sent to the authority for that;',
      'the values are not kept once they are passed on; this consent is kept, encrypted, and so is the record of when which items were passed on, without values;',
      'my consent goes on until its end when my signing certificate becomes invalid or is replaced; nothing is told while I have no valid certificate at all;',
      'I can withdraw at any time on the page where I agree to what a service is given, and nothing more is told from then on;',
      'neither refusing nor withdrawing puts me at a disadvantage when I sign in or use anything else.',
    ],
    statement: 'Applied for at the authority:',
    addressee: 'Addressed to:',
    number: 'Request number:',
  },
} as const;
