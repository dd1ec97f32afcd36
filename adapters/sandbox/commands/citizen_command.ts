import { createPrivateKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type CommandHandler,
  type CommandLineIo,
  type Invocation,
  UsageError,
} from '../../../provider/command_line/command.ts';
import { sandboxDataFolder } from '../../../provider/command_line/data_folder.ts';
import { printData, readInput, readJson, textTable } from '../../../provider/command_line/input_output.ts';
import { HubError } from '../../../provider/errors.ts';
import { readFourAttributes } from '../../../provider/identity/four_attributes.ts';
import { isoDate } from '../../../provider/identity/registered_attributes.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';
import { readSoftCardFile } from '../authority/card_folder.ts';
import {
  type AuthorityClient,
  addPhone,
  authorityClient,
  issue,
  list,
  move,
  renew,
  revoke,
} from '../authority/citizen_commands.ts';
import { encodePkcs12 } from '../pki/pkcs12.ts';

type Citizen = Awaited<ReturnType<typeof issue>>;

/** `musubi sandbox citizen list|issue|revoke|renew|add-phone|move|attributes|export-p12`, whether the sandbox runs or not. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command.at(-1) === 'export-p12') return exportPkcs12(io, invocation);
  if (invocation.command.at(-1) === 'attributes') return showAttributes(io, invocation);
  const client = authorityClient({ dataFolder: sandboxDataFolder(io, invocation) });
  const action = invocation.command.at(-1);
  if (action === 'list') printData(io, invocation, await list(client), citizenTable);
  else printData(io, invocation, await change(client, action, io, invocation), (citizen) => citizenTable([citizen]));
  return 0;
};

/** The authority checks every value; a cast below only carries what was typed to that check. */
async function change(
  client: AuthorityClient,
  action: string | undefined,
  io: CommandLineIo,
  { values, switches, positionals }: Invocation,
): Promise<Citizen> {
  const [name = ''] = positionals; // required by the table of commands
  const { municipality } = values;
  switch (action) {
    case 'issue':
      return issue(client, {
        name,
        municipality,
        scenario: values.scenario as Parameters<typeof issue>[1]['scenario'],
        label: labelOf(values),
        attributes:
          values.attributes === undefined
            ? undefined
            : ((await readJson(io, values.attributes)) as Parameters<typeof issue>[1]['attributes']),
      });
    case 'revoke':
      return revoke(client, {
        name,
        certificate: (values.certificate ?? 'both') as Parameters<typeof revoke>[1]['certificate'],
        device: values.device as Parameters<typeof revoke>[1]['device'],
        reason: values.reason as Parameters<typeof revoke>[1]['reason'],
      });
    case 'renew':
      return renew(client, { name });
    case 'add-phone':
      return addPhone(client, { name });
    default:
      return move(client, {
        name,
        municipality,
        address: values.address ?? '',
        newSigningCertificate: switches.has('new-signing-certificate'),
      });
  }
}

/** What the signing certificate on the card says: what the citizen types into a form of enrolment. */
async function showAttributes(io: CommandLineIo, invocation: Invocation): Promise<number> {
  const [name = ''] = invocation.positionals; // required by the table of commands
  const { signing } = await readSoftCardFile(join(sandboxDataFolder(io, invocation), 'cards'), name);
  if (signing === null) throw new HubError('certificate_none', 409, 'The card has no signing certificate.');
  const attributes = readFourAttributes(parseCertificate(Buffer.from(signing.certificate, 'base64')));
  const { birthdate, gender } = attributes;
  const shown = {
    name: attributes.name?.text ?? '',
    address: attributes.address?.text ?? '',
    birthdate: (birthdate && isoDate(birthdate)) ?? '',
    gender: gender ?? '',
  };
  printData(io, invocation, shown, () => textTable([shown], Object.keys(shown)));
  return 0;
}

/** A passphrase outside printable ASCII is encoded in two ways by the programs that read such files. */
const PASSPHRASE = /^[ -~]{4,100}$/;

async function exportPkcs12(io: CommandLineIo, invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const [name = ''] = positionals; // required by the table of commands
  const typed = values.passphrase ?? io.environment.MUSUBI_P12_PASSPHRASE;
  const passphrase = typed === '-' ? ((await readInput(io)).split(/\r?\n/)[0] ?? '') : typed;
  if (passphrase === undefined || !PASSPHRASE.test(passphrase)) {
    throw new UsageError(
      'a passphrase of 4 to 100 ASCII characters is needed: --passphrase TEXT, --passphrase - for standard input, or MUSUBI_P12_PASSPHRASE',
    );
  }
  const { user, label } = await readSoftCardFile(join(sandboxDataFolder(io, invocation), 'cards'), name);
  const file = resolve(io.workingFolder, values.out ?? `${name}.p12`);
  const pkcs12 = encodePkcs12({
    certificate: Buffer.from(user.certificate, 'base64'),
    privateKey: createPrivateKey(user.privateKey),
    name: `${name} (${label.en})`,
    passphrase,
  });
  await writeFile(file, pkcs12, { mode: 0o600 });
  printData(io, invocation, { file }, () => `${file}\n`);
  return 0;
}

function labelOf(values: Invocation['values']): { ja: string; en: string } | undefined {
  const { 'label-ja': ja, 'label-en': en } = values;
  if (ja === undefined && en === undefined) return undefined;
  if (ja === undefined || en === undefined) throw new UsageError('--label-ja and --label-en belong together');
  return { ja, en };
}

function citizenTable(citizens: readonly Citizen[]): string {
  const state = (certificate: Citizen['signing']) => {
    if (!certificate) return '-';
    return certificate.reason ? `${certificate.condition} (${certificate.reason})` : certificate.condition;
  };
  return textTable(
    citizens.map(({ name, label, user, signing, phone }) => ({
      name,
      user: state(user),
      signing: state(signing),
      phone: phone ? state(phone.user) : '-',
      'valid until': user.notAfter.slice(0, 10),
      label: `${label.ja} / ${label.en}`,
    })),
    ['name', 'user', 'signing', 'phone', 'valid until', 'label'],
  );
}
