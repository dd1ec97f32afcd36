/** How soon it is noticed that npm has ended (ms). */
const LOOK_EVERY = 500;

/**
 * Calls `stop` when the npm that started us (`npm start`, `npx musubi`) is gone. npm puts a shell between itself and us,
 * and that shell dies of a SIGTERM without passing it on: we would be left behind with every port taken.
 */
export function endWithNpm(environment: Readonly<Record<string, string | undefined>>, stop: () => unknown): void {
  if (environment.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, LOOK_EVERY);
  timer.unref();
}
