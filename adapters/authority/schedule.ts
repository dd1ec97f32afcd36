/** Runs `task` once after `delay` milliseconds, unless the function that it returns is called first. */
export type Schedule = (delay: number, task: () => void) => () => void;

/** Timers that do not keep the process alive: a hub that is told to stop must not wait for the next list. */
export const systemSchedule: Schedule = (delay, task) => {
  const timer = setTimeout(task, delay);
  timer.unref();
  return () => clearTimeout(timer);
};
