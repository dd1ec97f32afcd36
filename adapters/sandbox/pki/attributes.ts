import { otherName } from './names.ts';
import { OID } from './object_identifiers.ts';

/** The four attributes (基本4情報) as a signing certificate carries them. */
export interface FourAttributes {
  /** Family and given name with one full-width space between. */
  name: string;
  address: string;
  /** `YYYY-MM-DD`; the certificate's era digit is worked out from it. */
  birthDate: string;
  /** 1 男, 2 女, 3 不明. */
  gender: '1' | '2' | '3';
  /** One digit per character of the name: 1 where a substitute stands for a character outside the set. */
  nameSubstitutes?: string;
  addressSubstitutes?: string;
}

/** First days of the eras 大正, 昭和, 平成 and 令和; before them 明治, era 1. */
const ERAS = ['1912-07-30', '1926-12-25', '1989-01-08', '2019-05-01'];

/** `EYYYYMMDD`: an era digit before the Gregorian date, as on the card. `1985-03-15` is `319850315`. */
export function encodeDateOfBirth(birthDate: string): string {
  const era = 1 + ERAS.filter((firstDay) => birthDate >= firstDay).length;
  return `${era}${birthDate.replaceAll('-', '')}`;
}

/** Characters are counted by code point: one outside the basic plane is one character. */
const noSubstitutes = (text: string): string => '0'.repeat([...text].length);

/** The six otherNames in the order of the card: name, date of birth, gender, address, then the two flag strings. */
export function attributeNames(attributes: FourAttributes): Buffer[] {
  return [
    otherName(OID.attributeName, attributes.name),
    otherName(OID.attributeDateOfBirth, encodeDateOfBirth(attributes.birthDate)),
    otherName(OID.attributeGender, attributes.gender),
    otherName(OID.attributeAddress, attributes.address),
    otherName(OID.attributeNameSubstitutes, attributes.nameSubstitutes ?? noSubstitutes(attributes.name)),
    otherName(OID.attributeAddressSubstitutes, attributes.addressSubstitutes ?? noSubstitutes(attributes.address)),
  ];
}
