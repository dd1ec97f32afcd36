import { mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { HubError } from '../errors.ts';

/** What a running hub does for commands that are typed elsewhere, since the embedded database serves one process only. */
export type ControlHandlers = Readonly<Record<string, (args: unknown) => Promise<unknown>>>;

export interface ControlSocket {
  /** Takes no more commands; resolves when those under way are answered. The socket's file is gone then. */
  close(): Promise<void>;
}

type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: { code: string; status: number; message: string } };

/** A metadata document of a megabyte in base64, and what is said with it. */
const MAX_REQUEST_BYTES = 2 * 1_048_576;
const MAX_ANSWER_BYTES = 16 * 1_048_576;
/** Milliseconds for a whole request to arrive: it comes from this machine. */
const REQUEST_TIMEOUT = 5_000;
/** Milliseconds for an answer. Making RSA keys takes seconds on a busy machine. */
const ANSWER_TIMEOUT = 60_000;
const MAX_CONNECTIONS = 16;

/**
 * Listens for commands: one line of JSON `{command, arguments}` a connection, answered by one line
 * `{ok, result | error}`. Only the user that runs the hub can connect (socket 0600; a folder that is made here 0700):
 * whoever can read the hub's keys may also command it, and nobody else.
 *
 * @throws HubError `hub_already_running` when a hub answers at the path; a socket that a killed hub left is replaced
 */
export async function startControlSocket(options: {
  /** From `controlSocketPath`. */
  readonly path: string;
  readonly handlers: ControlHandlers;
  /** Hears of errors that are bugs. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds; for tests. */
  readonly requestTimeout?: number;
}): Promise<ControlSocket> {
  const { path, handlers, onError = () => {}, requestTimeout = REQUEST_TIMEOUT } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await removeStale(path);
  // Half-open, since a client may end its side when it has asked.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy()); // the other side went away
    void serve(socket).catch(onError);
  });
  server.maxConnections = MAX_CONNECTIONS;

  async function serve(socket: Socket): Promise<void> {
    const line = await readLine(socket, MAX_REQUEST_BYTES, requestTimeout).catch(() => undefined);
    if (line === undefined) {
      socket.destroy();
      return;
    }
    // One answer a connection: whatever else arrives on it is not read.
    socket.end(`${JSON.stringify(await answer(line))}\n`, () => socket.destroy());
  }

  async function answer(line: string): Promise<ControlAnswer> {
    try {
      const { command, args } = parseRequest(line);
      // Own members only: `constructor` is no command.
      const handler = Object.hasOwn(handlers, command) ? handlers[command] : undefined;
      if (!handler) throw new HubError('command_unknown', 404, 'The running hub does not know this command.');
      return { ok: true, result: (await handler(args)) ?? null };
    } catch (error) {
      if (error instanceof HubError) {
        return { ok: false, error: { code: error.code, status: error.status, message: error.message } };
      }
      onError(error);
      const message = 'Something went wrong; the hub’s log says what.';
      return { ok: false, error: { code: 'server_error', status: 500, message } };
    }
  }

  // From the first moment on only we may connect, whatever umask the process was started with.
  const umask = process.umask(0o177);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen(path, resolve);
    process.umask(umask);
    await promise;
  } finally {
    process.umask(umask);
  }
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/**
 * Gives a command to the hub that listens at `path`. Undefined when none does: nobody was asked, the caller may open
 * the database itself.
 *
 * @throws HubError what the hub refuses, with its code, status and message; `hub_unreachable` when it takes the
 *   command and does not answer
 */
export async function callControlSocket(
  path: string,
  command: string,
  args: unknown,
): Promise<{ readonly result: unknown } | undefined> {
  const socket = await connectIfListening(path);
  if (!socket) return undefined;
  let answer: ControlAnswer;
  try {
    socket.write(`${JSON.stringify({ command, arguments: args })}\n`);
    answer = JSON.parse(await readLine(socket, MAX_ANSWER_BYTES, ANSWER_TIMEOUT)) as ControlAnswer;
  } catch (cause) {
    throw new HubError('hub_unreachable', 503, 'The running hub did not answer.', { cause });
  } finally {
    socket.destroy();
  }
  if (answer.ok) return { result: answer.result };
  const { code, status, message } = answer.error;
  throw new HubError(code, status, message);
}

/** Nobody listens at a path: no file, or one whose process has ended. */
const NOBODY = ['ENOENT', 'ECONNREFUSED'];

function connectIfListening(path: string): Promise<Socket | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket | undefined>();
  const socket = connect(path);
  socket.once('connect', () => resolve(socket));
  socket.once('error', (error: NodeJS.ErrnoException) => {
    if (NOBODY.includes(error.code ?? '')) resolve(undefined);
    else reject(new HubError('hub_unreachable', 503, `The control socket ${path} cannot be used.`, { cause: error }));
  });
  return promise;
}

async function removeStale(path: string): Promise<void> {
  const socket = await connectIfListening(path);
  if (socket) {
    socket.destroy();
    throw new HubError('hub_already_running', 409, 'A hub with this data folder is running already.');
  }
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function parseRequest(line: string): { command: string; args: unknown } {
  try {
    const { command, arguments: args } = JSON.parse(line);
    if (typeof command === 'string') return { command, args };
  } catch {
    // Answered below: a line that is no request is refused like one without a command.
  }
  throw new HubError('invalid_request', 400, 'The request is not a line of JSON with a command.');
}

/** The first line that arrives. Rejects when it is too long, too late, or cut off. */
function readLine(socket: Socket, maxBytes: number, timeout: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  // For the whole line: a byte now and then would keep an idle timeout from ever ending.
  const timer = setTimeout(() => reject(new Error('too late')), timeout);
  socket.on('data', (chunk: Buffer) => {
    const end = chunk.indexOf(0x0a);
    size += chunk.length;
    if (size > maxBytes) return reject(new Error('too long'));
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    if (end !== -1) resolve(Buffer.concat(chunks).toString('utf8'));
  });
  for (const event of ['end', 'close', 'error']) socket.on(event, () => reject(new Error('cut off')));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.removeAllListeners('data').pause();
  });
}
