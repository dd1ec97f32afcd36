import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { ConfigurationError } from '../../../config/load.ts';
import { type Command, type Invocation, UsageError } from '../../../provider/command_line/command.ts';
import { commands } from '../../../provider/command_line/commands.ts';
import { HubError } from '../../../provider/errors.ts';
import { type } from './terminal.ts';

/** A table of commands of our own: what they are given, and what they do. */
function tableThat(act: (invocation: Invocation) => number | Promise<number>): readonly Command[] {
  const load = () => Promise.resolve({ run: async (_io: unknown, invocation: Invocation) => act(invocation) });
  const options = {
    file: { value: 'FILE', help: 'a file' },
    force: { help: 'a switch' },
    name: { value: 'NAME', help: 'a name', required: true },
  } as const;
  const below = { options: {}, load };
  return [
    { path: ['do'], summary: 'do it', options, positionals: [{ name: 'WHAT', help: 'what' }], yieldsData: true, load },
    { path: ['box'], summary: 'run the box', ...below },
    { path: ['box', 'thing', 'list'], summary: 'list the things', ...below },
    { path: ['box', 'thing', 'add'], summary: 'add a thing', ...below },
  ];
}
const idle = tableThat(() => 0);

describe('help', () => {
  for (const { path } of commands) {
    it(`of musubi ${path.join(' ')} explains every option without loading the command`, async () => {
      const table = commands.map((command) => ({ ...command, load: () => Promise.reject(new Error('loaded')) }));
      const { code, out, err } = await type([...path, '--help'], { table });
      assert.deepEqual([code, err], [0, '']);
      assert.ok(out.startsWith(`Usage: musubi ${path.join(' ')}`));
      const command = commands.find((each) => each.path === path);
      for (const name of Object.keys(command?.options ?? {})) assert.match(out, new RegExp(`--${name}\\b`));
      assert.equal(out.includes('--json'), command?.yieldsData === true);
    });
  }

  it('is there for all commands and for every group', async () => {
    const { code, out } = await type(['--help']);
    assert.equal(code, 0);
    for (const { path, summary } of commands) assert.ok(out.includes(path.join(' ')) && out.includes(summary));
    const group = await type(['client', '--help']);
    assert.match(group.out, /client add[\s\S]*client remove/);
    assert.ok(!group.out.includes('keys'));
    assert.match((await type(['sandbox', '--help'])).out, /--mtls-port[\s\S]*sandbox citizen move/);
    assert.equal((await type(['help', 'client', 'add'])).out, (await type(['client', 'add', '-h'])).out);
  });

  it('is what a group without a command answers, as a mistyping', async () => {
    for (const args of [[], ['client'], ['sandbox', 'citizen']]) {
      const { code, out, err } = await type(args);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /^Usage: musubi/);
    }
  });

  it('fits a terminal of 120 columns', async () => {
    for (const { path } of commands) {
      const { out } = await type([...path, '--help']);
      for (const line of out.split('\n')) assert.ok(line.length <= 120, line);
    }
  });
});

describe('what was typed', () => {
  it('reaches the handler by name, checked', async () => {
    let seen: Invocation | undefined;
    const table = tableThat((invocation) => {
      seen = invocation;
      return 7;
    });
    const { code } = await type(['do', 'it', '--name', 'N', '--force', '--file=-', '--json'], { table });
    assert.equal(code, 7);
    assert.deepEqual(seen?.values, { name: 'N', file: '-' });
    assert.ok(seen?.switches.has('force') && seen.json);
    assert.deepEqual([seen?.command, seen?.positionals], [['do'], ['it']]);
  });

  for (const [args, message] of [
    [['doo'], /there is no command "musubi doo"; did you mean musubi do\?\nSee musubi --help\n/],
    [['box', 'thing', 'lst'], /did you mean musubi box thing list\?\nSee musubi box thing --help\n/],
    [['box', 'thnig', 'list'], /did you mean musubi box thing\?\nSee musubi box --help\n/],
    [['xyzzy'], /there is no command "musubi xyzzy"\n/],
    [['--force', 'do'], /no option --force before a command/],
    [['do', 'it', '--name', 'N', '--fiel', 'x'], /no option --fiel; did you mean --file\?\nSee musubi do --help/],
    [['do', 'it', '--name', 'N', '--jsn'], /did you mean --json\?/],
    [['do', 'it'], /--name is missing/],
    [['do', '--name', 'N'], /WHAT is missing/],
    [['do', 'it', 'again', '--name', 'N'], /"again" is more than the command takes/],
    [['do', 'it', '--name'], /--name needs a value/],
    [['do', 'it', '--name', '--force'], /--name needs a value/],
    [['do', 'it', '--name', 'N', '--force=yes'], /--force takes no value/],
    [['do', 'it', '--name', 'N', '--name', 'M'], /--name is given twice/],
    [['box', '--json'], /no option --json/],
  ] as const) {
    it(`is refused with exit code 2 and a hint: ${args.join(' ')}`, async () => {
      const { code, out, err } = await type(args, { table: idle });
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, message);
    });
  }
});

describe('a failure', () => {
  const failing = (error: unknown) => tableThat(() => Promise.reject(error));

  it('that the operator can mend is one line with its code, exit code 1', async () => {
    const table = failing(
      new HubError('client_not_found', 404, 'There is no such client.', { details: { secret: 'x' } }),
    );
    const { code, out, err } = await type(['box'], { table });
    assert.deepEqual([code, out, err], [1, '', 'musubi: There is no such client. (client_not_found)\n']);
  });

  it('is JSON when JSON was asked for', async () => {
    const table = failing(new HubError('client_not_found', 404, 'There is no such client.'));
    const { code, err } = await type(['do', 'it', '--name', 'N', '--json'], { table });
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(err), { error: 'client_not_found', message: 'There is no such client.' });
  });

  it('of the configuration lists all mistakes', async () => {
    const fault = (path: string) => ({ path, problem: 'is wrong', remedy: 'write 1' });
    const { code, err } = await type(['box'], { table: failing(new ConfigurationError([fault('a'), fault('b')])) });
    assert.equal(code, 1);
    assert.match(err, /2 mistakes:\n {2}a is wrong; write 1\n {2}b is wrong; write 1\n$/);
  });

  it('of the system is its message without a stack', async () => {
    const error = Object.assign(new Error('listen EADDRINUSE: address already in use 127.0.0.1:3000'), {
      code: 'EADDRINUSE',
    });
    const { code, err } = await type(['box'], { table: failing(error) });
    assert.deepEqual([code, err], [1, `musubi: ${error.message}\n`]);
  });

  it('that is a bug shows where', async () => {
    const { code, err } = await type(['box'], { table: failing(new RangeError('oops')) });
    assert.equal(code, 1);
    assert.match(err, /should not have happened\nRangeError: oops\n +at /);
  });

  it('that a handler calls a mistyping is one', async () => {
    const { code, err } = await type(['box'], { table: failing(new UsageError('the PIN is missing')) });
    assert.deepEqual([code, err], [2, 'musubi: the PIN is missing\nSee musubi box --help\n']);
  });
});

describe('the musubi program', () => {
  const program = new URL('../../../bin/musubi.js', import.meta.url).pathname;

  it('tells its version', () => {
    const { stdout, status } = spawnSync(process.execPath, [program, '--version'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('passes the exit code on', () => {
    assert.equal(spawnSync(process.execPath, [program, 'nonsense']).status, 2);
  });
});
