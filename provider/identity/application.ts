import { isShown } from '../shown_text.ts';
import type { TypedAttributes } from './compare_attributes.ts';
import type { AttributeName } from './four_attributes.ts';

/** 利用申込: what a person fills in and then signs with the signing certificate. */
export interface Application extends TypedAttributes {
  /** The language that the person read and signs it in. */
  readonly language: ApplicationLanguage;
  /**
   * That the person was registered before, with a card that is gone, and that whatever is registered under the same four
   * attributes is theirs: the confirmation without which nobody is recognised by attributes.
   */
  readonly takesOver: boolean;
}

export type ApplicationLanguage = 'ja' | 'en';

/** The fields of the form as they were typed: to be shown again. */
export interface ApplicationFields {
  readonly name: string;
  readonly address: string;
  readonly birthYear: string;
  readonly birthMonth: string;
  readonly birthDay: string;
  readonly gender: string;
  readonly takesOver: boolean;
  /** That the person has been told of an earlier registration with the same attributes. */
  readonly knowsOfEarlier: boolean;
}

/** Why a field cannot be taken. */
export type FieldProblem = 'missing' | 'too_long' | 'characters' | 'no_date' | 'year';

export interface ReadApplication {
  readonly fields: ApplicationFields;
  readonly problems: Readonly<Partial<Record<AttributeName, FieldProblem>>>;
  /** Undefined when there is a problem. */
  readonly application: Application | undefined;
}

/** What the hub says in every application. */
export interface ApplicationTerms {
  /** Names the edition of the operator's terms of use; in the records too. */
  readonly version: string;
  /** Where they are published. */
  readonly url: string | undefined;
}

/** Where and for which request an application is signed: the signature is good for nothing else. */
export interface ApplicationRequest {
  readonly origin: string;
  /** The challenge's nonce, which the user key signs as well. */
  readonly nonce: string;
  readonly terms: ApplicationTerms;
}

/** Code points. A name or address in a certificate has at most 400, an address that people have far fewer. */
const MAX_CHARACTERS = 200;

const GENDERS = new Set(['female', 'male', 'unspecified']);

/** Reads the form's fields. Digits may be of full width, as Japanese input methods type them. */
export function readApplication(form: URLSearchParams, language: ApplicationLanguage): ReadApplication {
  const field = (name: string) => (form.get(name) ?? '').trim();
  const fields: ApplicationFields = {
    name: field('name'),
    address: field('address'),
    birthYear: digits(field('birth_year')),
    birthMonth: digits(field('birth_month')),
    birthDay: digits(field('birth_day')),
    gender: GENDERS.has(field('gender')) ? field('gender') : '',
    takesOver: field('takes_over') === 'yes',
    knowsOfEarlier: field('knows_of_earlier') === 'yes',
  };
  const birthdate = birthdateOf(fields);
  const found = {
    name: textProblem(fields.name),
    address: textProblem(fields.address),
    birthdate: typeof birthdate === 'string' ? undefined : birthdate.problem,
    gender: fields.gender === '' ? ('missing' as const) : undefined,
  };
  const problems = Object.fromEntries(Object.entries(found).filter(([, problem]) => problem !== undefined));
  if (typeof birthdate !== 'string' || Object.keys(problems).length > 0) {
    return { fields: boundedFields(fields), problems, application: undefined };
  }
  const { name, address, gender, takesOver } = fields;
  return { fields, problems, application: { name, address, birthdate, gender, language, takesOver } };
}

/**
 * The document that the person reads on the card agent's page and signs: exactly these octets in UTF-8, and what comes
 * back is compared with them, so that nobody ever has to read it by a program. The last lines bind it to the hub's
 * origin and to the challenge; the card agent signs nothing for a website without them.
 */
export function applicationText(
  { language, name, address, birthdate, gender, takesOver }: Application,
  { origin, nonce, terms }: ApplicationRequest,
): string {
  const words = WORDS[language];
  return [
    words.title,
    '',
    words.opening,
    '',
    `${words.name}${name}`,
    `${words.address}${address}`,
    `${words.birthdate}${birthdate}`,
    `${words.gender}${words.genders[gender] ?? words.genders.unspecified}`,
    '',
    words.purposeTitle,
    ...words.purpose.map((line) => `${words.bullet}${line}`),
    '',
    words.termsTitle,
    ...words.terms.map((line) => `${words.bullet}${line}`),
    ...(takesOver ? [`${words.bullet}${words.takesOver}`] : []),
    '',
    `${words.edition}${terms.version}`,
    // With its slash: of the lines, one is an origin, and it is the addressee's (the card agent signs no other document).
    ...(terms.url === undefined ? [] : [new URL(terms.url).href]),
    '',
    words.addressee,
    origin,
    words.number,
    nonce,
    '',
  ].join('\n');
}

/** The sentences of the application that the form's page shows as well, so that nobody meets them first while signing. */
export function applicationSentences(language: ApplicationLanguage): {
  readonly purpose: readonly string[];
  readonly terms: readonly string[];
} {
  return WORDS[language];
}

const WORDS = {
  ja: {
    title: '利用申込書',
    opening: 'マイナンバーカードの署名用電子証明書で署名し、次のとおり利用を申し込みます。',
    name: '氏名：',
    address: '住所：',
    birthdate: '生年月日（西暦）：',
    gender: '性別：',
    genders: { female: '女', male: '男', unspecified: '記載しない' } as Readonly<Record<string, string>>,
    bullet: '・',
    purposeTitle: '利用目的',
    purpose: [
      '次からは利用者証明用電子証明書（数字4桁の暗証番号）だけで、同じ本人だと確かめるため。',
      '本人が画面で同意したサービスにだけ、同意した項目を伝えるため。',
    ],
    termsTitle: '同意する事項',
    terms: [
      '電子証明書に記載された氏名・住所・生年月日・性別を、暗号化して保管すること。',
      '電子証明書が有効かどうかを、認証局に確かめ続けること。',
      'この申込書を、申し込みの記録として暗号化して保管すること。',
    ],
    takesOver: '以前、別のカードで登録しました。氏名・住所・生年月日・性別が同じ登録は、私のものです。',
    edition: '利用規約の版：',
    addressee: '申込先：',
    number: '受付番号：',
  },
  en: {
    title: 'Application for enrolment',
    opening: 'I sign this with the signing certificate on my My Number Card and apply as follows.',
    name: 'Name: ',
    address: 'Address: ',
    birthdate: 'Date of birth: ',
    gender: 'Sex: ',
    genders: { female: 'female', male: 'male', unspecified: 'not stated' } as Readonly<Record<string, string>>,
    bullet: '- ',
    purposeTitle: 'Purpose',
    purpose: [
      'From now on to recognise me by the user certificate alone (PIN of four digits).',
      'To tell a service an item only when I have agreed to it on screen.',
    ],
    termsTitle: 'I agree that',
    terms: [
      'name, address, date of birth and sex as my certificate states them are kept, encrypted;',
      'the certification authority is asked whether my certificates are still valid;',
      'this application is kept, encrypted, as the record of my enrolment.',
    ],
    takesOver:
      'I was registered before, with another card. A registration with the same name, address, date of birth and sex is mine.',
    edition: 'Edition of the terms of use: ',
    addressee: 'Addressed to:',
    number: 'Request number:',
  },
} as const;

const digits = (text: string): string => text.slice(0, 20).normalize('NFKC').trim();

/** A page that says what is wrong need not carry back a megabyte. */
function boundedFields(fields: ApplicationFields): ApplicationFields {
  const bounded = (text: string) =>
    Array.from(text.slice(0, 4 * MAX_CHARACTERS))
      .slice(0, 2 * MAX_CHARACTERS)
      .join('');
  return { ...fields, name: bounded(fields.name), address: bounded(fields.address) };
}

function textProblem(text: string): FieldProblem | undefined {
  if (text === '') return 'missing';
  if (text.length > 2 * MAX_CHARACTERS || [...text].length > MAX_CHARACTERS) return 'too_long';
  // The card agent would refuse to have it signed.
  return isShown(text) ? undefined : 'characters';
}

/** `YYYY-MM-DD`. */
function birthdateOf({ birthYear, birthMonth, birthDay }: ApplicationFields): string | { problem: FieldProblem } {
  if (birthYear === '' && birthMonth === '' && birthDay === '') return { problem: 'missing' };
  if (!/^\d{4}$/.test(birthYear)) return { problem: 'year' };
  if (!/^\d{1,2}$/.test(birthMonth) || !/^\d{1,2}$/.test(birthDay)) return { problem: 'no_date' };
  const text = `${birthYear}-${birthMonth.padStart(2, '0')}-${birthDay.padStart(2, '0')}`;
  const date = new Date(`${text}T00:00:00Z`);
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  return isReal ? text : { problem: 'no_date' };
}
