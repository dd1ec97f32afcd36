import type { Configuration } from '../../config/schema.ts';
import { type Hub, type HubWorld, startHub } from '../hub.ts';
import { createLogger } from '../operations/logger.ts';
import { startControlSocket } from './control_socket.ts';
import { controlSocketPath } from './control_socket_path.ts';
import { administrationHandlers } from './hub_commands.ts';

/** A hub that takes commands through its control socket until it is told to stop. */
export interface RunningHub {
  readonly hub: Hub;
  /** Resolves with the exit code when a signal has stopped the hub and everything is closed. */
  readonly ended: Promise<number>;
  /** Stops it as a signal would. */
  stop(): Promise<number>;
}

/** @param world what the hub has in the place of the system's own. */
export async function runHub(config: Configuration, world: Omit<HubWorld, 'log'> = {}): Promise<RunningHub> {
  const log = createLogger(config.logging);
  const hub = await startHub(config, { ...world, log });
  try {
    const control = await startControlSocket({
      path: controlSocketPath(config.dataFolder),
      handlers: administrationHandlers(hub),
      onError: (err) => log.error({ err }, 'a command failed'),
    });
    hub.beforeClose(() => control.close());
  } catch (error) {
    await hub.shutdown.shutDown();
    throw error;
  }
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  hub.shutdown.onSignals(resolve);
  return {
    hub,
    ended,
    async stop() {
      const code = await hub.shutdown.shutDown();
      resolve(code);
      return code;
    },
  };
}
