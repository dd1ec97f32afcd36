import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { redact } from './redact.ts';
import { textLines } from './text_lines.ts';

export type { Logger } from 'pino';

export interface LoggerSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `json` for a log collector, `text` for a terminal. */
  readonly format: 'json' | 'text';
}

/**
 * The hub's log. Every entry passes through `redact`, whoever writes it: names of fields decide what is dropped, and
 * errors keep only their name, code, message and stack.
 *
 * @param destination standard output unless given
 */
export function createLogger(settings: LoggerSettings, destination?: DestinationStream): Logger {
  const options = {
    level: settings.level,
    base: undefined,
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: (error: unknown) => error }, // by then redact has made a plain object of it
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => redact(fields) as Record<string, unknown>, // an object stays an object
    },
  };
  const output = destination ?? process.stdout;
  return pino(options, settings.format === 'text' ? textLines(output) : output);
}
