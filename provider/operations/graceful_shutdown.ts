import { EventEmitter } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Logger } from './logger.ts';

export interface GracefulShutdownWorld {
  readonly servers: readonly Server[];
  /** Told first, so that a load balancer looks elsewhere. */
  readonly readiness: { stop(): void };
  /** What is closed when the last request has ended, in this order: timers, sockets, last the database. */
  readonly close: readonly (() => unknown)[];
  /** Milliseconds that requests in flight have. */
  readonly deadline: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export interface GracefulShutdown {
  /**
   * Stops accepting, lets requests in flight finish, then closes everything. However often it is called, it happens
   * once. Resolves with the process's exit code: 0, or 1 when requests were cut off or something did not close.
   */
  shutDown(): Promise<number>;
  /** Shuts down at the first SIGTERM or SIGINT and hands the exit code to `exit`; a second signal exits at once with 1. */
  onSignals(exit: (code: number) => void, signals?: EventEmitter): void;
}

/** Must be made before the servers accept requests: it keeps count of those in flight. */
export function createGracefulShutdown(world: GracefulShutdownWorld): GracefulShutdown {
  const { servers, readiness, close, deadline, log } = world;
  const inFlight = new Set<ServerResponse>();
  const emptied = new EventEmitter();
  let running: Promise<number> | undefined;

  for (const server of servers) {
    server.prependListener('request', (_request, response) => {
      inFlight.add(response);
      if (running) askToClose(response);
      response.once('close', () => {
        inFlight.delete(response);
        if (inFlight.size === 0) emptied.emit('empty');
      });
    });
  }

  async function run(): Promise<number> {
    log.info({ requestsInFlight: inFlight.size }, 'stopping');
    readiness.stop();
    const closed = servers.map(closeServer);
    for (const response of inFlight) askToClose(response);
    const wereAllAnswered = await untilEmpty();
    if (!wereAllAnswered) {
      log.warn({ requestsCutOff: inFlight.size }, 'the deadline has passed');
    }
    // Whoever still holds a connection now has no answer to come.
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
    const didAllClose = await closeInOrder();
    log.info({}, 'stopped');
    return wereAllAnswered && didAllClose ? 0 : 1;
  }

  function untilEmpty(): Promise<boolean> {
    if (inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), deadline);
      emptied.once('empty', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  async function closeInOrder(): Promise<boolean> {
    let didAllClose = true;
    for (const step of close) {
      try {
        await step();
      } catch (err) {
        didAllClose = false;
        log.error({ err }, 'something did not close');
      }
    }
    return didAllClose;
  }

  const shutDown = () => {
    running ??= run();
    return running;
  };

  return {
    shutDown,
    onSignals(exit, signals = process) {
      for (const signal of ['SIGTERM', 'SIGINT']) {
        signals.on(signal, () => {
          if (running) exit(1);
          else void shutDown().then(exit);
        });
      }
    },
  };
}

/** Without this a client that keeps its connection alive would be waited for. */
function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function closeServer(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
