/** What a command may touch of the world; handed in, so that a test can be the terminal. */
export interface CommandLineIo {
  readonly stdout: { write(text: string): unknown };
  /** `isTTY`: a person looks at it, so that a line may be written over. */
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Read to its end by commands that take input. */
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
}

export interface CommandOption {
  readonly help: string;
  /** What stands after the option in the help (`FILE`); without it the option is a switch. */
  readonly value?: string;
  readonly required?: true;
}

export interface CommandPositional {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
}

export interface Command {
  /** `['client', 'add']`. */
  readonly path: readonly string[];
  /** One line, without full stop. */
  readonly summary: string;
  /** Further lines of the command's own help. */
  readonly details?: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  readonly positionals?: readonly CommandPositional[];
  /** The command yields data, so that `--json` prints it for programs. */
  readonly yieldsData?: true;
  /** Loaded when the command is run, not when help is shown. */
  readonly load: () => Promise<{ run: CommandHandler }>;
}

/** What was typed, checked against the command's options. */
export interface Invocation {
  /** The command's path: several commands may share a handler. */
  readonly command: readonly string[];
  /** By name of the option without dashes. */
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
  /** `--json` was typed. */
  readonly json: boolean;
}

/** Resolves with the exit code. Throws HubError or ConfigurationError for what the operator can mend, UsageError for mistyping. */
export type CommandHandler = (io: CommandLineIo, invocation: Invocation) => Promise<number>;

/** What was typed cannot be run: exit code 2, with the way to the help. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
