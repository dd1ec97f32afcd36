import { parseArgs } from 'node:util';
import { compareResponses } from './saml_responses.ts';
import { compareSignIns } from './saml_sign_ins.ts';

const USAGE = `npm run bench:saml [-- --responses 320 --sign-ins 300 --rounds 5]

Signed responses (assertion and response, two RSA-2048 signatures) beside the bare signature of the same run, and beside
xml-crypto and samlify making the same thing. The figure to look at is the speed per signature: two bare signatures take as
much as one response at 1.00.

Then complete sign-ins by SAML beside the same by OpenID Connect, at one hub. The figure to look at is server CPU per sign-in.
`;

const { values } = parseArgs({
  options: {
    responses: { type: 'string', default: '320' },
    'sign-ins': { type: 'string', default: '300' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<number> {
  const rounds = Number(values.rounds);
  const met = [
    await compareResponses(Number(values.responses), rounds),
    await compareSignIns(Number(values['sign-ins']), rounds),
  ];
  return met.every(Boolean) ? 0 : 1;
}

if (values.help) console.log(USAGE);
else process.exitCode = await main();
