import { attributeProviderCommands } from './attribute_provider_commands.ts';
import type { Command, CommandOption } from './command.ts';
import { samlCommands } from './saml_commands.ts';

const config: CommandOption = {
  value: 'FILE',
  help: 'configuration file (or MUSUBI_CONFIG); without one, defaults and MUSUBI_… variables',
};
const data: CommandOption = {
  value: 'DIR',
  help: 'data folder of the sandbox (or MUSUBI_DATA_FOLDER; default: ./data)',
};
const hub = {
  config,
  data: { value: 'DIR', help: 'data folder of the hub, instead of the one in the configuration' },
} as const satisfies Record<string, CommandOption>;
const recordKeys: CommandOption = {
  value: 'FILE',
  help: 'the hub’s keys, saved from its /.well-known/record-keys',
  required: true,
};
const citizenName = { name: 'NAME', help: 'the citizen’s name, which is the card’s too' } as const;

const loadClient = () => import('./client_command.ts');
const loadKeys = () => import('./keys_command.ts');
const loadCrl = () => import('./crl_command.ts');
const loadLinkage = () => import('./linkage_command.ts');
const loadPerson = () => import('./person_command.ts');
const loadStatusCheck = () => import('./status_check_command.ts');
const loadEvents = () => import('./events_command.ts');
const loadCitizen = () => import('../../adapters/sandbox/commands/citizen_command.ts');
const loadCard = () => import('../../adapters/card/card_command.ts');
const loadRecords = () => import('./records_command.ts');
const loadConfig = () => import('./config_command.ts');

/**
 * Every command of `musubi`, in the order of the help. Commands about a neighbour live with the neighbour's adapter and are
 * loaded from there when they are run.
 */
export const commands: readonly Command[] = [
  {
    path: ['serve'],
    summary: 'run the hub',
    details: 'Ends on SIGTERM or SIGINT when the requests in flight are answered.',
    options: { config },
    load: () => import('./serve_command.ts'),
  },
  {
    path: ['sandbox'],
    summary: 'run a hub with a simulated authority, card agent, relying parties and attribute providers',
    details: 'Everything is made at first start and kept in the data folder. Port 0 means any free port.',
    options: {
      data,
      port: { value: 'N', help: 'port of the hub (default 3000)' },
      'mtls-port': { value: 'N', help: 'port of the hub’s mutual-TLS listener (default 3443)' },
      'tls-port': { value: 'N', help: 'port where browsers may show a citizen’s certificate (default 3444)' },
      'authority-port': { value: 'N', help: 'port of the authority (default 3100)' },
      'agent-port': { value: 'N', help: 'port of the card agent (default 35975)' },
      'relying-party-ports': { value: 'N,N', help: 'ports of the two relying parties (default 4001,4002)' },
      'attribute-provider-ports': {
        value: 'N,N,N,N',
        help: 'ports of two insurers and two card issuers (default 4101,4102,4103,4104)',
      },
      'database-url': { value: 'URL', help: 'PostgreSQL instead of the embedded database' },
    },
    load: () => import('../../adapters/sandbox/commands/sandbox_command.ts'),
  },
  {
    path: ['sandbox', 'citizen', 'list'],
    summary: 'list the sandbox’s citizens and the state of their certificates',
    options: { data },
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'issue'],
    summary: 'register a citizen and issue a card',
    options: {
      data,
      scenario: { value: 'NAME', help: 'what has happened to the citizen, such as ordinary, card-lost, deceased' },
      municipality: { value: 'CODE', help: 'five-digit code of the municipality' },
      attributes: { value: 'FILE', help: 'the four attributes as JSON; - for standard input' },
      'label-ja': { value: 'TEXT', help: 'what the card is called in Japanese; needs --label-en' },
      'label-en': { value: 'TEXT', help: 'what the card is called in English; needs --label-ja' },
    },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'revoke'],
    summary: 'revoke a citizen’s certificates',
    options: {
      data,
      certificate: { value: 'KIND', help: 'user, signing or both (default both)' },
      device: { value: 'DEVICE', help: 'card or phone (default card)' },
      reason: {
        value: 'REASON',
        help: 'as in RFC 5280: keyCompromise, superseded, cessationOfOperation, certificateHold …',
        required: true,
      },
    },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'renew'],
    summary: 'give a citizen a new card in place of the old one',
    options: { data },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'attributes'],
    summary: 'show what the signing certificate on a citizen’s card says',
    details: 'Name, address, date of birth and sex, as the citizen types them into the form of enrolment.',
    options: { data },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'add-phone'],
    summary: 'put certificates on a citizen’s phone, beside the card',
    details:
      'The phone is another soft card, NAME-phone, with keys of its own. Its PINs are the sandbox’s. A phone that the\n' +
      'citizen had before is replaced.',
    options: { data },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'move'],
    summary: 'change a citizen’s address, which revokes the signing certificate',
    options: {
      data,
      address: { value: 'TEXT', help: 'the new address', required: true },
      municipality: { value: 'CODE', help: 'five-digit code of the new municipality' },
      'new-signing-certificate': { help: 'put a signing certificate with the new address on the card' },
    },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['sandbox', 'citizen', 'export-p12'],
    summary: 'write a citizen’s user certificate with its key to a file that a browser can import',
    details:
      'To sign in without the card agent. The passphrase may also come from MUSUBI_P12_PASSPHRASE or standard\n' +
      'input, so that no process list shows it.',
    options: {
      data,
      passphrase: { value: 'TEXT', help: 'what the file is encrypted with; - reads a line from standard input' },
      out: { value: 'FILE', help: 'the file (default NAME.p12)' },
    },
    positionals: [citizenName],
    yieldsData: true,
    load: loadCitizen,
  },
  {
    path: ['verify'],
    summary: 'explain step by step what the hub would make of a certificate, token or signed document',
    details:
      'Exit code 0 when it would be accepted, 1 when it would be refused. Says nothing of whose certificate it is; of the\n' +
      'four attributes in a signing certificate it names those that are there.',
    options: {
      ...hub,
      profile: { value: 'KIND', help: 'user or signing (default: signing for a signed document, else user)' },
      policy: { value: 'NAME', help: 'revocation policy (default: the one for relying parties that name none)' },
      origin: { value: 'ORIGIN', help: 'of a token: origin that it was signed for (default: the hub’s own)' },
      nonce: { value: 'NONCE', help: 'of a token: the challenge that it answers' },
    },
    positionals: [{ name: 'FILE', help: 'certificate (PEM, DER), token (JSON) or signed document (.p7s, DER)' }],
    yieldsData: true,
    load: () => import('./verify_command.ts'),
  },
  {
    path: ['receipt', 'verify'],
    summary: 'check a consent receipt that a person downloaded, without any hub',
    details: 'Exit code 0 when one of the keys signed it and nothing was changed since. Prints what it says.',
    options: { keys: recordKeys },
    positionals: [{ name: 'FILE', help: 'the receipt (a compact JWS)' }],
    yieldsData: true,
    load: loadRecords,
  },
  {
    path: ['history', 'verify'],
    summary: 'check that nothing was removed from a person’s history of what left, without any hub',
    details: 'Exit code 0 when the chain holds and leads to what was published.',
    options: {
      keys: recordKeys,
      heads: {
        value: 'FILE',
        help: 'what the hub published under /.well-known/disclosure-heads, fetched by whom you trust',
      },
    },
    positionals: [{ name: 'FILE', help: 'the history as the person downloaded it (JSON)' }],
    yieldsData: true,
    load: loadRecords,
  },
  {
    path: ['status-check'],
    summary: 'answer a CSV file of people for a relying party: unchanged, changed, renewed, contact needed',
    details:
      'IN has a first line with the names of its columns, of which one is sub, as the relying party knows people. OUT gets\n' +
      'the same rows with status, attributes, as_of, source and checked_at behind. OUT.part is what is written meanwhile:\n' +
      'the same command goes on where an interrupted one stopped.',
    options: {
      ...hub,
      client: { value: 'CLIENT_ID', help: 'the relying party; its registration must allow it', required: true },
    },
    positionals: [
      { name: 'IN', help: 'the file to answer' },
      { name: 'OUT', help: 'the file to write; it must not exist' },
    ],
    yieldsData: true,
    load: loadStatusCheck,
  },
  {
    path: ['status-check', 'usage'],
    summary: 'show how many questions to the authority each relying party has cost, day by day',
    options: { ...hub, days: { value: 'N', help: 'so many days, today included (default 31)' } },
    yieldsData: true,
    load: loadStatusCheck,
  },
  {
    path: ['events', 'list'],
    summary: 'list the streams of security events, and how many wait or were given up',
    options: hub,
    yieldsData: true,
    load: loadEvents,
  },
  {
    path: ['events', 'dead'],
    summary: 'list the newest events that were given up, and why',
    details: 'Ends with 1 when there are any.',
    options: hub,
    yieldsData: true,
    load: loadEvents,
  },
  {
    path: ['events', 'retry'],
    summary: 'send events once more that were given up',
    options: hub,
    positionals: [{ name: 'STREAM', help: 'of this stream only', optional: true }],
    yieldsData: true,
    load: loadEvents,
  },
  {
    path: ['migrate'],
    summary: 'bring the database’s tables up to date',
    options: { config },
    yieldsData: true,
    load: () => import('./migrate_command.ts'),
  },
  {
    path: ['client', 'add'],
    summary: 'register a relying party',
    details: 'Takes RFC 7591 metadata as JSON and prints the registered client, with its secret this once.',
    options: hub,
    positionals: [{ name: 'FILE', help: 'the metadata; - for standard input', optional: true }],
    yieldsData: true,
    load: loadClient,
  },
  { path: ['client', 'list'], summary: 'list the relying parties', options: hub, yieldsData: true, load: loadClient },
  {
    path: ['client', 'show'],
    summary: 'show a relying party’s metadata, without its secret',
    options: hub,
    positionals: [{ name: 'CLIENT_ID', help: 'its client id' }],
    yieldsData: true,
    load: loadClient,
  },
  {
    path: ['client', 'remove'],
    summary: 'remove a relying party; its tokens end with it',
    options: hub,
    positionals: [{ name: 'CLIENT_ID', help: 'its client id' }],
    yieldsData: true,
    load: loadClient,
  },
  ...samlCommands(hub),
  ...attributeProviderCommands(hub),
  { path: ['keys', 'list'], summary: 'list the signing keys', options: hub, yieldsData: true, load: loadKeys },
  {
    path: ['keys', 'rotate'],
    summary: 'make new signing keys; the old ones stay published for a while',
    options: {
      ...hub,
      purpose: { value: 'PURPOSE', help: 'oidc: keys of tokens (default); saml: the key of SAML messages' },
      overlap: {
        value: 'SECONDS',
        help: 'time between publishing a key and signing with it (default 3600; for saml 604800)',
      },
      algorithm: { value: 'ALG', help: 'ES256, RS256 or PS256 only' },
    },
    yieldsData: true,
    load: loadKeys,
  },
  {
    path: ['crl', 'status'],
    summary: 'list the revocation lists in service, how fresh each is and where it came from',
    details: 'Ends with 1 when one is missing or out of date.',
    options: hub,
    yieldsData: true,
    load: loadCrl,
  },
  {
    path: ['crl', 'import'],
    summary: 'take a revocation list from a file, as it would be taken from its address',
    details:
      'It must be signed by a pinned root, in date, and not older than the one in service, which stays otherwise.',
    options: { ...hub, anchor: { value: 'NAME', help: 'the root that signed it (default: found by its key)' } },
    positionals: [{ name: 'FILE', help: 'the list, DER, which the hub’s user must be able to read' }],
    yieldsData: true,
    load: loadCrl,
  },
  {
    path: ['linkage', 'list'],
    summary: 'list the newest certificates that were taken for a known person’s, by the authority’s word',
    options: hub,
    yieldsData: true,
    load: loadLinkage,
  },
  {
    path: ['linkage', 'undo'],
    summary: 'undo such a link: the certificate signs in no more, one that it replaced does again',
    options: hub,
    positionals: [{ name: 'CERTIFICATE', help: 'fingerprint of the certificate, as the list shows it' }],
    yieldsData: true,
    load: loadLinkage,
  },
  {
    path: ['person', 'locks'],
    summary: 'list the accounts that people have locked, by their numbers',
    options: hub,
    yieldsData: true,
    load: loadPerson,
  },
  {
    path: ['person', 'unlock'],
    summary: 'unlock an account, for a person of whom you have made sure who they are',
    options: hub,
    positionals: [{ name: 'NUMBER', help: 'the lock’s number, as the person tells it' }],
    yieldsData: true,
    load: loadPerson,
  },
  {
    path: ['person', 'reports'],
    summary: 'show the newest reports of misuse that people have sent',
    details: 'Whose each is, is not shown: people give its number when they call.',
    options: hub,
    yieldsData: true,
    load: loadPerson,
  },
  {
    path: ['card', 'list'],
    summary: 'list the soft cards and the tries that their PINs have left',
    options: { data, cards: { value: 'DIR', help: 'folder of the cards (default: cards in the data folder)' } },
    yieldsData: true,
    load: loadCard,
  },
  {
    path: ['card', 'sign'],
    summary: 'sign a challenge with a soft card and print the token that the sign-in page would get',
    details: 'The PIN may also come from MUSUBI_CARD_PIN or standard input, so that no process list shows it.',
    options: {
      data,
      cards: { value: 'DIR', help: 'folder of the cards (default: cards in the data folder)' },
      card: { value: 'NAME', help: 'name of the card', required: true },
      pin: { value: 'PIN', help: 'PIN of the user certificate; - reads a line from standard input' },
      origin: { value: 'ORIGIN', help: 'origin of the page that asks', required: true },
      nonce: { value: 'NONCE', help: 'the challenge, as the page shows it', required: true },
    },
    yieldsData: true,
    load: loadCard,
  },
  {
    path: ['card', 'sign-document'],
    summary: 'sign a file with the signing certificate of a soft card (CMS, CAdES-BES)',
    details:
      'The signed document has the file’s content inside. The password may also come from MUSUBI_CARD_PASSWORD or\n' +
      'standard input, so that no process list shows it. One that is not 6 to 16 letters and digits costs no try; the\n' +
      'fifth wrong one blocks the signing key.',
    options: {
      data,
      cards: { value: 'DIR', help: 'folder of the cards (default: cards in the data folder)' },
      card: { value: 'NAME', help: 'name of the card', required: true },
      password: { value: 'PASSWORD', help: 'of the signing certificate; - reads a line from standard input' },
      out: { value: 'FILE', help: 'the signed document, DER (default: FILE.p7s)' },
    },
    positionals: [{ name: 'FILE', help: 'what to sign, up to 192 KiB' }],
    yieldsData: true,
    load: loadCard,
  },
  {
    path: ['config', 'check'],
    summary: 'tell every mistake in a configuration',
    options: { config },
    yieldsData: true,
    load: loadConfig,
  },
  {
    path: ['config', 'describe'],
    summary: 'describe every setting',
    options: {},
    yieldsData: true,
    load: loadConfig,
  },
];
