import { resolve } from 'node:path';
import { ENTITY_LIMITS } from '../saml/metadata/read_metadata.ts';
import type { SettingsChange } from '../saml/provider_settings.ts';
import type { RefreshReport } from '../saml/service_provider_administration.ts';
import type { ShownFeed, ShownServiceProvider } from '../saml/shown_service_provider.ts';
import { type CommandHandler, type CommandLineIo, type Invocation, UsageError } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, readFileStart, readInput, textTable } from './input_output.ts';
import type { SamlAddArguments, SamlRefreshArguments } from './saml_handlers.ts';

/** Octets of a file of pinned certificates. */
const MOST_OCTETS_OF_PINS = 65_536;

/** `musubi saml …`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const { command, positionals } = invocation;
  const [first = '', second = ''] = positionals;
  const print = <T>(data: T, toText: (data: T) => string) => printData(io, invocation, data, toText);
  switch (command.slice(1).join(' ')) {
    case 'add': {
      const question = { origin: await originOf(io, invocation), ...(await decided(io, invocation)) };
      print(await askHub(io, invocation, 'saml.add', question), asJson);
      return 0;
    }
    case 'list':
      print(await askHub(io, invocation, 'saml.list', {}), providerTable);
      return 0;
    case 'show':
      print(await askHub(io, invocation, 'saml.show', { entityId: first }), asJson);
      return 0;
    case 'set': {
      const settings = settingsOf(invocation);
      if (Object.keys(settings).length === 0) throw new UsageError('nothing is said that is to be different');
      print(await askHub(io, invocation, 'saml.set', { entityId: first, settings }), asJson);
      return 0;
    }
    case 'refresh': {
      const reports = await askHub(io, invocation, 'saml.refresh', refreshOf(invocation));
      print(reports, reportTable);
      return reports.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
    }
    case 'remove':
      await askHub(io, invocation, 'saml.remove', { entityId: first });
      print({ removed: first }, () => `Removed ${first}.\n`);
      return 0;
    case 'feed add': {
      const filter = {
        entityIds: listOf(invocation, 'entities'),
        registrationAuthorities: listOf(invocation, 'registration-authorities'),
        entityCategories: listOf(invocation, 'entity-categories'),
      };
      const question = { name: first, url: second, filter, ...(await decided(io, invocation)) };
      const feed = await askHub(io, invocation, 'saml.feed.add', question);
      print(feed, ({ name, entities }) => `Added ${name} with ${entities} service providers.\n`);
      return 0;
    }
    case 'feed list':
      print(await askHub(io, invocation, 'saml.feed.list', {}), feedTable);
      return 0;
    default:
      await askHub(io, invocation, 'saml.feed.remove', { name: first });
      print({ removed: first }, () => `Removed ${first} with everybody who came from it.\n`);
      return 0;
  }
};

async function originOf(io: CommandLineIo, invocation: Invocation): Promise<SamlAddArguments['origin']> {
  const [source = ''] = invocation.positionals;
  const { entity, mdq } = invocation.values;
  const named = entity === undefined ? {} : { entityId: entity };
  if (mdq !== undefined) {
    if (mdq !== 'plain' && mdq !== 'sha1') throw new UsageError('--mdq is plain or sha1');
    if (entity === undefined) throw new UsageError('--mdq needs --entity: which one to ask for');
    return { kind: 'mdq', url: source, entityId: entity, transform: mdq };
  }
  if (/^https?:\/\//.test(source)) return { kind: 'url', url: source, ...named };
  // One octet more than may be: enough for whoever reads it to see that it is too much.
  const document =
    source === '-'
      ? Buffer.from(await readInput(io))
      : await readFileStart(resolve(io.workingFolder, source), ENTITY_LIMITS.octets + 1);
  return { kind: 'file', document: document.toString('base64'), ...named };
}

async function decided(
  io: CommandLineIo,
  invocation: Invocation,
): Promise<{ settings: SettingsChange; pins?: string }> {
  const settings = settingsOf(invocation);
  const { pin } = invocation.values;
  if (pin === undefined) return { settings };
  const pins = await readFileStart(resolve(io.workingFolder, pin), MOST_OCTETS_OF_PINS);
  return { settings, pins: pins.toString('base64') };
}

/** What the options decide; the hub judges the values. */
function settingsOf(invocation: Invocation): SettingsChange {
  const { values } = invocation;
  const orNull = (value: string) => (value === '' ? null : value);
  const change: Record<string, unknown> = {};
  const take = (option: string, name: keyof SettingsChange, read: (value: string) => unknown) => {
    const value = values[option];
    if (value !== undefined) change[name] = read(value);
  };
  take('sector', 'sector', orNull);
  take('encrypt', 'encryptAssertions', (value) => value.replaceAll('-', '_'));
  take('require-signed', 'requireSignedRequests', (value) => yesOrNo('require-signed', value));
  take('idp-initiated', 'idpInitiated', (value) => yesOrNo('idp-initiated', value));
  take('attributes', 'attributeProfile', (value) => value);
  take('claims', 'claims', () => listOf(invocation, 'claims'));
  take('freshness', 'freshness', (value) => (value === '' ? null : agesOf(value)));
  take('revocation-policy', 'revocationPolicy', orNull);
  const purpose = { ja: values['purpose-ja'], en: values['purpose-en'] };
  if (purpose.ja !== undefined || purpose.en !== undefined) change.purpose = purpose;
  return change;
}

function yesOrNo(option: string, value: string): boolean {
  if (value === 'yes') return true;
  if (value === 'no') return false;
  throw new UsageError(`--${option} is yes or no`);
}

function agesOf(value: string): Record<string, number> {
  const entries = value.split(',').map((each) => {
    const [, claim = '', seconds] = /^\s*([^=\s]+)\s*=\s*(\d+)\s*$/.exec(each) ?? [];
    if (seconds === undefined) throw new UsageError('--freshness is CLAIM=SECONDS, with commas between');
    return [claim, Number(seconds)] as const;
  });
  return Object.fromEntries(entries);
}

function listOf({ values }: Invocation, option: string): string[] | undefined {
  return values[option]
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function refreshOf({ positionals: [entityId], values: { feed } }: Invocation): SamlRefreshArguments {
  if (entityId !== undefined && feed !== undefined) throw new UsageError('it is ENTITY_ID or --feed');
  if (entityId !== undefined) return { entityId };
  return feed === undefined ? { all: true } : { feed };
}

function asJson(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`;
}

function providerTable(providers: readonly ShownServiceProvider[]): string {
  if (providers.length === 0) return 'No service provider is registered.\n';
  return textTable(
    providers.map(({ entityId, name, source, from, state, validUntil, failure }) => ({
      'entity id': entityId,
      name: name ?? '-',
      source: from === undefined ? source : `${source} ${from}`,
      state,
      'valid until': validUntil ?? '-',
      'last failure': failure ?? '-',
    })),
    ['entity id', 'name', 'source', 'state', 'valid until', 'last failure'],
  );
}

function feedTable(feeds: readonly ShownFeed[]): string {
  if (feeds.length === 0) return 'No feed of metadata is registered.\n';
  return textTable(
    feeds.map(({ name, url, pinnedKeys, entities, lastLook, failure }) => ({
      ...{ name, url },
      pinned: pinnedKeys.length > 0 ? 'yes' : 'NO',
      entities: String(entities),
      'last look': lastLook,
      'last failure': failure ?? '-',
    })),
    ['name', 'url', 'pinned', 'entities', 'last look', 'last failure'],
  );
}

function reportTable(reports: readonly RefreshReport[]): string {
  if (reports.length === 0) return 'Nothing has an address to look at.\n';
  return textTable(
    reports.map(({ source, outcome, failure }) => ({ source, outcome, reason: failure ?? '-' })),
    ['source', 'outcome', 'reason'],
  );
}
