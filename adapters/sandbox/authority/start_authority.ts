import { rm } from 'node:fs/promises';
import { HubError } from '../../../provider/errors.ts';
import { type Authority, type AuthorityOptions, newToken, openAuthority, runtimeFile } from './authority.ts';
import { listen, type Route } from './http_service.ts';
import { authorityRoutes } from './routes.ts';
import { writeFileAtomically } from './write_file.ts';

export interface StartOptions extends AuthorityOptions {
  /** 0 takes any free one. */
  port?: number;
  /** Told of bugs; default standard error. */
  reportBug?: (error: unknown) => void;
}

export interface RunningAuthority extends Authority {
  /** `http://127.0.0.1:PORT` */
  address: string;
  /** Answers what is in flight, then gives port and folder free. */
  stop(): Promise<void>;
}

/** `runtime.json`: how a command reaches a running authority. Readable for the owner only, gone when it has stopped. */
export interface RuntimeFile {
  address: string;
  adminToken: string;
  pid: number;
}

const starting = (['GET', 'POST', 'DELETE'] as const).map(
  (method): Route => ({
    method,
    path: /^\//,
    handle: () => {
      throw new HubError('starting', 503, 'The authority is starting.', { retryAfter: 1 });
    },
  }),
);

/**
 * Starts the simulated authority on the loopback; resolves when it answers.
 * @throws AuthorityInUseError when one runs in that folder already; the listener's error when the port is taken
 */
export async function startAuthority(options: StartOptions): Promise<RunningAuthority> {
  const reportBug = options.reportBug ?? ((error: unknown) => console.error(error));
  // The port comes first: certificates that the first start issues name it as their OCSP responder.
  let routes: readonly Route[] = starting;
  const { address, stop: stopListening } = await listen(options.port ?? 0, () => routes, reportBug);
  try {
    const authority = await openAuthority(options, address);
    const adminToken = newToken();
    const runtime: RuntimeFile = { address, adminToken, pid: process.pid };
    routes = authorityRoutes(authority, adminToken);
    await writeFileAtomically(runtimeFile(options.dataFolder), `${JSON.stringify(runtime)}\n`);
    return {
      ...authority,
      address,
      async stop() {
        await stopListening();
        await rm(runtimeFile(options.dataFolder), { force: true });
        await authority.close();
      },
    };
  } catch (error) {
    await stopListening();
    throw error;
  }
}
