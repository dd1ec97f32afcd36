import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfiguration } from '../../../config/load.ts';
import { markAsSandbox } from '../../../config/sandbox_marker.ts';
import {
  type CommandHandler,
  type CommandLineIo,
  type Invocation,
  UsageError,
} from '../../../provider/command_line/command.ts';
import { sandboxDataFolder } from '../../../provider/command_line/data_folder.ts';
import { runHub } from '../../../provider/command_line/run_hub.ts';
import { systemClock } from '../../../provider/world.ts';
import { writeFileAtomically } from '../authority/write_file.ts';
import { freePorts } from '../free_ports.ts';
import type { SandboxPorts } from '../hub_settings.ts';
import { createMailFolder } from '../mail_folder.ts';
import { DEFAULT_PORTS, startSandbox } from '../sandbox.ts';
import { endWithNpm } from './end_with_npm.ts';

/** `musubi sandbox`, which is `npm start`: a hub and everybody it needs, on this machine alone. */
export const run: CommandHandler = async (io, invocation) => {
  const dataFolder = sandboxDataFolder(io, invocation);
  const ports = await readPorts(invocation);
  markAsSandbox(dataFolder);
  io.stdout.write('Musubi sandbox is starting; the first start makes keys and takes a little longer.\n');

  const sandbox = await startSandbox({ dataFolder, ports, clock: systemClock });
  try {
    const settings = { ...sandbox.settings, ...databaseOf(invocation) };
    await saveSettings(dataFolder, settings);
    const mailFolder = join(dataFolder, 'sandbox', 'mail');
    const config = loadConfiguration({ values: settings, environment: overrides(io) });
    const running = await runHub(config, { mail: createMailFolder(mailFolder) });
    endWithNpm(io.environment, () => running.stop());
    try {
      const sites = await sandbox.startRelyingParties({ issuer: running.hub.issuer, clients: running.hub.clients });
      const { issuer, attributeProviders } = running.hub;
      await sandbox.startAttributeProviders({ issuer, attributeProviders });
      io.stdout.write(welcome(running.hub.issuer, sites, { dataFolder, mailFolder }));
    } catch (error) {
      await running.stop();
      throw error;
    }
    return await running.ended;
  } finally {
    await sandbox.stop();
  }
};

function welcome(
  issuer: string,
  sites: { clinic: string; shop: string },
  { dataFolder, mailFolder }: { dataFolder: string; mailFolder: string },
): string {
  return `
Musubi is ready. Open a relying party and sign in with a card:

  ${sites.clinic}   a clinic
  ${sites.shop}   a shop: the same person is somebody else there

Cards: taro, ichiro and others; the PIN of each is 1234.
Hub:   ${issuer}   (discovery: ${issuer}/.well-known/openid-configuration)
Data:  ${dataFolder}
Mail:  ${mailFolder}   (what the hub writes to people, where no mail server is set)
Stop with Ctrl-C. More: npx musubi --help
`;
}

/** So that commands find the hub's settings when the sandbox does not run. */
async function saveSettings(dataFolder: string, settings: Record<string, unknown>): Promise<void> {
  await mkdir(join(dataFolder, 'sandbox'), { recursive: true, mode: 0o700 });
  await writeFileAtomically(join(dataFolder, 'sandbox', 'hub.json'), `${JSON.stringify(settings, null, 2)}\n`);
}

function databaseOf({ values }: Invocation): Record<string, unknown> {
  const url = values['database-url'];
  return url === undefined ? {} : { database: { kind: 'postgresql', url } };
}

/** Every MUSUBI_ variable but the data folder's, which the sandbox has used already. */
function overrides(io: CommandLineIo): Record<string, string | undefined> {
  const { MUSUBI_DATA_FOLDER: _used, ...others } = io.environment;
  return others;
}

/** @throws UsageError */
async function readPorts({ values }: Invocation): Promise<SandboxPorts> {
  const [clinic, shop, ...more] = values['relying-party-ports']?.split(',') ?? [];
  if (more.length > 0) throw new UsageError('--relying-party-ports takes two ports');
  const listed = values['attribute-provider-ports']?.split(',');
  // Whoever chooses ports, and knew of three providers, is not to be given the default of the fourth.
  const [kenpo, kokuho, card, points = listed && '0', ...rest] = listed ?? [];
  if (rest.length > 0) throw new UsageError('--attribute-provider-ports takes four ports');
  const wanted: SandboxPorts = {
    hub: portOf('port', values.port, DEFAULT_PORTS.hub),
    mutualTls: portOf('mtls-port', values['mtls-port'], DEFAULT_PORTS.mutualTls),
    signInTls: portOf('tls-port', values['tls-port'], DEFAULT_PORTS.signInTls),
    authority: portOf('authority-port', values['authority-port'], DEFAULT_PORTS.authority),
    cardAgent: portOf('agent-port', values['agent-port'], DEFAULT_PORTS.cardAgent),
    clinic: portOf('relying-party-ports', clinic, DEFAULT_PORTS.clinic),
    shop: portOf('relying-party-ports', shop, DEFAULT_PORTS.shop),
    kenpo: portOf('attribute-provider-ports', kenpo, DEFAULT_PORTS.kenpo),
    kokuho: portOf('attribute-provider-ports', kokuho, DEFAULT_PORTS.kokuho),
    card: portOf('attribute-provider-ports', card, DEFAULT_PORTS.card),
    points: portOf('attribute-provider-ports', points, DEFAULT_PORTS.points),
  };
  // Addresses are in settings and registrations before anybody listens: a free port is chosen now.
  const free = await freePorts(Object.keys(wanted).length);
  return Object.fromEntries(
    Object.entries(wanted).map(([name, port], index) => [name, port === 0 ? free[index] : port]),
  ) as unknown as SandboxPorts; // the same keys as `wanted`
}

function portOf(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new UsageError(`--${option} is no port number: ${text}`);
  return Number(text);
}
