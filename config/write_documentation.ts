import { writeFileSync } from 'node:fs';
import { describeConfiguration } from './describe.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), describeConfiguration());
