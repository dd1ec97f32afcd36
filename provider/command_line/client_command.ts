import type { ClientMetadata } from '../oidc/clients.ts';
import type { CommandHandler } from './command.ts';
import { askHub } from './hub_commands.ts';
import { printData, readJson, textTable } from './input_output.ts';

/** `musubi client add|list|show|remove`, whether the hub runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  const [argument] = invocation.positionals;
  switch (invocation.command[1]) {
    case 'add': {
      const registered = await askHub(io, invocation, 'client.add', await readJson(io, argument));
      printData(io, invocation, registered, asJson);
      break;
    }
    case 'list':
      printData(io, invocation, await askHub(io, invocation, 'client.list', {}), table);
      break;
    case 'show':
      printData(io, invocation, await askHub(io, invocation, 'client.show', { clientId: argument }), asJson);
      break;
    default:
      await askHub(io, invocation, 'client.remove', { clientId: argument });
      printData(io, invocation, { removed: argument }, () => `Removed ${argument}.\n`);
  }
  return 0;
};

/** RFC 7591 answers are JSON for people too: they are pasted into configurations. */
function asJson(client: ClientMetadata): string {
  return `${JSON.stringify(client, null, 2)}\n`;
}

function table(clients: readonly ClientMetadata[]): string {
  return textTable(
    clients.map((client) => ({
      'client id': String(client.client_id),
      name: String(client.client_name ?? '-'),
      authentication: String(client.token_endpoint_auth_method),
      pkce: client.require_pkce === false ? 'EXEMPTED' : 'required',
      'redirect uris': (client.redirect_uris as string[] | undefined)?.join(' ') ?? '-',
    })),
    ['client id', 'name', 'authentication', 'pkce', 'redirect uris'],
  );
}
