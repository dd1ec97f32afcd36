import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Database } from '../../../adapters/database/database.ts';
import { type Found, findInOctets, findInText } from './find_secrets.ts';
import { type SecretKind, Secrets } from './secrets.ts';

/** A secret that was found where it must not be. */
export interface Leak {
  readonly kind: SecretKind;
  /** `database: certificate.status`, `the log`, `answer to GET /interaction/:id` */
  readonly place: string;
  /** What stands around it, with every secret masked. */
  readonly excerpt: string;
}

const ATTRIBUTES: readonly SecretKind[] = ['name', 'address', 'birth date'];

/**
 * Where attributes leave the hub: to the person who types and signs them or looks at their own, and to a relying party in tokens, claims and answers
 * to queries. Beside them, an answer may hold only what is handed out to open something: `token`.
 */
const ANSWERS_WITH_ATTRIBUTES =
  /^(?:POST|GET) \/(?:interaction\/[^/]+\/enrolment(?:\/signed)?|portal(?:\/attributes|\/download\.(?:json|html))?|token|userinfo|introspect|saml\/soap\/attributes)$/;

/** And in assertions, which go through the browser: this field alone, on whichever page it is. */
const ASSERTION = /(?<= name="SAMLResponse" value=")[A-Za-z0-9+/=]+/g;

/** The same for everybody. */
const UNREAD_TYPES = /^(?:text\/(?:css|javascript)|font\/|image\/)/;

/** Around a secret, in a report. */
const EXCERPT_CHARACTERS = 100;
const MAX_REPORTED = 20;

/** Looks for secrets in what a hub has written and sent, and keeps what it finds. */
export class LeakGuard {
  readonly secrets = new Secrets();
  readonly leaks: Leak[] = [];
  /** Lines of answers that have not been looked at, with where each was seen first. Pages are much alike. */
  readonly #answers = { plain: new Map<string, string>(), withAttributes: new Map<string, string>() };

  /** @param line of a log: nothing secret may be there at all. */
  log(place: string, lines: Iterable<string>): void {
    for (const line of lines) this.#add(place, line, findInText(line, this.secrets));
  }

  /** What a command printed for the operator who asked: client secrets belong there. */
  output(place: string, text: string): void {
    const found = findInText(text, this.secrets).filter(({ kind }) => kind !== 'token');
    this.#add(`what ${place} printed`, text, found);
  }

  /** The same of `musubi …`, but for the words of the card's holder and of the authority, whose secrets they are. */
  command([name = '', action = '']: readonly string[], text: string): void {
    if (name !== 'card' && name !== 'sandbox') this.output(`musubi ${name} ${action}`, text);
  }

  /** An answer of the hub, or what it sent to a relying party. Its lines are looked at in `lookAtAnswers`. */
  answer(request: string, lines: Iterable<string>): void {
    const { plain, withAttributes } = this.#answers;
    const seen = ANSWERS_WITH_ATTRIBUTES.test(request) ? withAttributes : plain;
    const note = (answers: Map<string, string>, line: string) => {
      if (!answers.has(line)) answers.set(line, request);
    };
    for (const line of lines) {
      const page = line.replaceAll(ASSERTION, (assertion) => {
        note(withAttributes, assertion);
        return '';
      });
      note(seen, page);
    }
  }

  lookAtAnswers(): void {
    const { plain, withAttributes } = this.#answers;
    for (const [seen, allowed] of [
      [plain, ['token']],
      [withAttributes, ['token', ...ATTRIBUTES]],
    ] as const) {
      for (const [line, request] of seen) {
        const found = findInText(line, this.secrets).filter(({ kind }) => !allowed.some((each) => each === kind));
        this.#add(`answer to ${request}`, line, found);
      }
      seen.clear();
    }
  }

  /** Every value of every row of every table: sealed or not, none may show what it holds. */
  async database(database: Database): Promise<void> {
    const tables = await database.query<{ name: string }>({
      name: 'leak_guard_tables',
      text: `SELECT table_name::text AS name FROM information_schema.tables
        WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`,
    });
    for (const { name } of tables.rows) {
      const { rows } = await database.query<Record<string, unknown>>({
        name: `leak_guard_${name}`,
        text: `SELECT * FROM "${name}"`,
      });
      for (const row of rows) {
        for (const [column, value] of Object.entries(row)) this.#value(`database: ${name}.${column}`, value);
      }
    }
  }

  /** One line a place and kind, for people. */
  report(): string {
    const first = new Map(this.leaks.toReversed().map((leak) => [`${leak.kind} in ${leak.place}`, leak]));
    const lines = [...first].map(([title, { excerpt }]) => `LEAKED: ${title}: ${excerpt}`);
    return lines.toReversed().slice(0, MAX_REPORTED).join('\n');
  }

  #value(place: string, value: unknown): void {
    if (value === null || typeof value === 'boolean') return;
    if (Buffer.isBuffer(value)) this.#add(place, value.toString('latin1'), findInOctets(value, this.secrets));
    else {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      this.#add(place, text, findInText(text, this.secrets));
    }
  }

  #add(place: string, text: string, found: readonly Found[]): void {
    for (const kind of new Set(found.map((each) => each.kind))) {
      this.leaks.push({ kind, place, excerpt: excerptOf(text, found, kind) });
    }
  }
}

function excerptOf(text: string, found: readonly Found[], kind: SecretKind): string {
  const first = found.find((each) => each.kind === kind) ?? { start: 0, end: 0 };
  const mask = (from: number, to: number) => {
    let masked = '';
    let at = from;
    for (const { kind: each, start, end } of found.toSorted((one, other) => one.start - other.start)) {
      if (end <= at || start >= to) continue;
      masked += `${text.slice(at, Math.max(at, start))}[${each}]`;
      at = end;
    }
    return masked + text.slice(at, Math.max(at, to));
  };
  const from = Math.max(0, first.start - EXCERPT_CHARACTERS);
  return JSON.stringify(mask(from, first.end + EXCERPT_CHARACTERS));
}

/** The guard of this test file, which is a process of its own. */
export const guard = new LeakGuard();
guard.secrets.pin('1234');
guard.secrets.password('ABC123');

// Not where a hub is stopped: an `after` that throws there leaves running what it would have stopped next.
process.once('exit', () => {
  guard.lookAtAnswers();
  if (guard.leaks.length === 0) return;
  process.stderr.write(`${guard.report()}\n`);
  process.exitCode = 1;
});

const watched = new Set<number>();

/** Looks at every answer that the servers of this process give on these ports, whoever asks. */
export function watchAnswers(ports: readonly number[]): void {
  if (watched.size === 0) subscribe('http.server.request.start', watch);
  for (const port of ports) watched.add(port);
}

function watch(message: unknown): void {
  const { request, response, server } = message as {
    request: IncomingMessage;
    response: ServerResponse;
    server: Server;
  };
  const address = server.address() as AddressInfo | null;
  if (!address || !watched.has(address.port)) return;
  const chunks: Buffer[] = [];
  const isRead = () => !UNREAD_TYPES.test(String(response.getHeader('content-type')));
  const keep = (chunk: unknown, encoding: unknown) => {
    if (typeof chunk === 'string') chunks.push(Buffer.from(chunk, encoding === 'latin1' ? 'latin1' : 'utf8'));
    else if (chunk instanceof Uint8Array && isRead()) chunks.push(Buffer.from(chunk));
  };
  for (const method of ['write', 'end'] as const) {
    const original = response[method] as (...args: unknown[]) => never;
    response[method] = (...args: unknown[]) => {
      keep(args[0], args[1]);
      return original.apply(response, args);
    };
  }
  response.once('close', () => {
    const body = Buffer.concat(chunks).toString();
    const headers = Object.entries(response.getHeaders()).flatMap(([name, value]) =>
      [value].flat().map((each) => `${name}: ${each}`),
    );
    learnTokens(headers, body);
    // Ids are many, and some open something.
    const path = (request.url ?? '').replace(/\?.*/s, '').replaceAll(/\/[\w-]{32,}(?=\/|$)/g, '/:id');
    guard.answer(`${request.method} ${path}`, [...headers, ...body.split('\n')]);
  });
}

/** What the hub hands out to open something with must not be in its log or its tables. */
function learnTokens(headers: readonly string[], body: string): void {
  for (const header of headers) {
    for (const [, token] of header.matchAll(/(?:^set-cookie: (?!\w*preferences)[^=]+=|[?&]code=)([^;&]+)/g)) {
      guard.secrets.token(token ?? '');
    }
  }
  const inBody = /(?:"(?:access_token|refresh_token|id_token)":|name="(?:csrf|nonce)" value=)"([^"]+)"/g;
  for (const [, token] of body.matchAll(inBody)) guard.secrets.token(token ?? '');
}
