import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** How many ports below the system's own are drawn from. */
const RANGE = 12_000;
/** Where no kernel says otherwise (IANA's dynamic ports begin here). */
const USUAL_FIRST_EPHEMERAL = 49_152;
const EPHEMERAL_RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

const reserved = new Set<number>();

/**
 * Ports on 127.0.0.1 for listeners of this process and of those that it starts, theirs until it ends: they may be closed
 * and opened again meanwhile. A port that was merely free a moment ago is soon the port of another test file, which
 * then listens where a hub will.
 */
export async function reservePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    // Below what the kernel hands out, so that no outgoing connection and no listener on port 0 gets one of them.
    const first = firstEphemeralPort();
    const port = randomInt(first - RANGE, first);
    if (await reserve(port)) ports.push(port);
  }
  return ports;
}

async function reserve(port: number): Promise<boolean> {
  if (reserved.has(port) || !(await holdName(port))) return false;
  reserved.add(port);
  return isFree(port);
}

/**
 * Linux's abstract sockets are an atomic register of names which the kernel clears when a process ends, however it ends.
 * Elsewhere chance has to do.
 */
function holdName(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true);
  return new Promise((settle) => {
    const holder = createServer().unref();
    holder.once('error', () => settle(false));
    holder.listen(`\0musubi-test-port-${port}`, () => settle(true));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once('error', () => settle(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => settle(true)));
  });
}

function firstEphemeralPort(): number {
  try {
    return Number(readFileSync(EPHEMERAL_RANGE, 'utf8').split(/\s/, 1)[0]);
  } catch {
    return USUAL_FIRST_EPHEMERAL;
  }
}
