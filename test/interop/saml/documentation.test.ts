import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { EXAMPLES, filledExample } from '../../support/filled_example.ts';
import { projectFolder } from '../../support/suites.ts';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import { certificateText } from './provider_keys.ts';

const text = readFileSync(join(projectFolder, 'docs/saml.md'), 'utf8');

describe('docs/saml.md', () => {
  let musubi: InteropHub;
  let folder: string;
  before(async () => {
    musubi = await startInteropHub();
    folder = mkdtempSync(join(tmpdir(), 'musubi-test-documentation-'));
  });
  after(async () => {
    await musubi?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs what the page tells to type, against this hub. */
  async function run(command: string): Promise<string> {
    const typed = command.replaceAll('https://id.example.jp', musubi.hub.issuer);
    return (await promisify(execFile)('sh', ['-ec', typed], { cwd: folder })).stdout;
  }

  /** The command in the page that begins so. */
  function commandBeginning(start: string): string {
    const [, command] = [...text.matchAll(/(?<!`)`([^`\n]+)`/g)].find(([, code = '']) => code.startsWith(start)) ?? [];
    assert.ok(command, `no command begins with ${start}`);
    return command;
  }

  it('leads to every example, and each is run by a test', () => {
    const tests = readdirSync(import.meta.dirname).map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
    const examples = readdirSync(join(EXAMPLES, 'saml'));
    assert.ok(examples.length > 0);
    for (const example of examples) {
      assert.ok(text.includes(`(examples/saml/${example})`), `docs/saml.md does not lead to ${example}`);
      assert.ok(
        tests.some((source) => source.includes(`'saml/${example}'`)),
        `nobody runs ${example}`,
      );
    }
  });

  it('gets the certificate by which the hub signs', async () => {
    const [, block = ''] = /```sh\n(curl[\s\S]*?)```/.exec(text) ?? [];
    assert.match(await run(block), /sha256 Fingerprint=/i);
    const [first] = (await musubi.published()).certificates;
    assert.equal(certificateText({ key: '', certificate: join(folder, 'musubi.pem') }), first);
    assert.equal((await run(commandBeginning('grep -o'))).trim(), first);
  });

  it('makes metadata for mellon and by pysaml2 that the hub takes', async () => {
    await run(commandBeginning('openssl req'));
    writeFileSync(join(folder, 'mellon-metadata.xml'), readFileSync(join(EXAMPLES, 'saml/mellon-metadata.xml')));
    await run(commandBeginning('sed'));
    await musubi.bringMetadata(readFileSync(join(folder, 'portal.xml'), 'utf8'));

    const etc = join(folder, 'etc');
    mkdirSync(etc);
    for (const [from, to] of [
      ['portal.key', 'saml.key'],
      ['portal.cert', 'saml.crt'],
      ['musubi.pem', 'musubi.pem'],
    ] as const) {
      writeFileSync(join(etc, to), readFileSync(join(folder, from)));
    }
    const settings = filledExample('saml/pysaml2_settings.py', {
      'https://id.example.jp': musubi.hub.issuer,
      '/etc/portal': etc,
    });
    writeFileSync(join(folder, 'pysaml2_settings.py'), settings);
    await run(commandBeginning('make_metadata'));
    await musubi.bringMetadata(readFileSync(join(folder, 'portal.xml'), 'utf8'));
    const registered = await musubi.hub.hub.serviceProviders.list();
    assert.deepEqual(
      registered.map(({ entityId }) => entityId),
      ['https://portal.example.jp/mellon/metadata', 'https://portal.example.jp/saml/metadata'],
    );
  });
});
