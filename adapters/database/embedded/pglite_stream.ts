import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

/**
 * The socket that `pg` would have to a PostgreSQL server, leading to PGlite instead: both speak PostgreSQL's wire
 * protocol. So one driver, with the same named prepared statements and the same types, serves both engines, and costs
 * less than half of PGlite's own `query`, which describes every statement again.
 *
 * PGlite has one session: only one stream may be connected at a time.
 */
export class PgliteStream extends Duplex {
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    super();
    this.#pglite = pglite;
  }

  /** Called by pg in place of Socket.connect. A new connection must not inherit what a broken one left. */
  connect(): this {
    this.#reset().then(
      () => this.emit('connect'),
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  // What pg calls on a socket and has no meaning here.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#run(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#run(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  async #run(message: Buffer): Promise<void> {
    const answers: Buffer[] = [];
    await this.#pglite.execProtocolRawStream(message, {
      // PGlite writes through to the files before it answers; there is nothing further to bring to disk.
      syncToFs: false,
      onRawData: (bytes) => answers.push(Buffer.from(bytes)), // a view into the engine's memory: copied
    });
    if (answers.length > 0) this.push(Buffer.concat(answers));
  }

  async #reset(): Promise<void> {
    await this.#pglite.exec('ROLLBACK');
    await this.#pglite.exec('DISCARD ALL');
  }
}
