import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { describeConfiguration, describeSettings } from '../../config/describe.ts';
import { ConfigurationError, loadConfiguration } from '../../config/load.ts';
import { settings } from '../../config/setting_tree.ts';
import { describeProviderInterface } from '../../provider/attributes/providers/openapi.ts';

const file = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;

describe('the manual of the settings', () => {
  it('of what attribute providers implement is what their answers are held to (else: as above)', () => {
    const written = readFileSync(new URL('../../docs/attribute-provider-openapi.json', import.meta.url), 'utf8');
    assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(describeProviderInterface())));
  });

  it('is what the schema says (else: node config/write_documentation.ts)', () => {
    assert.equal(readFileSync(file('docs/configuration.md'), 'utf8'), describeConfiguration());
  });

  for (const setting of settings) {
    it(`explains ${setting.path} with an example that is accepted`, () => {
      assert.ok(setting.notes?.meaning);
      const result = setting.schema.safeParse(setting.notes.example);
      assert.ok(result.success, result.error?.message);
    });
  }

  it('gives every setting a variable of its own', () => {
    const variables = describeSettings().map(({ variable }) => variable);
    assert.equal(new Set(variables).size, variables.length);
  });
});

describe('the table of threats', () => {
  const cited = [
    ...readFileSync(file('docs/threat-coverage.md'), 'utf8').matchAll(
      /`(test\/[^`]+\.test\.ts)` › (.+?)(?=<br>| \|$)/gm,
    ),
  ];

  it('names tests that are there, by file and title', () => {
    assert.ok(cited.length > 100);
    const missing = cited.filter(([, path = '', title = '']) => !hasTitle(readFileSync(file(path), 'utf8'), title));
    assert.deepEqual(
      missing.map(([citation]) => citation),
      [],
    );
  });

  it('names at least one for every threat', () => {
    const rows = readFileSync(file('docs/threat-coverage.md'), 'utf8').match(/^\| (?!tried \|).*$/gm) ?? [];
    assert.ok(rows.length > 50);
    for (const row of rows) assert.match(row, /` › /);
  });
});

/** Whether a title stands in a test file as one whole text: of a test, or of a row that a title is made of. */
function hasTitle(source: string, title: string): boolean {
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((text) => source.includes(text));
}

describe('the example configurations', () => {
  it('sandbox.example.json loads', () => {
    assert.equal(loadConfiguration({ file: file('config/sandbox.example.json') }).mode, 'sandbox');
  });

  it('production.example.json lacks nothing but the files it names', () => {
    assert.throws(
      () => loadConfiguration({ file: file('config/production.example.json') }),
      (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.ok(error.faults.length > 0);
        for (const { path, problem } of error.faults)
          assert.match(`${path} ${problem}`, /[Ff]ile.*(\/etc\/musubi|ENOENT)|Files\[0\]/);
        return true;
      },
    );
  });
});
