/** Japan is nine hours ahead of UTC all year round. */
const JAPAN_OFFSET = 9 * 3_600_000;
const DAY = 86_400_000;

/** 23:59:59 in Japan (14:59:59Z) of the Japanese day that `time` falls on: when the authority's certificates end. */
export function endOfJapaneseDay(time: number): number {
  const startOfDay = Math.floor((time + JAPAN_OFFSET) / DAY) * DAY - JAPAN_OFFSET;
  return startOfDay + DAY - 1000;
}

export function yearsLater(time: number, years: number): number {
  const date = new Date(time);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date.getTime();
}

/**
 * End of a citizen's certificate: the fifth birthday counted from issue, 23:59:59 in Japan. Issued 2025-10-27 to a
 * person born on 17 February it ends on 2030-02-17.
 * @param birthDate `YYYY-MM-DD`; 29 February counts as 1 March where there is none
 */
export function fifthBirthday(issuedAt: number, birthDate: string): number {
  const [, month = 1, day = 1] = birthDate.split('-').map(Number);
  const issueYear = new Date(issuedAt + JAPAN_OFFSET).getUTCFullYear();
  const birthdayIn = (year: number): number => Date.UTC(year, month - 1, day) - JAPAN_OFFSET;
  const firstYear = birthdayIn(issueYear) > issuedAt ? issueYear : issueYear + 1;
  return endOfJapaneseDay(birthdayIn(firstYear + 4));
}
