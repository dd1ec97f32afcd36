import assert from 'node:assert/strict';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { issueSigningCertificate } from '../../../adapters/sandbox/pki/index.ts';
import { createRoot } from '../../../adapters/sandbox/pki/roots.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { openTestDatabase, type TestDatabase } from '../database.ts';
import { runTestFile } from '../run_file.ts';
import { findInOctets, findInText } from './find_secrets.ts';
import { LeakGuard } from './leak_guard.ts';
import type { SecretKind } from './secrets.ts';

const NAME = '山田　太郎';
const ADDRESS = '東京都千代田区霞が関９－９－１';
const SHORT_SERIAL = Buffer.from('06d18007', 'hex');
const SERIAL = Buffer.concat([Buffer.of(0x5a), randomBytes(15)]);
const HEX = SERIAL.toString('hex');
const TOKEN = randomBytes(32).toString('base64url');

let der: Buffer;
let pem: string;

before(async () => {
  const now = Date.now();
  const validity = { notBefore: now - 1000, notAfter: now + 1_000_000 };
  const root = await createRoot({ kind: 'signing', key: await rsaKey('root'), serialNumber: 1n, ...validity });
  const attributes = { name: NAME, address: ADDRESS, birthDate: '1985-03-15', gender: '1' } as const;
  const serialNumber = BigInt(`0x${HEX}`);
  const key = await rsaKey('citizen');
  ({ der, pem } = await issueSigningCertificate(root, { key, serialNumber, attributes, ...validity }));
});

function newGuard(): LeakGuard {
  const guard = new LeakGuard();
  const { secrets } = guard;
  secrets.certificate(der);
  secrets.serial(SHORT_SERIAL);
  secrets.person({ name: NAME, address: ADDRESS, birthDate: '1985-03-15' });
  secrets.pin('1234');
  secrets.password('ABC123');
  secrets.token(TOKEN);
  return guard;
}

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest();
const json = (value: unknown) => JSON.stringify(value);
const jwt = (claims: unknown) =>
  `eyJhbGciOiJFUzI1NiJ9.${Buffer.from(json(claims)).toString('base64url')}.${randomBytes(64).toString('base64url')}`;

/** Ways in which a secret may come to be written. Functions, since the certificate is made in `before`. */
const WRITTEN: readonly [SecretKind, string, () => string][] = [
  ['serial number', 'in hexadecimal', () => `serial ${HEX}`],
  ['serial number', 'in capitals, with colons', () => HEX.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')],
  ['serial number', 'in decimal', () => json({ serial: BigInt(`0x${HEX}`).toString() })],
  ['serial number', 'in base64', () => json({ serial: SERIAL.toString('base64') })],
  [
    'serial number',
    'in base64url, behind other octets',
    () => Buffer.concat([Buffer.of(2), SERIAL]).toString('base64url'),
  ],
  ['serial number', 'as a Buffer in JSON', () => json({ serial: SERIAL })],
  ['serial number', 'as a Uint8Array in JSON', () => json({ serial: new Uint8Array(SERIAL) })],
  ['serial number', 'in a JWT', () => jwt({ sub: HEX })],
  ['serial number', 'of four octets, in hexadecimal', () => json({ serial: '06d18007' })],
  ['serial number', 'of four octets, in capitals and without a zero', () => 'serial=6D18007,'],
  ['serial number', 'of four octets, in decimal', () => json({ serial: 0x06d18007 })],
  ['hash of a serial number', 'of its octets', () => sha256(SERIAL).toString('hex')],
  ['hash of a serial number', 'of four octets', () => sha256('06d18007').toString('base64')],
  ['certificate', 'as PEM', () => pem],
  ['certificate', 'as PEM in JSON', () => json({ message: `refused: ${pem}` })],
  ['certificate', 'one line of its base64', () => der.toString('base64').slice(700, 764)],
  ['certificate', 'as hexadecimal', () => der.toString('hex')],
  ['certificate', 'in a list of numbers', () => json([...der])],
  ['certificate', 'percent-encoded in an address', () => `/x?cert=${encodeURIComponent(pem)}`],
  ['certificate', 'its whole fingerprint', () => new X509Certificate(der).fingerprint256],
  ['certificate', 'its key', () => json(new X509Certificate(der).publicKey.export({ format: 'jwk' }))],
  ['PIN', 'in JSON', () => json({ card: 'taro', pin: '1234' })],
  ['PIN', 'in a form', () => 'csrf=x&pin=1234&name=y'],
  ['signing password', 'in JSON', () => json({ password: 'ABC123' })],
  ['name', 'as the certificate has it', () => json({ msg: `${NAME}様` })],
  ['name', 'without the space', () => '山田太郎'],
  ['name', 'with a narrow space', () => '山田 太郎'],
  ['name', 'percent-encoded', () => `login_hint=${encodeURIComponent(NAME)}`],
  [
    'name',
    'as JSON escapes',
    () => [...NAME].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  ],
  ['name', 'in a JWT', () => jwt({ name: NAME })],
  ['name', 'in a certificate in a JWT', () => jwt({ x5c: [der.toString('base64')] })],
  ['address', 'as the certificate has it', () => ADDRESS],
  ['address', 'with narrow digits', () => ADDRESS.normalize('NFKC')],
  ['address', 'cut off in the block', () => '東京都千代田区霞が関９－'],
  ['birth date', 'as a claim', () => json({ birthdate: '1985-03-15' })],
  ['birth date', 'as in a certificate', () => json('19850315')],
  ['birth date', 'in Japanese', () => '1985年3月15日生'],
  ['birth date', 'in a JWT', () => jwt({ birthdate: '1985-03-15' })],
  ['token', 'in an address', () => `GET /callback?code=${TOKEN}&state=1`],
];

const kindsIn = (guard: LeakGuard): SecretKind[] => guard.leaks.map(({ kind }) => kind);

describe('the leak guard finds in a log', () => {
  for (const [kind, how, write] of WRITTEN) {
    it(`a ${kind}, ${how}, and does not repeat it`, () => {
      const guard = newGuard();
      const line = json({ level: 'info', msg: write(), status: 200 });
      guard.log('the log', ['{"msg":"quiet"}', line, write()]);
      assert.ok(kindsIn(guard).includes(kind), guard.report());
      for (const { excerpt } of guard.leaks) {
        assert.deepEqual(findInText(excerpt, guard.secrets), [], 'nothing of it is in the report');
      }
    });
  }
});

describe('the leak guard finds nothing', () => {
  it('in what a hub may write: short fingerprints, times, references, random octets', () => {
    const guard = newGuard();
    const fingerprint = sha256(der).toString('hex').slice(0, 16);
    guard.log('the log', [json({ fingerprint, at: Date.now(), msg: 'sign-in', address: '東京都', year: 1985 })]);
    for (let turn = 0; turn < 200; turn += 1) {
      const octets = randomBytes(10_000);
      assert.deepEqual(findInOctets(octets, guard.secrets), []);
      assert.deepEqual(findInText(octets.toString('base64'), guard.secrets), []);
    }
    assert.equal(guard.report(), '');
  });

  it('in the digits of a PIN that are no PIN', () => {
    const guard = newGuard();
    guard.log('the log', ['{"port":1234,"pin":"[removed]","spin":12345}']);
    assert.equal(guard.report(), '');
  });
});

describe('the leak guard looks into answers', () => {
  const claims = json({ name: NAME, address: { formatted: ADDRESS }, birthdate: '1985-03-15' });
  const idToken = json({ id_token: jwt({ name: NAME }) });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  for (const [request, line] of [
    ['GET /userinfo', claims],
    ['POST /token', idToken],
    ['POST /interaction/abc/enrolment', `<input name="name" value="${NAME}">`],
    ['POST /saml/soap/attributes', `<saml:AttributeValue>${NAME}</saml:AttributeValue>`],
    ['POST /interaction/abc/consent', `<input type="hidden" name="SAMLResponse" value="${base64(NAME)}">`],
  ] as const) {
    it(`and lets attributes be in an answer to ${request}, but no serial, certificate or PIN`, () => {
      const guard = newGuard();
      guard.answer(request, [line]);
      guard.lookAtAnswers();
      assert.equal(guard.report(), '');
      guard.answer(request, [HEX, pem, 'pin=1234']);
      guard.lookAtAnswers();
      assert.deepEqual(new Set(kindsIn(guard)), new Set(['serial number', 'certificate', 'PIN']));
    });
  }

  for (const request of ['GET /authorize', 'POST /interaction/abc/sign-in', 'GET /metrics', 'back-channel logout']) {
    it(`and lets no attribute be in an answer to ${request}`, () => {
      const guard = newGuard();
      guard.answer(request, ['content-type: text/html', claims, idToken]);
      guard.lookAtAnswers();
      assert.deepEqual(new Set(kindsIn(guard)), new Set(['name', 'address', 'birth date']));
      assert.match(guard.report(), new RegExp(`LEAKED: name in answer to ${request}`));
    });
  }

  it('and lets no attribute be around an assertion, and no serial in it', () => {
    const guard = newGuard();
    const page = (inside: string) =>
      `<input type="hidden" name="SAMLResponse" value="${base64(inside)}"><p>${NAME}</p>`;
    guard.answer('POST /interaction/abc/consent', [page(`<saml:NameID>${HEX}</saml:NameID>`)]);
    guard.lookAtAnswers();
    assert.deepEqual(new Set(kindsIn(guard)), new Set(['name', 'serial number']));
  });
});

describe('the leak guard looks into a database', () => {
  let test: TestDatabase;
  before(async () => {
    test = await openTestDatabase();
  });
  after(() => test.drop());

  for (const [kind, column, type, value] of [
    ['serial number', 'octets that are one', 'bytea', () => SERIAL],
    ['serial number', 'octets that are a short one', 'bytea', () => SHORT_SERIAL],
    ['serial number', 'octets that hold one', 'bytea', () => Buffer.concat([randomBytes(13), SERIAL, randomBytes(16)])],
    ['serial number', 'a number', 'numeric', () => BigInt(`0x${HEX}`).toString()],
    ['certificate', 'a certificate that is not sealed', 'bytea', () => der],
    [
      'name',
      'a name that is not sealed',
      'bytea',
      () => Buffer.concat([randomBytes(12), Buffer.from(NAME), randomBytes(16)]),
    ],
    ['birth date', 'attributes as JSON octets', 'bytea', () => Buffer.from(json({ birthdate: '1985-03-15' }))],
    ['address', 'JSON', 'jsonb', () => json({ nested: [{ address: ADDRESS }] })],
    ['name', 'one of several texts', 'text[]', () => ['x', NAME]],
    ['token', 'a token as octets', 'bytea', () => Buffer.from(TOKEN)],
    ['token', 'a token as a text', 'text', () => TOKEN],
  ] as const) {
    it(`and finds a ${kind} in a column of type ${type}: ${column}`, async () => {
      const knex = await test.database.knex();
      // A name of its own: the statement that reads it is prepared for its columns.
      const table = `planted_${randomBytes(4).toString('hex')}`;
      await knex.raw(`CREATE TABLE ${table} (id int, harmless ${type}, told ${type})`);
      await knex.raw(`INSERT INTO ${table} VALUES (1, NULL, NULL), (2, NULL, ?)`, [value()]);
      const guard = newGuard();
      await guard.database(test.database);
      assert.ok(
        guard.leaks.some((leak) => leak.kind === kind && leak.place === `database: ${table}.told`),
        guard.report(),
      );
      assert.ok(guard.leaks.every(({ place }) => place === `database: ${table}.told`));
      await knex.raw(`DROP TABLE ${table}`);
    });
  }
});

describe('the leak guard of a test file', () => {
  it('fails the file when the hub has let something out, and says where', async () => {
    const { outcomes, output } = await runTestFile(join(import.meta.dirname, 'leaky_hub.ts'), {}, 60_000);
    assert.deepEqual(
      outcomes.map(({ title, outcome }) => [title.at(-1), outcome]),
      [
        ['says that all is well', 'passed'],
        ['(the file)', 'failed'],
      ],
    );
    assert.match(output, /LEAKED: name in the log: .*\[name\]/);
    assert.match(output, /LEAKED: name in database: knex_migrations.name: /);
    assert.match(output, /LEAKED: name in answer to GET \/metrics: /);
    assert.match(output, /LEAKED: name in answer to GET \/.well-known\/openid-configuration: /);
  });
});
