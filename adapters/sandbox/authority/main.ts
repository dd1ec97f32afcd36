/** The sandbox authority as a process of its own: `node main.ts --data DIR --port N`. */
import { parseArgs } from 'node:util';
import { type RunningAuthority, startAuthority } from './start_authority.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '0' } } });
const port = Number(values.port);
if (!values.data || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error('usage: node main.ts --data DIR [--port N]');
  process.exit(2);
}

let authority: RunningAuthority | undefined;
let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await authority?.stop();
  process.exit(0);
}
// Before the first start has made all keys, which takes seconds: the sandbox may be gone by then.
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// A forked authority must not outlive the sandbox that it belongs to.
process.on('disconnect', stop);

try {
  authority = await startAuthority({ dataFolder: values.data, port });
  const started = { listening: authority.address };
  console.log(JSON.stringify(started));
  process.send?.(started);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
