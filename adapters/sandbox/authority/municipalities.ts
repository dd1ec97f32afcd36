import type { Municipality } from '../pki/index.ts';

/** The municipalities of the sandbox; each has its partition of every revocation list. */
export const MUNICIPALITIES: readonly Municipality[] = [
  { code: '13101', prefecture: 'Tokyo-to', name: 'Chiyoda-ku' },
  { code: '13221', prefecture: 'Tokyo-to', name: 'Kiyose-shi' },
  { code: '14204', prefecture: 'Kanagawa-ken', name: 'Kamakura-shi' },
  { code: '27203', prefecture: 'Osaka-fu', name: 'Toyonaka-shi' },
  { code: '01203', prefecture: 'Hokkaido', name: 'Otaru-shi' },
  { code: '47201', prefecture: 'Okinawa-ken', name: 'Naha-shi' },
];

export function municipalityOf(code: string): Municipality {
  const municipality = MUNICIPALITIES.find((candidate) => candidate.code === code);
  if (!municipality) throw new TypeError('a municipality outside the table');
  return municipality;
}
