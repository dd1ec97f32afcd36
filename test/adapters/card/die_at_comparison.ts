/** try_pin.ts in a process that is killed at the moment when the PIN would be compared. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

crypto.timingSafeEqual = () => process.kill(process.pid, 'SIGKILL');
syncBuiltinESMExports();
await import('./try_pin.ts');
