import type { Provider } from 'oidc-provider';
import type { RequestHandler } from './http_app.ts';
import type { CurrentKeys, SigningKeys } from './oidc/signing_keys.ts';

/** The engine that runs now, with the application built around it. */
export interface EngineRunner {
  engine(): Provider;
  readonly handle: RequestHandler;
  /** Looks whether the keys have changed, here or by another process, and builds anew if so. */
  refresh(): Promise<void>;
  stop(): void;
}

export interface EngineRunnerWorld {
  keys: SigningKeys;
  build(current: CurrentKeys): { engine: Provider; handle: RequestHandler };
  /** A look at the keys failed; the hub goes on with those it has. */
  onError(error: unknown): void;
}

/** How soon a running hub notices that a command or another process rotated the keys (ms). */
const LOOK_AT_KEYS_EVERY = 30_000;

/**
 * The engine takes its keys at birth, so a rotation means a new engine. The switch is one assignment: requests in
 * flight finish on the old one, which knows the same database.
 */
export async function runEngine(world: EngineRunnerWorld): Promise<EngineRunner> {
  let keys = await world.keys.current();
  let running = world.build(keys);

  const refresh = async () => {
    const now = await world.keys.current();
    if (now.version === keys.version) return;
    running = world.build(now);
    keys = now;
  };
  const timer = setInterval(() => refresh().catch(world.onError), LOOK_AT_KEYS_EVERY);
  timer.unref();

  return {
    engine: () => running.engine,
    handle: (request, response) => running.handle(request, response),
    refresh,
    stop: () => clearInterval(timer),
  };
}
