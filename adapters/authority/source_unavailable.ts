/** Why one source has no fresh and authentic answer. It never leaves this folder: the next source is asked. */
export class SourceUnavailable extends Error {
  readonly code: string;
  /** When it is worth asking again, milliseconds since 1970. */
  readonly retryAt: number;

  constructor(code: string, retryAt: number, options?: ErrorOptions) {
    super(`the source has no usable answer: ${code}`, options);
    this.name = 'SourceUnavailable';
    this.code = code;
    this.retryAt = retryAt;
  }
}
