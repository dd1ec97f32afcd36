import { writeFileSync } from 'node:fs';
import { describeProviderInterface } from '../provider/attributes/providers/openapi.ts';
import { describeConfiguration } from './describe.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), describeConfiguration());
writeFileSync(
  new URL('attribute-provider-openapi.json', docs),
  `${JSON.stringify(describeProviderInterface(), null, 2)}\n`,
);
