import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { encryptionKeyProblem, isSandboxEncryptionKey } from './encryption_key.ts';
import { isMarkedAsSandbox } from './sandbox_marker.ts';
import type { PartialSettings } from './schema.ts';
import { isLoopbackHost } from './value_kinds.ts';

/** One mistake: where it is, what is wrong, and what to write instead. */
export interface Fault {
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/**
 * A rule between settings, or between a setting and the disk. It sees only the values that are valid by themselves, so
 * that a mistake in one place does not hide the mistakes in all others.
 */
type Rule = (settings: PartialSettings) => readonly Fault[];

/** Roots of these organisations never vouch for anybody in production (JPKI's own tests, and our sandbox). */
const TEST_ORGANIZATIONS = ['JPKI-TEST', 'Musubi Sandbox'];
const MAX_CERTIFICATE_FILE_BYTES = 1_048_576;
const MAX_LINKAGE_FILE_BYTES = 65_536;

/** Asked in every mode. */
const RULES: readonly Rule[] = [
  postgresqlHasAddress,
  anchorNamesAreUnique,
  otherCommunitiesUseThePlainProfile,
  revocationNamesKnownAnchors,
  revocationPoliciesAreWhole,
  acrValuesNameKnownPolicies,
  mutualTlsHasItsOwnOrigin,
  tlsFilesAreReadable,
  clientCertificateHasItsKey,
  anchorFilesAreReadable,
  signInTlsHasItsOwnOrigin,
  signInTlsEndsInOnePlace,
  signInTlsHasRootsToName,
  signInTlsProxiesAreNotEverybody,
  linkageFilesAreReadable,
  mailIsUnderTlsOrLocal,
  mailUserHasPassword,
  mailFilesAreReadable,
];

/** Asked in production only. */
const PRODUCTION_RULES: readonly Rule[] = [
  publicUrlsAreHttps,
  encryptionKeyIsGivenAndReal,
  dataFolderIsNotTheSandboxs,
  embeddedDatabaseIsAccepted,
  anchorsAreGiven,
  profileIsNotForTests,
  anchorsAreNotForTests,
  revocationCanBeAsked,
  cardAgentsAreHttpsOrLocal,
  relyingPartiesAreNotOnLoopback,
  outboundIsHttps,
  linkageIsHttps,
];

export function applyRules(settings: PartialSettings): Fault[] {
  const rules = settings.mode === 'production' ? [...RULES, ...PRODUCTION_RULES] : RULES;
  return rules.flatMap((rule) => rule(settings));
}

function postgresqlHasAddress({ database }: PartialSettings): Fault[] {
  if (database?.kind !== 'postgresql' || database.url) return [];
  return [fault('database.url', 'is missing, though database.kind is postgresql', 'write a connection string')];
}

function anchorNamesAreUnique({ trust }: PartialSettings): Fault[] {
  const names = [...(trust?.anchors ?? []), ...(trust?.intermediates ?? [])].map(({ name }) => name);
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...repeated].map((name) =>
    fault('trust.anchors', `has several roots named "${name}"`, 'give each root and intermediate a name of its own'),
  );
}

/** The roots of JPKI sign people's certificates themselves, and its profiles say which policies. */
function otherCommunitiesUseThePlainProfile({ trust }: PartialSettings): Fault[] {
  const { anchors = [], intermediates = [], policies = [], phonePolicies = [], profile } = trust ?? {};
  const phones =
    phonePolicies.length > 0 && (profile === 'plain' || profile === 'jpki-test')
      ? [fault('trust.phonePolicies', `is given, though the profile ${profile} takes none`, 'leave it out')]
      : [];
  if (profile === 'plain') {
    const signing = anchors.flatMap(({ kind }, index) =>
      kind === 'signing'
        ? [fault(`trust.anchors[${index}].kind`, 'is signing, which the profile plain does not know', 'write user')]
        : [],
    );
    return [...signing, ...phones];
  }
  const remedy = 'leave it out, or write plain for trust.profile';
  return [
    ...phones,
    ...(intermediates.length > 0
      ? [fault('trust.intermediates', 'is given, though the profile allows none', remedy)]
      : []),
    ...(policies.length > 0 ? [fault('trust.policies', 'is given, though the profile has its own', remedy)] : []),
  ];
}

function profileIsNotForTests({ trust }: PartialSettings): Fault[] {
  if (trust?.profile !== 'jpki-test') return [];
  return [fault('trust.profile', 'is jpki-test, which is for tests only', 'write jpki or plain')];
}

function revocationNamesKnownAnchors({ trust, revocation }: PartialSettings): Fault[] {
  const known = new Set(authoritiesOf(trust).map(({ name }) => name));
  return (['lists', 'responders'] as const).flatMap((kind) =>
    (revocation?.[kind] ?? []).flatMap(({ anchor }, index) =>
      known.has(anchor)
        ? []
        : [
            fault(
              `revocation.${kind}[${index}].anchor`,
              `names "${anchor}", which is no root or intermediate of trust`,
              known.size > 0 ? `write one of ${[...known].join(', ')}` : 'add the root to trust.anchors',
            ),
          ],
    ),
  );
}

function revocationPoliciesAreWhole({ revocation }: PartialSettings): Fault[] {
  const policies = revocation?.policies ?? [];
  return policies.flatMap(({ name, sources }, index) => {
    const path = `revocation.policies[${index}]`;
    return [
      ...(policies.findIndex((other) => other.name === name) < index
        ? [fault(`${path}.name`, `is "${name}", as another policy’s`, 'give each policy a name of its own')]
        : []),
      ...(sources.length === 0 || new Set(sources).size < sources.length
        ? [fault(`${path}.sources`, 'is empty or names a source twice', 'write crl, ocsp or both')]
        : []),
    ];
  });
}

function acrValuesNameKnownPolicies({ revocation }: PartialSettings): Fault[] {
  const { policies, policyByAcr = [] } = revocation ?? {};
  if (!policies) return [];
  const known = ['default', ...policies.map(({ name }) => name)];
  return policyByAcr.flatMap(({ acr, policy }, index) => {
    const path = `revocation.policyByAcr[${index}]`;
    return [
      ...(policyByAcr.findIndex((other) => other.acr === acr) < index
        ? [fault(`${path}.acr`, 'is listed twice', 'give each acr value one policy')]
        : []),
      ...(known.includes(policy)
        ? []
        : [fault(`${path}.policy`, `names "${policy}", which is no policy`, `write one of ${known.join(', ')}`)]),
    ];
  });
}

function mutualTlsHasItsOwnOrigin({ publicUrl, mutualTls }: PartialSettings): Fault[] {
  if (!mutualTls?.publicUrl || mutualTls.publicUrl !== publicUrl) return [];
  const problem = 'is the same as publicUrl, where browsers would be asked for a client certificate';
  return [fault('mutualTls.publicUrl', problem, 'write another host name or port')];
}

function tlsFilesAreReadable({ mutualTls, signIn, attributes }: PartialSettings): Fault[] {
  const { clientCertificate } = attributes ?? {};
  const files = [
    ['attributes.clientCertificate.certificateFile', clientCertificate?.certificateFile] as const,
    ['attributes.clientCertificate.keyFile', clientCertificate?.keyFile] as const,
    ['signIn.tls.certificateFile', signIn?.tls?.certificateFile] as const,
    ['signIn.tls.keyFile', signIn?.tls?.keyFile] as const,
    ['mutualTls.certificateFile', mutualTls?.certificateFile] as const,
    ['mutualTls.keyFile', mutualTls?.keyFile] as const,
    ...(mutualTls?.clientAuthorityFiles ?? []).map(
      (file, i) => [`mutualTls.clientAuthorityFiles[${i}]`, file] as const,
    ),
  ];
  return files.flatMap(([path, file]) =>
    file === undefined || isReadableFile(file)
      ? []
      : [fault(path, `names ${file}, which cannot be read`, 'write the path of a PEM file')],
  );
}

function clientCertificateHasItsKey({ attributes }: PartialSettings): Fault[] {
  const { certificateFile, keyFile } = attributes?.clientCertificate ?? {};
  if (!certificateFile || !keyFile || !isReadableFile(certificateFile) || !isReadableFile(keyFile)) return [];
  try {
    createSecureContext({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) });
    return [];
  } catch {
    const problem = 'names a file that holds no private key, in PEM, of the certificate in certificateFile';
    return [fault('attributes.clientCertificate.keyFile', problem, 'write the path of the key without passphrase')];
  }
}

function anchorFilesAreReadable({ trust }: PartialSettings): Fault[] {
  return authoritiesOf(trust).flatMap(({ path, file }) =>
    readCertificate(file)
      ? []
      : [
          fault(
            `${path}.file`,
            `names ${file}, which holds no readable certificate`,
            'write the path of one certificate, PEM or DER',
          ),
        ],
  );
}

interface ConfiguredAuthority {
  readonly path: string;
  readonly name: string;
  readonly file: string;
  readonly kind: 'user' | 'signing';
}

/** Roots and those below them. */
function authoritiesOf(trust: PartialSettings['trust']): ConfiguredAuthority[] {
  return [
    ...(trust?.anchors ?? []).map((anchor, index) => ({ path: `trust.anchors[${index}]`, ...anchor })),
    ...(trust?.intermediates ?? []).map((each, index) => {
      return { path: `trust.intermediates[${index}]`, kind: 'user' as const, ...each };
    }),
  ];
}

function signInTlsHasItsOwnOrigin({ publicUrl, mutualTls, signIn }: PartialSettings): Fault[] {
  const own = signIn?.tls?.publicUrl;
  if (own === undefined) return [];
  if (own.startsWith('http:')) return [fault('signIn.tls.publicUrl', 'is plain http', 'write an https origin')];
  const other = own === publicUrl ? 'publicUrl' : own === mutualTls?.publicUrl ? 'mutualTls.publicUrl' : undefined;
  if (!other) return [];
  return [
    fault('signIn.tls.publicUrl', `is the same as ${other}, which is for others`, 'write another host name or port'),
  ];
}

function signInTlsEndsInOnePlace({ signIn }: PartialSettings): Fault[] {
  const tls = signIn?.tls;
  if (!tls?.proxies) return [];
  const { certificateFile, keyFile, proxies } = tls;
  const remedy = 'write certificateFile and keyFile for the hub to end TLS, or proxies for a reverse proxy to do so';
  if (proxies.length > 0 && (certificateFile ?? keyFile) !== undefined) {
    return [fault('signIn.tls', 'has a certificate of its own and proxies, too', remedy)];
  }
  if (proxies.length > 0 || (certificateFile !== undefined && keyFile !== undefined)) return [];
  return [fault('signIn.tls', 'does not say where TLS ends', remedy)];
}

/** Without a list of acceptable authorities a browser would offer every certificate that it has. */
function signInTlsHasRootsToName({ signIn, trust }: PartialSettings): Fault[] {
  if (!signIn?.tls || !trust?.anchors || trust.anchors.some(({ kind }) => kind === 'user')) return [];
  const problem = 'has no root of kind user, though signIn.tls asks for certificates of such roots';
  return [fault('trust.anchors', problem, 'list the authority’s roots')];
}

function signInTlsProxiesAreNotEverybody({ signIn }: PartialSettings): Fault[] {
  return (signIn?.tls?.proxies ?? []).flatMap((proxy, index) =>
    /\/0+$/.test(proxy)
      ? [fault(`signIn.tls.proxies[${index}]`, 'is everybody, who could then be anybody', 'list the proxies alone')]
      : [],
  );
}

function publicUrlsAreHttps({ publicUrl, mutualTls }: PartialSettings): Fault[] {
  const urls = [
    ['publicUrl', publicUrl],
    ['mutualTls.publicUrl', mutualTls?.publicUrl],
  ] as const;
  return urls.flatMap(([path, url]) =>
    url?.startsWith('http:') ? [fault(path, 'is plain http', 'write an https origin')] : [],
  );
}

function encryptionKeyIsGivenAndReal({ encryptionKeyFile: file }: PartialSettings): Fault[] {
  const path = 'encryptionKeyFile';
  if (file === undefined) {
    return [fault(path, 'is missing', 'write the path of a file made with `openssl rand -base64 32`')];
  }
  const problem = encryptionKeyProblem(file);
  if (problem) {
    return [
      fault(path, `names a file that ${problem}`, 'write the path of a file made with `openssl rand -base64 32`'),
    ];
  }
  if (!isSandboxEncryptionKey(file)) return [];
  return [fault(path, 'names a key that the sandbox made', 'make a new one with `openssl rand -base64 32`')];
}

function dataFolderIsNotTheSandboxs({ dataFolder }: PartialSettings): Fault[] {
  if (dataFolder === undefined || !isMarkedAsSandbox(dataFolder)) return [];
  return [fault('dataFolder', 'names a folder that the sandbox made', 'write the path of a new folder')];
}

function embeddedDatabaseIsAccepted({ database }: PartialSettings): Fault[] {
  if (database?.kind !== 'embedded' || database.acceptEmbedded) return [];
  return [
    fault(
      'database.kind',
      'is embedded, which loses the latest writes when the power fails and serves one process only',
      'write postgresql, or set database.acceptEmbedded to true if that is enough',
    ),
  ];
}

function anchorsAreGiven({ trust }: PartialSettings): Fault[] {
  if (!trust?.anchors || trust.anchors.some(({ kind }) => kind === 'user')) return [];
  return [fault('trust.anchors', 'has no root of kind user, so nobody could sign in', 'list the authority’s roots')];
}

function anchorsAreNotForTests({ trust }: PartialSettings): Fault[] {
  return authoritiesOf(trust).flatMap(({ path, file }) => {
    const certificate = readCertificate(file);
    const organizations = certificate?.toLegacyObject().subject.O ?? [];
    const test = [organizations].flat().find((organization) => TEST_ORGANIZATIONS.includes(organization));
    if (!test) return [];
    return [fault(`${path}.file`, `is a root of ${test}, which is for tests only`, 'pin the authority’s own root')];
  });
}

function revocationCanBeAsked({ revocation, trust }: PartialSettings): Fault[] {
  const { sources, policies, lists, responders, ocspHosts, listHosts } = revocation ?? {};
  if (!sources || !policies || !lists || !responders || !ocspHosts || !listHosts) return [];
  if (sources.length === 0) {
    return [fault('revocation.sources', 'is empty, so that nobody could sign in', 'write crl, ocsp or both')];
  }
  const byResponder = ocspHosts.length > 0 ? undefined : new Set(responders.map(({ anchor }) => anchor));
  const byList = listHosts.length > 0 ? undefined : new Set(lists.map(({ anchor }) => anchor));
  const canAsk = (channels: readonly string[], anchor: string) =>
    (channels.includes('crl') && (byList === undefined || byList.has(anchor))) ||
    (channels.includes('ocsp') && (byResponder === undefined || byResponder.has(anchor)));
  const remedy = 'add the root’s address to revocation.lists or revocation.responders';
  return authoritiesOf(trust).flatMap(({ name, kind }) => {
    const isDefaultReplaced = policies.some((policy) => policy.name === 'default');
    const problem = `has neither a list nor a responder for "${name}" in the channels of`;
    return [
      ...(isDefaultReplaced || canAsk(sources, name)
        ? []
        : [fault('revocation', `${problem} revocation.sources`, remedy)]),
      ...policies
        .filter((policy) => kind === 'user' && !canAsk(policy.sources, name))
        .map((policy) => fault('revocation', `${problem} the policy "${policy.name}"`, remedy)),
    ];
  });
}

function linkageFilesAreReadable({ linkage }: PartialSettings): Fault[] {
  const { tokenFile, keysFile } = linkage ?? {};
  const tokenProblem = tokenFile && /^[\x21-\x7e]{1,1000}\s*$/.test(readText(tokenFile) ?? '') ? undefined : tokenFile;
  const keysProblem = keysFile && isKeySet(readText(keysFile)) ? undefined : keysFile;
  return [
    ...(tokenProblem ? [fault('linkage.tokenFile', 'holds no secret', 'write one line of printable characters')] : []),
    ...(keysProblem
      ? [fault('linkage.keysFile', 'is no JSON Web Key Set', 'write {"keys":[…]} with the authority’s public keys')]
      : []),
  ];
}

function isKeySet(text: string | undefined): boolean {
  try {
    const { keys } = JSON.parse(text ?? '');
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}

/** Undefined for a file that is missing, closed to the hub, or too large to be what it should be. */
function readText(file: string): string | undefined {
  try {
    return statSync(file).size <= MAX_LINKAGE_FILE_BYTES ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

/** The token would cross the network in the clear. */
function linkageIsHttps({ linkage }: PartialSettings): Fault[] {
  const { url, latestAttributesUrl } = linkage ?? {};
  return Object.entries({ url, latestAttributesUrl }).flatMap(([name, address]) =>
    address === undefined || new URL(address).protocol === 'https:'
      ? []
      : [fault(`linkage.${name}`, 'is plain http, over which the hub’s secret would go', 'write an https address')],
  );
}

/** Where people's addresses, and what they are told, would cross the network in the clear. */
function mailIsUnderTlsOrLocal({ mail }: PartialSettings): Fault[] {
  if (mail?.security !== 'none' || mail.host === undefined) return [];
  if (isLoopbackHost(mail.host) || mail.host === '::1') return [];
  return [fault('mail.security', 'is none, though mail.host is another machine', 'write starttls or implicit')];
}

function mailUserHasPassword({ mail }: PartialSettings): Fault[] {
  if (!mail || (mail.user === undefined) === (mail.passwordFile === undefined)) return [];
  const [missing, given] = mail.user === undefined ? ['user', 'passwordFile'] : ['passwordFile', 'user'];
  return [fault(`mail.${missing}`, `is missing, though mail.${given} is given`, 'write both or none')];
}

function mailFilesAreReadable({ mail }: PartialSettings): Fault[] {
  const { passwordFile, authorityFile } = mail ?? {};
  const hasPassword = passwordFile === undefined || /^[^\p{Cc}]{1,1000}\s*$/u.test(readText(passwordFile) ?? '');
  const hasAuthority = authorityFile === undefined || readCertificate(authorityFile) !== undefined;
  return [
    ...(hasPassword ? [] : [fault('mail.passwordFile', 'holds no password', 'write one line')]),
    ...(hasAuthority ? [] : [fault('mail.authorityFile', 'holds no readable certificate', 'name a PEM file')]),
  ];
}

function cardAgentsAreHttpsOrLocal({ signIn }: PartialSettings): Fault[] {
  return (signIn?.cardAgentUrls ?? []).flatMap((agent, index) => {
    const url = new URL(agent);
    if (url.protocol === 'https:' || isLoopbackHost(url.hostname)) return [];
    const problem = 'is plain http on another machine, where a PIN would cross the network in the clear';
    return [fault(`signIn.cardAgentUrls[${index}]`, problem, 'write an https origin, or one on 127.0.0.1')];
  });
}

function relyingPartiesAreNotOnLoopback({ relyingParties }: PartialSettings): Fault[] {
  if (!relyingParties?.allowLoopback) return [];
  return [
    fault('relyingParties.allowLoopback', 'is true, which is for development only', 'write false or leave it out'),
  ];
}

function outboundIsHttps({ outbound }: PartialSettings): Fault[] {
  if (!outbound?.allowPlainHttp) return [];
  return [fault('outbound.allowPlainHttp', 'is true, which is for development only', 'write false or leave it out')];
}

function fault(path: string, problem: string, remedy: string): Fault {
  return { path, problem, remedy };
}

function isReadableFile(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

function readCertificate(file: string): X509Certificate | undefined {
  try {
    if (statSync(file).size > MAX_CERTIFICATE_FILE_BYTES) return undefined;
    return new X509Certificate(readFileSync(file));
  } catch {
    return undefined;
  }
}
