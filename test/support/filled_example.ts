import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './suites.ts';

export const EXAMPLES = join(projectFolder, 'docs/examples');

/**
 * An example for operators with other names, ports and paths. Throws Error when one of them is not in it, so that the
 * example and the test that runs it cannot drift apart.
 *
 * @param file its path below docs/examples
 */
export function filledExample(file: string, replacements: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(EXAMPLES, file), 'utf8').replaceAll(/^\s*#.*\n|<!--[\s\S]*?-->\n?/gm, '');
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`docs/examples/${file} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}
