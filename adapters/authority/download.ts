import { open } from 'node:fs/promises';
import type { Schedule } from './schedule.ts';

/** Why nothing usable came over the wire. */
export type DownloadFailure = 'download_failed' | 'download_status' | 'download_timeout' | 'download_too_large';

export class DownloadError extends Error {
  readonly code: DownloadFailure;

  constructor(code: DownloadFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DownloadError';
    this.code = code;
  }
}

export interface Transport {
  readonly fetch: typeof fetch;
  readonly schedule: Schedule;
}

export interface DownloadRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
  /** Milliseconds for everything, the last octet of the body included. */
  readonly timeout: number;
  /** Octets of the body after any content encoding is undone. */
  readonly maxSize: number;
  /** Statuses that are answers; 200 and 304 unless given. Every other one is an error. */
  readonly statuses?: readonly number[];
  /** Ends the exchange early, as when the hub stops. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  /** One of `DownloadRequest.statuses`. */
  readonly status: number;
  readonly headers: Headers;
}

export interface Download extends Answer {
  readonly body: Uint8Array;
}

/**
 * One bounded exchange, its body in memory.
 *
 * @throws DownloadError
 */
export async function download(transport: Transport, url: string, request: DownloadRequest): Promise<Download> {
  const chunks: Uint8Array[] = [];
  const answer = await exchange(transport, url, request, (chunk) => void chunks.push(chunk));
  return { ...answer, body: Buffer.concat(chunks) };
}

/**
 * One bounded exchange, its body in a new file that only the hub's user can read.
 *
 * @throws DownloadError; the file system's own error.
 */
export async function downloadToFile(
  transport: Transport,
  url: string,
  request: DownloadRequest,
  path: string,
): Promise<Answer> {
  const file = await open(path, 'wx', 0o600);
  try {
    return await exchange(transport, url, request, (chunk) => file.writeFile(chunk));
  } finally {
    await file.close();
  }
}

/**
 * Redirects are errors: the operator named the address, nobody else may send the hub elsewhere.
 *
 * @param take gets the octets of the body in order; what it throws, the exchange throws.
 */
async function exchange(
  transport: Transport,
  url: string,
  request: DownloadRequest,
  take: (chunk: Uint8Array) => void | Promise<void>,
): Promise<Answer> {
  const controller = new AbortController();
  let timedOut = false;
  const cancel = transport.schedule(request.timeout, () => {
    timedOut = true;
    controller.abort();
  });
  const signal = request.signal ? AbortSignal.any([controller.signal, request.signal]) : controller.signal;
  try {
    const response = await transport.fetch(url, {
      method: request.method ?? 'GET',
      redirect: 'error',
      signal,
      ...(request.headers && { headers: request.headers }),
      ...(request.body && { body: Buffer.from(request.body) }),
    });
    if (!(request.statuses ?? [200, 304]).includes(response.status)) {
      throw new DownloadError('download_status', `the answer has status ${response.status}`);
    }
    await readBody(response, request.maxSize, take);
    return { status: response.status, headers: response.headers };
  } catch (cause) {
    // Whatever is still on its way is not wanted any more, and must not hold the connection.
    controller.abort();
    if (cause instanceof DownloadError || cause instanceof StorageFailure) throw cause;
    if (timedOut || codeOf(cause) === 'outbound_timeout') {
      throw new DownloadError('download_timeout', 'the answer took too long', { cause });
    }
    if (codeOf(cause) === 'outbound_too_large') {
      throw new DownloadError('download_too_large', `the answer exceeds ${request.maxSize} octets`, { cause });
    }
    throw new DownloadError('download_failed', 'the exchange failed', { cause });
  } finally {
    cancel();
  }
}

/** The guarded fetch has limits of its own, by which it may end an exchange first. */
function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

async function readBody(
  response: Response,
  maxSize: number,
  take: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const tooLarge = () => new DownloadError('download_too_large', `the answer exceeds ${maxSize} octets`);
  if (Number(response.headers.get('content-length') ?? 0) > maxSize) throw tooLarge();
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxSize) throw tooLarge();
    try {
      await take(chunk);
    } catch (cause) {
      throw new StorageFailure('what was downloaded could not be kept', { cause });
    }
  }
}

/** A full disk is no failure of the authority, and must not be told as one. */
class StorageFailure extends Error {}
