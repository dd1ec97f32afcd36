import { z } from 'zod';
import {
  acrValue,
  addressOrNetwork,
  filePath,
  flag,
  httpAddress,
  listenHost,
  listOf,
  mailAddress,
  objectIdentifier,
  oneOf,
  origin,
  port,
  postgresqlAddress,
  referenceName,
  resourceIdentifier,
  scopeToken,
  shortText,
  wholeNumber,
} from './value_kinds.ts';

/** What stands beside each setting; docs/configuration.md and the messages about faults are made from it. */
export interface SettingNotes {
  /** What the operator decides with it. */
  readonly meaning: string;
  readonly example: unknown;
  readonly unit?: string;
  /** The default in words, where it follows from other settings. */
  readonly derivedDefault?: string;
  /** Never shown, not even when it is wrong. */
  readonly secret?: true;
  /** A path, or in a list the members that are paths. */
  readonly path?: true | readonly string[];
}

function setting<T extends z.ZodType>(schema: T, notes: SettingNotes): T {
  return schema.meta({ ...notes });
}

const DAY = 86_400;
const MEGABYTE = 1_048_576;

/** All that an operator decides. Groups nest once or twice; everything below them is a setting. */
export const schema = z.strictObject({
  mode: setting(oneOf(['sandbox', 'production']).default('production'), {
    meaning: 'production refuses everything that only a sandbox may do; sandbox runs with simulated neighbours',
    example: 'production',
  }),
  publicUrl: setting(origin(), {
    meaning:
      'The origin that people and relying parties see: the OpenID Connect issuer and the base of every link. ' +
      'It can never change without every relying party being told',
    example: 'https://id.example.jp',
  }),
  dataFolder: setting(filePath().default('./data'), {
    meaning: 'Where the hub keeps what is its own on this machine: the control socket and the embedded database',
    example: '/var/lib/musubi',
    path: true,
  }),
  encryptionKeyFile: setting(filePath().optional(), {
    meaning:
      'File with the master key that everything encrypted at rest depends on: 32 random bytes in base64 ' +
      '(`openssl rand -base64 32`), readable by its owner only; a second line is the next key, and what is encrypted from ' +
      'then on depends on that one. Keep a copy: without it the database is unreadable',
    example: '/etc/musubi/encryption.key',
    derivedDefault: 'in the sandbox `encryption.key` in the data folder, made at first start; in production none',
    path: true,
  }),
  listen: z.strictObject({
    host: setting(listenHost().default('127.0.0.1'), {
      meaning: 'Address that the hub listens on, in plain HTTP: TLS ends at the reverse proxy in front of it',
      example: '127.0.0.1',
    }),
    port: setting(port().default(3000), { meaning: 'Port that the hub listens on', example: 3000 }),
  }),
  mutualTls: z
    .strictObject({
      publicUrl: setting(origin(), {
        meaning:
          'Origin of the second listener, where relying parties authenticate with a client certificate (RFC 8705)',
        example: 'https://mtls.id.example.jp',
      }),
      host: setting(listenHost().default('127.0.0.1'), {
        meaning: 'Address that the listener listens on. The hub itself ends TLS here',
        example: '0.0.0.0',
      }),
      port: setting(port().default(3443), { meaning: 'Port that the listener listens on', example: 3443 }),
      certificateFile: setting(filePath(), {
        meaning: 'The listener’s certificate with its intermediates, PEM',
        example: '/etc/musubi/mtls.crt',
        path: true,
      }),
      keyFile: setting(filePath(), {
        meaning: 'The private key of that certificate, PEM',
        example: '/etc/musubi/mtls.key',
        path: true,
      }),
      clientAuthorityFiles: setting(listOf(filePath(), 50).default([]), {
        meaning: 'Authorities whose client certificates relying parties may use with tls_client_auth, PEM',
        example: ['/etc/musubi/relying-party-ca.crt'],
        path: true,
      }),
    })
    .optional(),
  trustedProxies: setting(listOf(addressOrNetwork(), 100).default([]), {
    meaning:
      'Reverse proxies whose X-Forwarded-For is believed, for rate limits. From anybody else it is ignored; scheme ' +
      'and host are always those of publicUrl',
    example: ['10.0.0.5', 'fd00:1::/64'],
  }),
  database: z.strictObject({
    kind: setting(oneOf(['embedded', 'postgresql']).default('embedded'), {
      meaning:
        'embedded is for trying out and for one small site: it survives a killed process, not a power cut, and ' +
        'serves one process. postgresql is for everything else',
      example: 'postgresql',
    }),
    folder: setting(filePath().optional(), {
      meaning: 'Folder of the embedded database',
      example: '/var/lib/musubi/database',
      derivedDefault: '`database` in the data folder',
      path: true,
    }),
    url: setting(postgresqlAddress().optional(), {
      meaning: 'Where PostgreSQL is. Needed when kind is postgresql',
      example: 'postgresql://musubi:PASSWORD@db.internal:5432/musubi',
      secret: true,
    }),
    poolSize: setting(wholeNumber(1, 500).default(10), {
      meaning: 'Connections to PostgreSQL that one process holds at most',
      unit: 'connections',
      example: 20,
    }),
    acceptEmbedded: setting(flag().default(false), {
      meaning: 'Says that the embedded database’s limits are understood. Production asks for it',
      example: true,
    }),
  }),
  trust: z.strictObject({
    anchors: setting(
      listOf(
        z.strictObject({
          name: referenceName(),
          file: filePath(),
          kind: oneOf(['user', 'signing']),
        }),
        50,
      ).default([]),
      {
        meaning:
          'The authority’s roots. `kind` says which certificates a root may vouch for; `name` is how the lists and ' +
          'responders below refer to it. Old generations stay until their last certificate has expired',
        example: [{ name: 'user-2023', file: '/etc/musubi/jpki-user-2023.crt', kind: 'user' }],
        path: ['file'],
      },
    ),
    profile: setting(oneOf(['jpki', 'jpki-test', 'plain']).optional(), {
      meaning:
        'What a certificate for signing in must be. jpki: the card’s user certificate. jpki-test: that of the ' +
        'authority’s test hierarchy and of the sandbox; refused in production. plain: another community’s, such as a ' +
        'staff card or another eID, for client authentication and with authorities between it and the root',
      example: 'plain',
      derivedDefault: 'jpki-test in the sandbox, jpki in production',
    }),
    policies: setting(listOf(objectIdentifier(), 20).default([]), {
      meaning:
        'Certificate policies of which one must be granted all the way from the root. For the profile plain, where ' +
        'empty asks for none; the others bring their own',
      example: ['1.3.6.1.4.1.99999.1.2'],
    }),
    phonePolicies: setting(listOf(objectIdentifier(), 5).default([]), {
      meaning:
        'Certificate policies of user certificates on phones, which are not public. Without any, phones do not sign in. ' +
        'For the profile jpki',
      example: ['1.2.392.200149.8.5.1.3.99'],
    }),
    intermediates: setting(listOf(z.strictObject({ name: referenceName(), file: filePath() }), 200).default([]), {
      meaning:
        'Authorities between the roots and the certificates, for cards that send none along, and to name where their ' +
        'lists and responders are. Trusted in nothing: each must be vouched for by a root. For the profile plain',
      example: [{ name: 'staff-2', file: '/etc/musubi/staff-issuing-2.crt' }],
      path: ['file'],
    }),
  }),
  revocation: z.strictObject({
    sources: setting(listOf(oneOf(['crl', 'ocsp']), 2).default(['crl', 'ocsp']), {
      meaning:
        'Sources of the default policy, in the order in which the authority is asked: a later one only where an earlier ' +
        'one has nothing fresh and authentic. If two are known and disagree, revoked wins',
      example: ['crl'],
    }),
    policies: setting(
      listOf(
        z.strictObject({
          name: referenceName(),
          sources: listOf(oneOf(['crl', 'ocsp']), 2),
          maxAgeSeconds: wholeNumber(30, 7 * DAY).optional(),
        }),
        50,
      ).default([]),
      {
        meaning:
          'Further policies that a relying party (metadata musubi_revocation_policy) or an acr value can choose. sources ' +
          'as above; maxAgeSeconds is how old the authority’s word may be, counted from its thisUpdate, also for a ' +
          'session that exists already: then the card is asked for again. One named default takes the place of sources',
        example: [{ name: 'online', sources: ['ocsp'], maxAgeSeconds: 1800 }],
      },
    ),
    policyByAcr: setting(listOf(z.strictObject({ acr: acrValue(), policy: referenceName() }), 50).default([]), {
      meaning:
        'acr values by which a request chooses a policy: the hub’s own (aal3, crl, ocsp), or further ones, which are ' +
        'then published and answered. For a relying party with a policy of its own both hold: a request can tighten ' +
        'it and not loosen it',
      example: [{ acr: 'urn:example:acr:online', policy: 'online' }],
    }),
    lists: setting(
      listOf(z.strictObject({ anchor: referenceName(), url: httpAddress().optional() }), 5000).default([]),
      {
        meaning:
          'Where the revocation lists of each root, or intermediate, are. An entry without url says that they are ' +
          'brought by musubi crl import',
        example: [{ anchor: 'user-2023', url: 'http://crl.example.jp/user.crl' }],
      },
    ),
    responders: setting(listOf(z.strictObject({ anchor: referenceName(), url: httpAddress() }), 100).default([]), {
      meaning: 'Where the OCSP responder of each root, or intermediate, is',
      example: [{ anchor: 'user-2023', url: 'http://ocsp.example.jp' }],
    }),
    refreshSeconds: setting(wholeNumber(10, 7 * DAY).default(900), {
      meaning: 'Time between two looks at a list. A look costs one conditional request',
      unit: 'seconds',
      example: 900,
    }),
    graceSeconds: setting(wholeNumber(0, 2 * DAY).default(0), {
      meaning:
        'How long a list serves after its nextUpdate. Anything but 0 accepts what the authority no longer vouches for',
      unit: 'seconds',
      example: 0,
    }),
    listTimeoutSeconds: setting(wholeNumber(1, 3600).default(60), {
      meaning: 'Time for the whole download of a list',
      unit: 'seconds',
      example: 60,
    }),
    listMaxBytes: setting(wholeNumber(1024, 4096 * MEGABYTE).default(512 * MEGABYTE), {
      meaning:
        'Size of a list beyond which it is not taken. It is read from disk, not in memory: five million entries are 185 MB',
      unit: 'bytes',
      example: 512 * MEGABYTE,
    }),
    listFolder: setting(filePath().optional(), {
      meaning:
        'Folder of the compiled lists. The processes of one machine should share it: what one has taken all read',
      example: '/var/lib/musubi/revocation-lists',
      derivedDefault: '`revocation-lists` in the data folder',
      path: true,
    }),
    listHosts: setting(listOf(shortText(260), 20).default([]), {
      meaning:
        'Hosts (with port, if any) to which the distribution point inside a certificate may lead when no list at hand ' +
        'covers it. The list is then fetched at the sign-in, and kept current from there on',
      example: ['crl.example.jp'],
    }),
    ocspTimeoutSeconds: setting(wholeNumber(1, 60).default(3), {
      meaning: 'Time for one OCSP exchange: a person is waiting',
      unit: 'seconds',
      example: 3,
    }),
    ocspNonce: setting(oneOf(['required', 'optional', 'none']).default('required'), {
      meaning:
        'Whether an answer must carry the nonce of its question. optional takes one without as long as it is not older ' +
        'than ocspMaxAgeSeconds; none sends none, for responders that answer in advance, and holds every answer to that age',
      example: 'required',
    }),
    ocspDigest: setting(oneOf(['sha1', 'sha256']).default('sha1'), {
      meaning:
        'Digest by which a question names the issuer; it protects nothing, and answers by the other one are taken too',
      example: 'sha256',
    }),
    ocspMaxAgeSeconds: setting(wholeNumber(30, 7 * DAY).default(900), {
      meaning: 'How long an answer counts as recent that names no nextUpdate, or that does not carry our nonce',
      unit: 'seconds',
      example: 900,
    }),
    ocspBreakerFailures: setting(wholeNumber(1, 1_000_000).default(5), {
      meaning:
        'Failures in a row after which a responder is left alone for a while, ever longer up to five minutes, and then ' +
        'tried with one question',
      unit: 'failures',
      example: 5,
    }),
    ocspHosts: setting(listOf(shortText(260), 20).default([]), {
      meaning:
        'Hosts (with port, if any) to which the OCSP address inside a certificate may lead when its root has no responder',
      example: ['ocsp.example.jp'],
    }),
  }),
  linkage: z
    .strictObject({
      url: setting(httpAddress(), {
        meaning:
          'Where the authority tells which certificate another one replaced, so that a renewed card is the same person. ' +
          'Without this group everybody whose certificate is unknown is somebody new',
        example: 'https://linkage.example.jp/linkage',
      }),
      tokenFile: setting(filePath(), {
        meaning: 'File with the secret by which the authority knows the hub',
        example: '/etc/musubi/linkage.token',
        path: true,
      }),
      keysFile: setting(filePath(), {
        meaning: 'Public keys (JSON Web Key Set) that the authority signs its answers with',
        example: '/etc/musubi/linkage.jwks',
        path: true,
      }),
      latestAttributesUrl: setting(httpAddress().optional(), {
        meaning:
          'Where the authority tells the four attributes as they are now, with the same secret and keys; `consents` and ' +
          '`latest-attributes` are below it. Without it nobody is asked to have them kept up to date for a relying party',
        example: 'https://attributes.example.jp/v1',
      }),
      timeoutSeconds: setting(wholeNumber(1, 60).default(5), {
        meaning: 'Time for one question: a person is waiting',
        unit: 'seconds',
        example: 5,
      }),
    })
    .optional(),
  enrolment: z.strictObject({
    termsVersion: setting(shortText(40).default('1'), {
      meaning:
        'Edition of your terms of use. It stands in the application that people sign, and in the record of it. People ' +
        'can enrol where `linkage` and roots of kind `signing` are configured',
      example: '2026-11',
    }),
    termsUrl: setting(httpAddress().optional(), {
      meaning: 'Where that edition is published; in the application too',
      example: 'https://id.example.jp/terms/2026-11',
    }),
    trustFramework: setting(shortText(60).default('jp_jpki'), {
      meaning: 'Name of the trust framework in verified claims (OpenID Connect for Identity Assurance)',
      example: 'jp_jpki',
    }),
    recordSource: setting(shortText(120).default('Japan Agency for Local Authority Information Systems'), {
      meaning: 'Who keeps the record that verified claims rest on',
      example: 'Japan Agency for Local Authority Information Systems',
    }),
  }),
  signIn: z.strictObject({
    cardAgentUrls: setting(listOf(origin(), 20).default(['http://127.0.0.1:35975']), {
      meaning: 'Card agents that the sign-in page may open, each an origin; the first is offered first',
      example: ['http://127.0.0.1:35975'],
    }),
    challengeSeconds: setting(wholeNumber(30, 900).default(300), {
      meaning: 'Time that a person has between the sign-in page and the card’s signature',
      unit: 'seconds',
      example: 300,
    }),
    interactionSeconds: setting(wholeNumber(60, 7200).default(1800), {
      meaning: 'Time that a person has for a whole sign-in, consent included',
      unit: 'seconds',
      example: 1800,
    }),
    tls: z
      .strictObject({
        publicUrl: setting(origin(), {
          meaning:
            'Origin of the listener that asks people’s browsers for the user certificate: a port or host name of its ' +
            'own, always https. The group offers the second way to sign in, without the card agent',
          example: 'https://card.id.example.jp',
        }),
        host: setting(listenHost().default('127.0.0.1'), {
          meaning: 'Address that the listener listens on',
          example: '0.0.0.0',
        }),
        port: setting(port().default(3444), { meaning: 'Port that the listener listens on', example: 3444 }),
        certificateFile: setting(filePath().optional(), {
          meaning: 'The listener’s certificate with its intermediates, PEM, where the hub itself ends TLS',
          example: '/etc/musubi/card.crt',
          derivedDefault: 'none: a reverse proxy ends TLS',
          path: true,
        }),
        keyFile: setting(filePath().optional(), {
          meaning: 'The private key of that certificate, PEM',
          example: '/etc/musubi/card.key',
          derivedDefault: 'none: a reverse proxy ends TLS',
          path: true,
        }),
        compatibility: setting(oneOf(['modern', 'pkcs1']).default('modern'), {
          meaning:
            'modern is TLS 1.3. pkcs1 is for card middleware that signs PKCS#1 v1.5 only, as OpenSC does: TLS 1.2 with ' +
            'forward secrecy, and no PSS among the signatures. Behind a reverse proxy the proxy decides',
          example: 'pkcs1',
        }),
        proxies: setting(listOf(addressOrNetwork(), 100).default([]), {
          meaning:
            'Reverse proxies that end TLS before this listener, which then speaks plain HTTP. They alone are believed ' +
            'when they pass on a certificate (Client-Cert, RFC 9440): whoever has such an address can be anybody',
          example: ['10.0.0.5'],
        }),
      })
      .optional(),
  }),
  attributes: z.strictObject({
    catalogueFile: setting(filePath().optional(), {
      meaning:
        'File with further claims of attribute providers, in the format of provider/attributes/catalogue/claims.json: ' +
        'name, words in both languages, type and sensitivity of each',
      example: '/etc/musubi/claims.json',
      path: true,
    }),
    providerTimeoutSeconds: setting(wholeNumber(1, 30).default(3), {
      meaning:
        'Time for one question to an attribute provider: a person is waiting. Providers are asked at the same time, and ' +
        'what one does not answer in time is left out',
      unit: 'seconds',
      example: 3,
    }),
    clientCertificate: z
      .strictObject({
        certificateFile: setting(filePath(), {
          meaning:
            'The certificate that the hub shows to attribute providers that ask for one (mutual TLS), with its ' +
            'intermediates, PEM. Renewed files are read within a minute',
          example: '/etc/musubi/attributes.crt',
          path: true,
        }),
        keyFile: setting(filePath(), {
          meaning: 'The private key of that certificate, PEM',
          example: '/etc/musubi/attributes.key',
          path: true,
        }),
      })
      .optional(),
  }),
  lifetimes: z.strictObject({
    sessionSeconds: setting(wholeNumber(60, 30 * DAY).default(8 * 3600), {
      meaning: 'How long a browser stays signed in',
      unit: 'seconds',
      example: 8 * 3600,
    }),
    accessTokenSeconds: setting(wholeNumber(30, DAY).default(600), {
      meaning: 'How long an access token works',
      unit: 'seconds',
      example: 600,
    }),
    refreshTokenSeconds: setting(wholeNumber(60, 400 * DAY).default(14 * DAY), {
      meaning: 'How long a refresh token works when it is not used; using it starts the time again',
      unit: 'seconds',
      example: 14 * DAY,
    }),
    consentSeconds: setting(wholeNumber(60, 3653 * DAY).default(365 * DAY), {
      meaning: 'How long a consent lasts before the person is asked again',
      unit: 'seconds',
      example: 365 * DAY,
    }),
  }),
  disclosure: z.strictObject({
    publishSeconds: setting(wholeNumber(60, 30 * DAY).default(DAY), {
      meaning:
        'How often a signed statement of what every person’s history has come to is published, so that nobody can remove ' +
        'something from one unnoticed. It says nothing about anybody',
      unit: 'seconds',
      example: DAY,
    }),
  }),
  relyingParties: z.strictObject({
    allowLoopback: setting(flag().optional(), {
      meaning:
        'Whether a relying party may register plain http redirect addresses on this machine, for development. ' +
        'Refused in production',
      example: false,
      derivedDefault: 'true in the sandbox, false in production',
    }),
    authorityQuestionsPerDay: setting(wholeNumber(0, 1_000_000_000).optional(), {
      meaning:
        'Questions to responders that status checks may cost on one relying party’s behalf on one day (Japan’s). Beyond ' +
        'it they answer with what was seen last, and say so. Lists cost none, nor answers that are remembered',
      unit: 'questions',
      example: 10_000,
      derivedDefault: 'as many as it takes',
    }),
  }),
  saml: z.strictObject({
    metadataRefreshSeconds: setting(wholeNumber(300, 7 * DAY).default(6 * 3600), {
      meaning:
        'Time between two looks at an address that metadata of service providers comes from. Metadata can ask to be ' +
        'looked at more often, by cacheDuration and validUntil',
      unit: 'seconds',
      example: 6 * 3600,
    }),
    metadataTimeoutSeconds: setting(wholeNumber(1, 300).default(30), {
      meaning: 'Time for the whole download of such a document, of 32 MB at most',
      unit: 'seconds',
      example: 30,
    }),
  }),
  mail: z
    .strictObject({
      host: setting(listenHost(), {
        meaning:
          'The mail server by which the hub writes to people who have given it an address. Without this group it writes to ' +
          'nobody and asks for no address',
        example: 'smtp.example.jp',
      }),
      port: setting(wholeNumber(1, 65_535).default(587), { meaning: 'Port of that server', example: 587 }),
      security: setting(oneOf(['starttls', 'implicit', 'none']).default('starttls'), {
        meaning:
          'implicit is TLS from the beginning (port 465); starttls asks for it before anything else is said, and sends ' +
          'nothing without. none is for a server on this machine only',
        example: 'starttls',
      }),
      authorityFile: setting(filePath().optional(), {
        meaning:
          'Authorities that the mail server’s certificate may come from, PEM, in the place of the well-known ones',
        example: '/etc/musubi/mail-ca.crt',
        derivedDefault: 'none: the well-known authorities',
        path: true,
      }),
      user: setting(shortText(256).optional(), {
        meaning: 'Name by which the hub signs in to the mail server',
        example: 'musubi',
        derivedDefault: 'none: without signing in',
      }),
      passwordFile: setting(filePath().optional(), {
        meaning: 'File with the password of that user',
        example: '/etc/musubi/mail.password',
        derivedDefault: 'none: without signing in',
        path: true,
      }),
      from: setting(mailAddress(), {
        meaning:
          'Address that mails come from, under the name of `branding`. Its domain should vouch for the server (SPF, DKIM)',
        example: 'notices@id.example.jp',
      }),
      timeoutSeconds: setting(wholeNumber(1, 120).default(30), {
        meaning: 'Time for one whole attempt at one mail. Nobody waits for it',
        unit: 'seconds',
        example: 30,
      }),
      connections: setting(wholeNumber(1, 20).default(2), {
        meaning: 'Connections to the mail server that one process holds at most',
        unit: 'connections',
        example: 2,
      }),
    })
    .optional(),
  resources: setting(
    listOf(
      z.strictObject({
        identifier: resourceIdentifier(),
        scopes: listOf(scopeToken(), 100),
        accessTokenFormat: oneOf(['jwt', 'opaque']).default('jwt'),
        accessTokenSeconds: wholeNumber(30, DAY).default(600),
      }),
      100,
    ).default([]),
    {
      meaning: 'Resource servers that relying parties may ask access tokens for (RFC 8707)',
      example: [
        {
          identifier: 'https://api.example.jp',
          scopes: ['records:read'],
          accessTokenFormat: 'jwt',
          accessTokenSeconds: 600,
        },
      ],
    },
  ),
  outbound: z.strictObject({
    timeoutSeconds: setting(wholeNumber(1, 30).default(5), {
      meaning: 'Time for one whole fetch on a relying party’s word: its keys, its logout address',
      unit: 'seconds',
      example: 5,
    }),
    maxBodyBytes: setting(wholeNumber(1024, 16 * MEGABYTE).default(524_288), {
      meaning: 'Size of an answer beyond which such a fetch is cut off',
      unit: 'bytes',
      example: 524_288,
    }),
    allowedNetworks: setting(listOf(addressOrNetwork(), 100).optional(), {
      meaning: 'Private addresses that such fetches may reach all the same. Public addresses need no mention',
      example: ['10.20.0.0/16'],
      derivedDefault: 'this machine in the sandbox, none in production',
    }),
    allowPlainHttp: setting(flag().optional(), {
      meaning: 'Whether such fetches may go by plain http. Refused in production',
      example: false,
      derivedDefault: 'true in the sandbox, false in production',
    }),
  }),
  rateLimits: z.strictObject({
    signInAttempts: setting(wholeNumber(1, 1_000_000).default(30), {
      meaning: 'Answers to challenges that one address (for IPv6 one /64) may send in each window',
      unit: 'requests',
      example: 30,
    }),
    unauthenticatedWrites: setting(wholeNumber(1, 1_000_000).default(300), {
      meaning:
        'Other requests by which one address may make the hub store something in each window, such as opening a sign-in or pushing a request',
      unit: 'requests',
      example: 300,
    }),
    relyingPartyCalls: setting(wholeNumber(1, 1_000_000).default(120), {
      meaning:
        'Calls of the hub’s own interfaces, such as the status check of up to 1,000 people, that one relying party may ' +
        'make in each window',
      unit: 'requests',
      example: 120,
    }),
    windowSeconds: setting(wholeNumber(1, 3600).default(60), {
      meaning: 'Length of the window. Each process counts for itself',
      unit: 'seconds',
      example: 60,
    }),
    trackedAddresses: setting(wholeNumber(100, 1_000_000).default(20_000), {
      meaning:
        'Addresses that are counted separately at the same time; further ones share one count, so that a flood of addresses cannot fill the memory',
      unit: 'addresses',
      example: 20_000,
    }),
  }),
  logging: z.strictObject({
    level: setting(oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('info'), {
      meaning: 'The least important entries that are written. No level writes personal data or secrets',
      example: 'info',
    }),
    format: setting(oneOf(['json', 'text']).optional(), {
      meaning: 'json is one object a line for a log collector, text is for a terminal',
      example: 'json',
      derivedDefault: 'text in the sandbox, json in production',
    }),
  }),
  metrics: z.strictObject({
    listen: setting(oneOf(['same', 'separate', 'off']).default('separate'), {
      meaning:
        'Where /metrics is. same: on the hub’s own port, for requests that come straight from this machine only; ' +
        'separate: on a port of its own; off: nowhere',
      example: 'separate',
    }),
    host: setting(listenHost().default('127.0.0.1'), {
      meaning: 'Address of the separate port',
      example: '127.0.0.1',
    }),
    port: setting(port().default(9464), { meaning: 'The separate port', example: 9464 }),
  }),
  branding: z.strictObject({
    nameJa: setting(shortText(60).default('Musubi 結び'), {
      meaning: 'What the hub is called on Japanese pages',
      example: 'さくら医療ID',
    }),
    nameEn: setting(shortText(60).default('Musubi 結び'), {
      meaning: 'What the hub is called on English pages',
      example: 'Sakura Medical ID',
    }),
  }),
  shutdownSeconds: setting(wholeNumber(1, 600).default(20), {
    meaning: 'Time that requests in flight have to finish when the hub is asked to stop',
    unit: 'seconds',
    example: 20,
  }),
});

type Settings = z.output<typeof schema>;

/** The settings with every default that follows from others filled in. Deeply frozen, paths absolute. */
export type Configuration = DeepReadonly<
  Omit<
    Settings,
    'encryptionKeyFile' | 'database' | 'trust' | 'revocation' | 'relyingParties' | 'outbound' | 'logging'
  > & {
    encryptionKeyFile: string;
    trust: Settings['trust'] & { profile: 'jpki' | 'jpki-test' | 'plain' };
    database: Settings['database'] & { folder: string };
    revocation: Settings['revocation'] & { listFolder: string };
    relyingParties: Settings['relyingParties'] & { allowLoopback: boolean };
    outbound: Settings['outbound'] & { allowedNetworks: string[]; allowPlainHttp: boolean };
    logging: Settings['logging'] & { format: 'json' | 'text' };
  }
>;

/** Settings as far as they are known and valid: what rules between settings look at while faults are collected. */
export type PartialSettings = DeepPartial<Settings>;

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

type DeepPartial<T> = T extends unknown[] ? T : T extends object ? { [Key in keyof T]?: DeepPartial<T[Key]> } : T;
