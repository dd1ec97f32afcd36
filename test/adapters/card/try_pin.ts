/** One attempt from a process of its own: `node try_pin.ts FOLDER NAME PIN`; prints `signed` or the error's code. */
import { signWithCard } from '../../../adapters/card/card_commands.ts';
import { CardError } from '../../../adapters/card/card_errors.ts';

const [cardsFolder = '', name = '', pin = ''] = process.argv.slice(2);
const nonce = Buffer.alloc(32).toString('base64');
const outcome = await signWithCard({ cardsFolder, name, pin, origin: 'https://hub.example', nonce }).then(
  () => 'signed',
  (error: unknown) => (error instanceof CardError ? error.code : String(error)),
);
process.stdout.write(outcome);
