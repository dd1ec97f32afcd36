import type { Command, CommandOption } from './command.ts';

const load = () => import('./attribute_provider_command.ts');

const id = { name: 'ID', help: 'the provider’s id' } as const;
const claims = { name: 'CLAIMS', help: 'names of the catalogue, with commas between' } as const;
const end: CommandOption = { help: 'take it back' };

/**
 * `musubi attribute-provider …`: the register of insurers, card issuers and the like, and who offers and accepts what.
 *
 * @param hub options by which a command finds its hub
 */
export function attributeProviderCommands(hub: Readonly<Record<string, CommandOption>>): readonly Command[] {
  const path = (verb: string) => ['attribute-provider', verb];
  return [
    {
      path: path('add'),
      summary: 'register an attribute provider',
      details: 'What stands in the file is described in docs/attribute-providers.md. What it offers is said by offer.',
      options: hub,
      positionals: [{ name: 'FILE', help: 'its registration as JSON; - for standard input' }],
      yieldsData: true,
      load,
    },
    { path: path('list'), summary: 'list the attribute providers', options: hub, yieldsData: true, load },
    {
      path: path('show'),
      summary: 'show the registration of an attribute provider',
      options: hub,
      positionals: [id],
      yieldsData: true,
      load,
    },
    {
      path: path('set'),
      summary: 'change the registration of an attribute provider',
      details: 'What is not in the file stays as it is. One that is not active is asked nothing.',
      options: { ...hub, active: { value: 'YES', help: 'no stops every question to it, yes begins again' } },
      positionals: [id, { name: 'FILE', help: 'what is to be different, as JSON', optional: true }],
      yieldsData: true,
      load,
    },
    {
      path: path('remove'),
      summary: 'remove an attribute provider, with its offers and all memberships',
      options: hub,
      positionals: [id],
      yieldsData: true,
      load,
    },
    {
      path: path('offer'),
      summary: 'say that an attribute provider may be asked for claims',
      options: { ...hub, end },
      positionals: [id, claims],
      yieldsData: true,
      load,
    },
    {
      path: path('accept'),
      summary: 'say that a relying party may be told claims of attribute providers',
      options: { ...hub, end },
      positionals: [{ name: 'CLIENT_ID', help: 'its client id or entity id' }, claims],
      yieldsData: true,
      load,
    },
    {
      path: path('table'),
      summary: 'list who holds, offers and accepts what',
      options: hub,
      yieldsData: true,
      load,
    },
  ];
}
