import type { ShownAttribute } from '../attributes/providers/provider_administration.ts';
import type { AttributeProvider } from '../attributes/providers/provider_store.ts';
import { type CommandHandler, type CommandLineIo, type Invocation, UsageError } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, readJson, textTable } from './input_output.ts';

/** `musubi attribute-provider …`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const [first = '', second] = invocation.positionals;
  const print = <T>(data: T, toText: (data: T) => string) => printData(io, invocation, data, toText);
  switch (invocation.command[1]) {
    case 'add':
      print(await askHub(io, invocation, 'attribute_provider.add', { draft: await readJson(io, first) }), asJson);
      break;
    case 'list':
      print(await askHub(io, invocation, 'attribute_provider.list', {}), providerTable);
      break;
    case 'show':
      print(await askHub(io, invocation, 'attribute_provider.show', { id: first }), asJson);
      break;
    case 'set': {
      const change = await changeOf(io, invocation, second);
      print(await askHub(io, invocation, 'attribute_provider.set', { id: first, change }), asJson);
      break;
    }
    case 'remove':
      await askHub(io, invocation, 'attribute_provider.remove', { id: first });
      print({ removed: first }, () => `Removed ${first}.\n`);
      break;
    case 'offer': {
      const said = { claims: listed(second), offers: !invocation.switches.has('end') };
      await askHub(io, invocation, 'attribute_provider.offer', { id: first, ...said });
      print({ provider: first, ...said }, () => `${first} ${said.offers ? 'offers' : 'no longer offers'} ${second}.\n`);
      break;
    }
    case 'accept': {
      const said = { claims: listed(second), accepts: !invocation.switches.has('end') };
      await askHub(io, invocation, 'attribute_provider.accept', { clientId: first, ...said });
      const verb = said.accepts ? 'may be told' : 'may no longer be told';
      print({ relyingParty: first, ...said }, () => `${first} ${verb} ${second}.\n`);
      break;
    }
    default:
      print(await askHub(io, invocation, 'attribute_provider.table', {}), attributeTable);
  }
  return 0;
};

async function changeOf(
  io: CommandLineIo,
  { values: { active } }: Invocation,
  file: string | undefined,
): Promise<Record<string, unknown>> {
  if (active !== undefined && active !== 'yes' && active !== 'no') throw new UsageError('--active is yes or no');
  const change = file === undefined ? {} : await readJson(io, file);
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw new UsageError('the file must hold a JSON object');
  }
  return { ...change, ...(active !== undefined && { isActive: active === 'yes' }) };
}

function listed(text = ''): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function asJson(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`;
}

function providerTable(providers: readonly AttributeProvider[]): string {
  if (providers.length === 0) return 'No attribute provider is registered.\n';
  return textTable(
    providers.map(({ id, kind, names, url, isActive }) => ({
      ...{ id, kind, url },
      name: names.ja,
      active: isActive ? 'yes' : 'NO',
    })),
    ['id', 'kind', 'name', 'active', 'url'],
  );
}

function attributeTable(rows: readonly ShownAttribute[]): string {
  if (rows.length === 0) return 'Nobody holds, offers or accepts anything yet.\n';
  const mark = (is: boolean) => (is ? 'yes' : 'no');
  return textTable(
    rows.map(({ provider, relyingParty, claim, holds, offers, accepts }) => ({
      member: provider ?? relyingParty ?? '',
      claim,
      holds: provider === undefined ? '-' : mark(holds),
      offers: provider === undefined ? '-' : mark(offers),
      accepts: relyingParty === undefined ? '-' : mark(accepts),
    })),
    ['member', 'claim', 'holds', 'offers', 'accepts'],
  );
}
