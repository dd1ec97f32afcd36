/** Forms that a text of a claim can be held to, by the name that a catalogue gives them. */
export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  /** ISO 8601 calendar date. */
  date: isDate,
  /** ISO 8601 year and month. */
  month: (text) => /^\d{4}-(0[1-9]|1[0-2])$/.test(text),
  digits: (text) => /^\d+$/.test(text),
  /**
   * 保険者番号: eight digits, or six of national health insurance, of which the last is 検証番号. The ordinance's rule for
   * that digit is the one of ISO/IEC 7812-1 annex B.
   */
  insurer_number: (text) => /^(\d{6}|\d{8})$/.test(text) && hasCheckDigit(text),
  /** Of a card number the last four digits only, behind asterisks: never the number itself. */
  masked_card_number: (text) => /^\*{4,15}\d{4}$/.test(text),
};

/** A day that the calendar has, as `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** ISO/IEC 7812-1 annex B: from the right every second digit twice, the digits of all that together a multiple of ten. */
export function hasCheckDigit(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const times = Number(digit) * (place % 2 === 1 ? 2 : 1);
    return total + (times > 9 ? times - 9 : times);
  }, 0);
  return sum % 10 === 0;
}
