import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { createGracefulShutdown, type GracefulShutdownWorld } from '../../../provider/operations/graceful_shutdown.ts';

const quiet = { info() {}, warn() {}, error() {} } as unknown as GracefulShutdownWorld['log'];

/** A server whose requests wait to be answered by the test. */
async function startHub(options: Partial<GracefulShutdownWorld> = {}) {
  const waiting: ServerResponse[] = [];
  const arrivals = new EventEmitter();
  const events: string[] = [];
  const server = createServer((_request, response) => {
    waiting.push(response);
    arrivals.emit('request');
  });
  const shutdown = createGracefulShutdown({
    servers: [server],
    readiness: { stop: () => void events.push('not ready') },
    close: [() => void events.push('database closed')],
    deadline: 60_000,
    log: quiet,
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const begin = async () => {
    const arrived = once(arrivals, 'request');
    const outgoing = get({ port, agent });
    const answer = once(outgoing, 'response').then(([response]) => response as IncomingMessage);
    answer.catch(() => {}); // a test that expects none looks later
    await arrived;
    return { answer };
  };
  return { server, port, waiting, events, shutdown, begin };
}

describe('a graceful shutdown', () => {
  it('finishes requests in flight, closes their connections, and closes the database last', async () => {
    const hub = await startHub();
    const { answer } = await hub.begin();
    const ended = hub.shutdown.shutDown();
    assert.deepEqual(hub.events, ['not ready']);
    await assert.rejects(once(connect(hub.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
    hub.waiting[0]?.end('done');
    const response = await answer;
    assert.equal(response.headers.connection, 'close');
    assert.equal(await ended, 0);
    assert.deepEqual(hub.events, ['not ready', 'database closed']);
  });

  it('does not wait for connections that are kept alive without a request', async () => {
    const hub = await startHub();
    const { answer } = await hub.begin();
    hub.waiting[0]?.end('done');
    (await answer).resume();
    assert.equal(await hub.shutdown.shutDown(), 0);
  });

  it('does not wait for a client that keeps its connection after an answer that had begun', async () => {
    const hub = await startHub();
    const { answer } = await hub.begin();
    hub.waiting[0]?.write('begun');
    (await answer).resume();
    const ended = hub.shutdown.shutDown();
    hub.waiting[0]?.end();
    assert.equal(await ended, 0);
  });

  it('does not wait for a client that connected and sent nothing', async () => {
    const hub = await startHub();
    const silent = connect(hub.port, '127.0.0.1');
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    assert.equal(await hub.shutdown.shutDown(), 0);
    await closed;
  });

  it('cuts off at the deadline, still closes the database, and says so by its exit code', async () => {
    const hub = await startHub({ deadline: 20 });
    const { answer } = await hub.begin();
    assert.equal(await hub.shutdown.shutDown(), 1);
    await assert.rejects(answer, { code: 'ECONNRESET' });
    assert.deepEqual(hub.events, ['not ready', 'database closed']);
  });

  it('closes what is left when one thing does not close, and says so by its exit code', async () => {
    const events: string[] = [];
    const close = [() => Promise.reject(new Error('stuck')), () => void events.push('database closed')];
    const hub = await startHub({ close });
    assert.equal(await hub.shutdown.shutDown(), 1);
    assert.deepEqual(events, ['database closed']);
  });

  it('begins at the first signal, once, and exits at the second', async () => {
    const hub = await startHub();
    const signals = new EventEmitter();
    const codes: number[] = [];
    hub.shutdown.onSignals((code) => void codes.push(code), signals);
    const { answer } = await hub.begin();
    signals.emit('SIGTERM');
    assert.deepEqual(codes, []);
    signals.emit('SIGINT');
    assert.deepEqual(codes, [1]);
    hub.waiting[0]?.end();
    await Promise.all([answer, hub.shutdown.shutDown()]);
    assert.deepEqual(hub.events, ['not ready', 'database closed']);
  });
});
