/**
 * One of the simulated attribute providers as a process:
 * `node adapters/sandbox/attribute_providers/main.ts --provider NAME --issuer URL --key FILE [--port N]`.
 *
 * Says where it listens in one line of JSON, and to its parent when it was forked. Ends on SIGTERM or SIGINT, and when the
 * parent goes away.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { systemClock } from '../../../provider/world.ts';
import { runNeighbourProcess } from '../../neighbour_process.ts';
import { startAttributeProvider } from './attribute_provider.ts';
import { startOpenIdProvider } from './openid_provider.ts';
import { type ProviderName, SANDBOX_PROVIDERS } from './sandbox_providers.ts';

const USAGE = `Usage: node adapters/sandbox/attribute_providers/main.ts --provider NAME --issuer URL --key FILE
  --provider NAME    ${Object.keys(SANDBOX_PROVIDERS).join(', ')}
  --issuer URL       the hub, e.g. http://localhost:3000
  --key FILE         JSON: the private key (P-256, JWK) that its answers are signed with
  --port N           default 0, for any free one
`;

const keySchema = z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), d: z.string() });

await runNeighbourProcess(USAGE, async () => {
  const text = { type: 'string' } as const;
  const options = { provider: text, issuer: text, key: text, port: text };
  const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
  if (values.help) return 'help';
  const { provider, issuer, key, port = '0' } = values;
  if (provider === undefined || !Object.hasOwn(SANDBOX_PROVIDERS, provider)) {
    throw new TypeError('--provider names none of the providers');
  }
  if (issuer === undefined || !/^https?:$/.test(URL.parse(issuer)?.protocol ?? '')) {
    throw new TypeError('--issuer must be an http or https address');
  }
  if (key === undefined) throw new TypeError('--key is missing');
  if (!/^\d{1,5}$/.test(port)) throw new TypeError('--port is no port number');
  const chosen = SANDBOX_PROVIDERS[provider as ProviderName];
  const { openId } = chosen;
  const world = {
    ...{ issuer, port: Number(port), clock: systemClock },
    privateKey: keySchema.parse(JSON.parse(await readFile(key, 'utf8'))),
  };
  const running = openId
    ? await startOpenIdProvider({ ...world, provider: { ...chosen, openId } })
    : await startAttributeProvider({ ...world, provider: chosen });
  return { listening: running.url, close: running.close };
});
