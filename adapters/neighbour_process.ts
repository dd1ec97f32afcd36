/**
 * The life of a neighbour's process (the card agent, the demo relying parties): says where it listens in one line of JSON,
 * and to its parent when it was forked; ends on SIGTERM or SIGINT, and when the parent goes away.
 *
 * @param start reads the arguments and starts; `'help'` when only the usage was asked for. A TypeError or RangeError has
 *   words for the person at the terminal: exit code 2 with the usage; any other error: exit code 1
 */
export async function runNeighbourProcess(
  usage: string,
  start: () => Promise<{ listening: unknown; close(): Promise<void> } | 'help'>,
): Promise<void> {
  // Before anything takes time: a parent may be gone before the neighbour listens.
  const askedToStop = new Promise((resolve) => {
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, resolve);
  });
  try {
    const neighbour = await start();
    if (neighbour === 'help') {
      process.stdout.write(usage);
      return;
    }
    const message = { listening: neighbour.listening };
    process.stdout.write(`${JSON.stringify(message)}\n`);
    if (process.connected) process.send?.(message);
    await askedToStop;
    await neighbour.close();
  } catch (error) {
    const misused = error instanceof TypeError || error instanceof RangeError;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${misused ? usage : ''}`);
    process.exitCode = misused ? 2 : 1;
  } finally {
    // An open channel to the parent would keep the process alive.
    if (process.connected) process.disconnect();
  }
}
