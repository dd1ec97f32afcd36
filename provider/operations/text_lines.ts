import type { DestinationStream } from 'pino';

interface Entry {
  readonly time?: string;
  readonly level?: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [field: string]: unknown;
}

/** Terminal control characters in a logged text must not reach the terminal (CWE-150). */
const CONTROL_CHARACTERS = /(?!\n)\p{Cc}/gu;

/** Turns the log's JSON into lines for a terminal: `10:15:03 info  listening  port=3000`. */
export function textLines(output: { write(text: string): unknown }): DestinationStream {
  return {
    write(line) {
      output.write(`${formatEntry(line)}\n`);
    },
  };
}

function formatEntry(line: string): string {
  const { time = '', level = '', msg = '', err, ...fields } = JSON.parse(line) as Entry;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  const first = [time.slice(11, 19), level.padEnd(5), msg, shown.join(' ')].filter(Boolean).join(' ');
  const stack = err?.stack ?? err?.message;
  const text = stack === undefined ? first : `${first}\n${stack.replaceAll(/^/gm, '    ')}`;
  return text.replaceAll(CONTROL_CHARACTERS, '');
}

function formatValue(value: unknown): string {
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}
