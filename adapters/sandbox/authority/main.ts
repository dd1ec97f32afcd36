/** The sandbox authority as a process of its own: `node main.ts --data DIR --port N`. */
import { parseArgs } from 'node:util';
import { startAuthority } from './start_authority.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '0' } } });
const port = Number(values.port);
if (!values.data || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error('usage: node main.ts --data DIR [--port N]');
  process.exit(2);
}

const authority = await startAuthority({ dataFolder: values.data, port });

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await authority.stop();
  process.exit(0);
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// A forked authority must not outlive the sandbox that it belongs to.
process.on('disconnect', stop);

const started = { listening: authority.address };
console.log(JSON.stringify(started));
process.send?.(started);
