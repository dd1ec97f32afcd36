import { parseArgs } from 'node:util';
import { compareResponses } from './saml_responses.ts';

const USAGE = `npm run bench:saml [-- --responses 320 --rounds 5]

Signed responses (assertion and response, two RSA-2048 signatures) beside the bare signature of the same run, and beside
xml-crypto and samlify making the same thing. The figure to look at is the speed per signature: two bare signatures take as
much as one response at 1.00.
`;

const { values } = parseArgs({
  options: {
    responses: { type: 'string', default: '320' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<number> {
  const isFastEnough = await compareResponses(Number(values.responses), Number(values.rounds));
  return isFastEnough ? 0 : 1;
}

if (values.help) console.log(USAGE);
else process.exitCode = await main();
