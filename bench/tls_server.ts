import { startTestHub } from '../test/support/hub.ts';
import { reportUsage } from './usage.ts';

/** The hub as it is, for those who only knock at its listener for client certificates. */
const hub = await startTestHub({
  unwatched: true,
  settings: {
    signIn: { tls: { compatibility: process.argv[2] ?? 'modern' } },
    revocation: { refreshSeconds: 3600 },
    rateLimits: { signInAttempts: 1_000_000 },
    logging: { level: 'silent' },
  },
});
reportUsage({
  origin: hub.certificateUrl,
  tls: hub.tls,
  cards: hub.authority.cardsFolder,
  data: hub.authority.dataFolder,
});
process.on('disconnect', () => hub.stop());
