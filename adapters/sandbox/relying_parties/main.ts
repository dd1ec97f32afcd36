/**
 * The two demo relying parties as one process:
 * `node adapters/sandbox/relying_parties/main.ts --issuer URL --clients FILE [--clinic-port N] [--shop-port N]`.
 *
 * Says where they listen in one line of JSON, and to its parent when it was forked. Ends on SIGTERM or SIGINT, and when the
 * parent goes away.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runNeighbourProcess } from '../../neighbour_process.ts';
import { startRelyingParties } from './relying_parties.ts';
import type { SiteCredentials } from './sites.ts';

const USAGE = `Usage: node adapters/sandbox/relying_parties/main.ts --issuer URL --clients FILE
  --issuer URL       the hub, e.g. http://localhost:3000
  --clients FILE     JSON: { "clinic": { "client_id", "private_jwk" }, "shop": { "client_id", "client_secret" } }
  --clinic-port N    default 4001; 0 for any free one
  --shop-port N      default 4002; 0 for any free one
`;

const credentialsSchema = z.object({
  clinic: z.object({
    client_id: z.string().min(1),
    private_jwk: z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), d: z.string() }),
  }),
  shop: z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) }),
});

interface Arguments {
  issuer: string;
  clients: string;
  clinicPort: number;
  shopPort: number;
}

/** @throws TypeError or RangeError with words for the person at the terminal. */
function readArguments(): Arguments | 'help' {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      issuer: text,
      clients: text,
      'clinic-port': text,
      'shop-port': text,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const { issuer, clients } = values;
  if (issuer === undefined || !/^https?:$/.test(URL.parse(issuer)?.protocol ?? '')) {
    throw new TypeError('--issuer must be an http or https address');
  }
  if (clients === undefined) throw new TypeError('--clients is missing');
  return {
    issuer,
    clients,
    clinicPort: readPort(values, 'clinic-port', 4001),
    shopPort: readPort(values, 'shop-port', 4002),
  };
}

function readPort(values: Record<string, unknown>, name: string, otherwise: number): number {
  const text = String(values[name] ?? otherwise);
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535) throw new RangeError(`--${name} is no port number`);
  return Number(text);
}

/** @throws Error that names the file and what is missing in it, never a value. */
async function readClients(file: string): Promise<SiteCredentials> {
  const text = await readFile(file, 'utf8');
  try {
    return credentialsSchema.parse(JSON.parse(text));
  } catch (error) {
    const where = error instanceof z.ZodError ? error.issues.map(({ path }) => path.join('.')).join(', ') : 'no JSON';
    throw new Error(`${file} is not as it must be: ${where}`);
  }
}

await runNeighbourProcess(USAGE, async () => {
  const options = readArguments();
  if (options === 'help') return 'help';
  return startRelyingParties({ ...options, clients: await readClients(options.clients) });
});
