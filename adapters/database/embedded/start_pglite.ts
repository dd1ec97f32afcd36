import { PGlite } from '@electric-sql/pglite';

/**
 * PGlite's defaults are a server's: 128 MB of buffers in the process's own memory where the operating system caches
 * the same pages, and up to 1 GB of write-ahead log.
 */
const SETTINGS = ['shared_buffers=24MB', 'max_wal_size=128MB', 'min_wal_size=32MB'];

/**
 * Starts PGlite on `data` (made by initdb when it is missing, which takes seconds and 700 MB; opening again takes
 * 0.3 s). Every write reaches the operating system before it is answered, so a killed process loses nothing; PGlite
 * never calls fsync, so a power cut may.
 */
export function startPglite(data: string): Promise<PGlite> {
  return PGlite.create({
    dataDir: data,
    relaxedDurability: false,
    startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
  });
}
