#!/usr/bin/env node
// Plain JavaScript for every Node from 18 on: the hub itself is TypeScript that Node 24 runs as it is. On an older Node
// this starts the Node that npm has installed beside us.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const NEEDED = 24;

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  await import('../provider/main.ts');
} else {
  const node = findNode();
  if (node) startAgain(node);
  else {
    process.stderr.write(
      `musubi needs Node ${NEEDED} or newer; this is ${process.version}. Install it, or run npm ci in musubi's folder.\n`,
    );
    process.exitCode = 1;
  }
}

/** The program of the npm package `node`, or undefined when it is not installed. */
function findNode() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
  } catch {
    return undefined;
  }
}

/** @param {string} node */
function startAgain(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  child.on('error', (error) => {
    process.stderr.write(`musubi could not start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  // A Ctrl-C reaches both of us; the child decides when it has ended. Other signals are for it alone.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exitCode = code ?? 1;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
