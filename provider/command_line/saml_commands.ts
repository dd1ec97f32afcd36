import type { Command, CommandOption } from './command.ts';

const load = () => import('./saml_command.ts');

/** What an operator decides about a service provider, by `add`, `set` and for all of a feed. */
const settings: Readonly<Record<string, CommandOption>> = {
  sector: {
    value: 'HOST',
    help: 'give it the identifiers of this organisation’s OIDC clients, not its own; "" ends it',
  },
  encrypt: { value: 'WHEN', help: 'encrypt assertions when-possible (default), always or never' },
  'require-signed': { value: 'YES', help: 'yes refuses requests without signature, whatever its metadata says' },
  'idp-initiated': { value: 'YES', help: 'yes lets people enter it from a link of the hub' },
  attributes: { value: 'PROFILE', help: 'how attributes are named to it: uri (default), basic or eidas' },
  claims: { value: 'NAMES', help: 'claims that it gets beside those that its metadata requests, with commas between' },
  freshness: {
    value: 'AGES',
    help: 'how old claims of providers may be: CLAIM=SECONDS, with commas between; "" takes any',
  },
  'purpose-ja': { value: 'TEXT', help: 'why it wants them, for the consent page, in Japanese; "" removes it' },
  'purpose-en': { value: 'TEXT', help: 'the same in English' },
  'revocation-policy': { value: 'NAME', help: 'revocation policy of its sign-ins; "" goes back to the default' },
};
const pin: CommandOption = { value: 'FILE', help: 'certificate (PEM) of which the key must have signed the metadata' };
const entity = { name: 'ENTITY_ID', help: 'its entity id' } as const;
const feedName = { name: 'NAME', help: 'the feed’s name: a-z, 0-9 and -' } as const;

/**
 * `musubi saml …`: the register of SAML service providers.
 *
 * @param hub options by which a command finds its hub
 */
export function samlCommands(hub: Readonly<Record<string, CommandOption>>): readonly Command[] {
  return [
    {
      path: ['saml', 'add'],
      summary: 'register a SAML service provider by its metadata',
      details:
        'An https address is looked at again and again, so that new keys and addresses are taken over; a file stays as it\n' +
        'is until the newer one is added.',
      options: {
        ...hub,
        entity: { value: 'ENTITY_ID', help: 'which one, where the metadata is about several' },
        mdq: {
          value: 'FORM',
          help: 'SOURCE is a metadata query service, asked for --entity as it is (plain) or by sha1',
        },
        pin,
        ...settings,
      },
      positionals: [{ name: 'SOURCE', help: 'a file, - for standard input, or an address' }],
      yieldsData: true,
      load,
    },
    { path: ['saml', 'list'], summary: 'list the SAML service providers', options: hub, yieldsData: true, load },
    {
      path: ['saml', 'show'],
      summary: 'show what is known and decided about a SAML service provider',
      options: hub,
      positionals: [entity],
      yieldsData: true,
      load,
    },
    {
      path: ['saml', 'set'],
      summary: 'decide something else about a SAML service provider',
      details: 'What is not among the options stays as it is. Another sector gives everybody another identifier there.',
      options: { ...hub, ...settings },
      positionals: [entity],
      yieldsData: true,
      load,
    },
    {
      path: ['saml', 'refresh'],
      summary: 'look at metadata now and not by its schedule',
      details: 'Ends with 1 when a look failed: what was known before stays in use until it expires.',
      options: { ...hub, feed: { value: 'NAME', help: 'a feed' } },
      positionals: [
        { name: 'ENTITY_ID', help: 'one service provider (default: everything with an address)', optional: true },
      ],
      yieldsData: true,
      load,
    },
    {
      path: ['saml', 'remove'],
      summary: 'remove a SAML service provider: nobody is signed in to it any more',
      options: hub,
      positionals: [entity],
      yieldsData: true,
      load,
    },
    {
      path: ['saml', 'feed', 'add'],
      summary: 'register whoever fits of a federation’s metadata, for as long as they stand in it',
      details:
        'Of each list that is given one must fit; without any, every service provider comes. The settings are those that\n' +
        'they begin with.',
      options: {
        ...hub,
        pin,
        entities: { value: 'IDS', help: 'entity ids, with commas between' },
        'registration-authorities': { value: 'IDS', help: 'who registered them (mdrpi), with commas between' },
        'entity-categories': { value: 'IDS', help: 'entity categories (RFC 8409), with commas between' },
        ...settings,
      },
      positionals: [feedName, { name: 'URL', help: 'its address' }],
      yieldsData: true,
      load,
    },
    { path: ['saml', 'feed', 'list'], summary: 'list the feeds of metadata', options: hub, yieldsData: true, load },
    {
      path: ['saml', 'feed', 'remove'],
      summary: 'remove a feed with everybody who came from it',
      options: hub,
      positionals: [feedName],
      yieldsData: true,
      load,
    },
  ];
}
