import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { restoreStoredRoot } from '../../adapters/sandbox/authority/roots_of_state.ts';
import {
  addExtensions,
  answerOcsp,
  asOcspResponder,
  type CrlOptions,
  createCrl,
  createOcspResponder,
  createRoot,
  distributionPointOf,
  encodeCertId,
  encodePem,
  type IssuedCertificate,
  keyIdentifier,
  type OcspAnswerOptions,
  type OcspResponder,
  ocspError,
  type Root,
  subjectPublicKeyInfo,
  unknownExtension,
  withNonMinimalLength,
  withTrailingBytes,
} from '../../adapters/sandbox/pki/index.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { type AttackHub, assertGuarded, REDIRECT_URI, startAttackHub } from './attack_hub.ts';
import { away, octets, type StubAuthority, startStubAuthority } from './stub_authority.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Longer than a list is good for; a sign-in takes place in both of the clocks that this test sets apart. */
const AWAY = 40 * MINUTE;
const UNAVAILABLE = { code: 'revocation_unavailable', status: 503 } as const;

describe('an authority in the attacker’s hands', () => {
  let authority: TestAuthority;
  let stub: StubAuthority;
  let hub: AttackHub;
  let root: Root;
  let impostor: Root;
  let stolen: IssuedCertificate;
  let unasked: IssuedCertificate;
  let ahead = 0;
  let number = 1000;
  const clock = () => Date.now() + ahead;

  before(async () => {
    authority = await startTestAuthority();
    stub = await startStubAuthority();
    root = restoreStoredRoot(authority.authority.store.state, 'user', 3);
    impostor = await createRoot({
      kind: 'user',
      organization: root.organization,
      key: await rsaKey('impostor'),
      subjectKeyIdentifier: root.subjectKeyIdentifier,
    });
    stub.answerList = octets(await createCrl(root, { number, thisUpdate: Date.now() - MINUTE }));
    hub = await startAttackHub({
      authority,
      clock,
      settings: { revocation: stub.settings, signIn: { interactionSeconds: 7200 } },
    });
    stolen = await hub.issue();
    unasked = await hub.issue();
    await serveGood();
  });
  after(async () => {
    await hub.stop();
    await authority.stop();
    await stub.stop();
  });

  /** An authentic list, newer than all before, with the stolen card on it unless told otherwise. */
  function list(options: CrlOptions = {}, issuer = root): Promise<Buffer> {
    number += 1;
    return createCrl(issuer, { number, thisUpdate: clock() - MINUTE, nextUpdate: clock() + 20 * MINUTE, ...options });
  }

  const revoked = () => [
    { serialNumber: stolen.serialNumber, revokedAt: Date.now() - HOUR, reason: 'keyCompromise' as const },
  ];

  /** Twice: a look that was underway when the answer changed is joined by the first. */
  async function look(): Promise<void> {
    await hub.target.refreshLists();
    await hub.target.refreshLists();
  }

  /** Code of the latest list that was not taken, among log entries from `from` on. */
  function whyNotTaken(from: number): unknown {
    const entries = hub.target.log.slice(from).map((line) => JSON.parse(line) as { msg: string; code?: string });
    return entries.findLast(({ msg }) => msg === 'revocation list not renewed')?.code;
  }

  async function serveGood(): Promise<void> {
    stub.answerList = octets(await list({ entries: revoked() }));
    await look();
  }

  const lists: [string, string | undefined, () => Promise<StubAuthority['answerList']>][] = [
    [
      'is stale',
      'crl_stale',
      async () => octets(await list({ thisUpdate: clock() - 2 * HOUR, nextUpdate: clock() - HOUR })),
    ],
    [
      'comes from the future',
      'crl_not_yet_valid',
      async () => octets(await list({ thisUpdate: clock() + HOUR, nextUpdate: clock() + 2 * HOUR })),
    ],
    ['never ends to be valid', 'crl_malformed', async () => octets(await list({ nextUpdate: null }))],
    ['is cut', 'crl_malformed', async () => octets((await list()).subarray(0, -20))],
    ['has octets after it', 'crl_malformed', async () => octets(withTrailingBytes(await list()))],
    ['is followed by another', 'crl_malformed', async () => octets(Buffer.concat([await list(), await list()]))],
    ['is empty', 'crl_malformed', async () => octets(Buffer.alloc(0))],
    [
      'is a web page with status 200',
      'crl_malformed',
      async () => octets(Buffer.from('<!doctype html><title>Log in to the network</title>'), 'text/html'),
    ],
    ['is PEM instead of DER', 'crl_malformed', async () => octets(Buffer.from(encodePem('X509 CRL', await list())))],
    [
      'is not minimal',
      'crl_malformed',
      async () => octets(await list({ overrides: { toBeSigned: withNonMinimalLength } })),
    ],
    [
      'has a signature with one bit changed',
      'crl_signature',
      async () =>
        octets(
          await list({
            overrides: { crl: (der) => Buffer.concat([der.subarray(0, -1), Buffer.of((der.at(-1) ?? 0) ^ 1)]) },
          }),
        ),
    ],
    [
      'is signed by an impostor of the same name and key identifier',
      'crl_signature',
      async () => octets(await list({}, impostor)),
    ],
    [
      'is signed by a user’s card',
      'crl_signature',
      async () => octets(await list({ overrides: { signingKey: hub.citizen.key.privateKey } })),
    ],
    [
      'is the other authority’s',
      'crl_issuer',
      async () => octets(await list({}, restoreStoredRoot(authority.authority.store.state, 'signing', 3))),
    ],
    [
      'is an older generation’s',
      'crl_signature',
      async () => octets(await list({}, restoreStoredRoot(authority.authority.store.state, 'user', 2))),
    ],
    [
      'names another issuer',
      'crl_issuer',
      async () =>
        octets(await list({ overrides: { issuer: Buffer.from(root.name).fill(0x58, root.name.length - 4) } })),
    ],
    [
      'is signed with SHA-1',
      'crl_algorithm',
      async () => octets(await list({ overrides: { algorithm: 'sha1WithRSAEncryption' } })),
    ],
    [
      'names another algorithm outside',
      'crl_malformed',
      async () => octets(await list({ overrides: { outerAlgorithm: 'sha512WithRSAEncryption' } })),
    ],
    ['is of version 1', 'crl_malformed', async () => octets(await list({ overrides: { version: 'v1' } }))],
    ['has no number', 'crl_number_missing', async () => octets(await list({ number: null }))],
    [
      'has an unknown critical extension',
      'crl_critical_extension',
      async () => octets(await list({ overrides: { extensions: addExtensions(unknownExtension()) } })),
    ],
    ['is for authorities only', 'crl_scope', async () => octets(await list({ scope: { onlyContainsCACerts: true } }))],
    [
      'is for attribute certificates only',
      'crl_scope',
      async () => octets(await list({ scope: { onlyContainsAttributeCerts: true } })),
    ],
    ['is for some reasons only', 'crl_scope', async () => octets(await list({ scope: { onlySomeReasons: [1] } }))],
    ['is indirect', 'crl_scope', async () => octets(await list({ scope: { indirectCRL: true } }))],
    ['is a delta', 'crl_delta', async () => octets(await list({ deltaBase: 1000 }))],
    ['has an older number', 'crl_rollback', async () => octets(await list({ number: 999 }))],
    [
      'has the number at hand and an older date',
      'crl_rollback',
      async () => octets(await list({ number, thisUpdate: clock() - HOUR })),
    ],
    [
      'is larger than allowed',
      'download_too_large',
      async () => octets(Buffer.concat([await list(), Buffer.alloc(64 * 1024)])),
    ],
    [
      'says that it is larger than allowed',
      'download_too_large',
      async () =>
        ({ response }) =>
          response.writeHead(200, { 'content-length': '99999999999' }).write('x'),
    ],
    [
      'swells when it is unpacked',
      'download_failed',
      async () => {
        const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
        return ({ response }) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
      },
    ],
    [
      'never ends',
      'download_too_large',
      async () =>
        ({ response }) =>
          pour(response),
    ],
    [
      'drips',
      'download_timeout',
      async () =>
        ({ response }) =>
          drip(response),
    ],
    [
      'stops in the middle',
      'download_failed',
      async () =>
        ({ response }) =>
          response.writeHead(200, { 'content-length': '900' }).write(Buffer.alloc(400), () => response.destroy()),
    ],
    [
      'is somewhere else',
      'download_failed',
      async () =>
        ({ response }) =>
          response.writeHead(302, { location: '/elsewhere' }).end(),
    ],
    ['is not there', 'download_status', async () => octets(await list(), undefined, 404)],
    ['comes with an error', 'download_status', async () => octets(await list(), undefined, 500)],
    ['comes as a part', 'download_status', async () => octets(await list(), undefined, 206)],
    [
      'is said not to have changed',
      undefined,
      async () =>
        ({ response }) =>
          response.writeHead(304).end(),
    ],
    ['does not come', 'download_failed', async () => away],
    ['is waited for', 'download_timeout', async () => () => {}],
  ];
  for (const [title, code, make] of lists) {
    it(`revives no stolen card with a list that ${title}, and stops nobody else`, async () => {
      stub.answerList = await make();
      const { lists: asked } = stub.asked;
      const logged = hub.target.log.length;
      await look();
      assert.ok(stub.asked.lists > asked, 'the hub has looked');
      assert.equal(whyNotTaken(logged), code);
      try {
        await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
      } finally {
        await serveGood();
      }
    });
  }

  it('ends nobody’s session with a list that is forged, of another’s hand or rolled back, and by an honest one does', async () => {
    const browser = hub.browser();
    await hub.goodSignIn({ browser, card: unasked });
    const isSignedIn = async () => {
      const answer = await browser.get(hub.authorizationUrl({ prompt: 'none' }), { stopAt: REDIRECT_URI });
      return new URL(answer.url).searchParams.has('code');
    };
    const entries = [
      { serialNumber: unasked.serialNumber, revokedAt: Date.now() - HOUR, reason: 'keyCompromise' as const },
    ];
    const [before] = (await hub.auditEvents()).slice(-1);
    const signing = restoreStoredRoot(authority.authority.store.state, 'signing', 3);
    for (const [code, make] of [
      ['crl_signature', () => list({ entries }, impostor)],
      ['crl_issuer', () => list({ entries }, signing)],
      ['crl_rollback', () => list({ entries, number: 999 })],
      ['crl_stale', () => list({ entries, thisUpdate: clock() - 2 * HOUR, nextUpdate: clock() - HOUR })],
    ] as const) {
      stub.answerList = octets(await make());
      const logged = hub.target.log.length;
      await look();
      assert.equal(whyNotTaken(logged), code);
      assert.ok(await isSignedIn(), code);
    }
    const acted = ['certificate.revoked', 'sessions.ended', 'revocation_list.taken'];
    assert.ok((await hub.auditEvents(before?.sequence)).every(({ kind }) => !acted.includes(kind)));
    stub.answerList = octets(await list({ entries: [...revoked(), ...entries] }));
    await look();
    assert.equal(await isSignedIn(), false);
    await serveGood();
  });

  it('sends the hub nowhere else by a redirect, from the list’s address or the responder’s', async () => {
    let inside = 0;
    const other = createServer((_request, response) => {
      inside += 1;
      response.end();
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      for (const location of [
        `http://127.0.0.1:${port}/`,
        `http://localhost:${port}/`,
        'http://169.254.169.254/latest/meta-data/',
        'file:///etc/passwd',
      ]) {
        for (const status of [301, 302, 303, 307, 308]) {
          const redirect: StubAuthority['answerList'] = ({ response }) =>
            response.writeHead(status, { location }).end();
          stub.answerList = redirect;
          stub.answerOcsp = redirect;
          const logged = hub.target.log.length;
          await look();
          assert.equal(whyNotTaken(logged), 'download_failed');
          const answer = await hub.present(unasked, { parameters: { acr_values: 'aal3 ocsp' } });
          assert.equal(answer.status, 503);
        }
      }
      assert.equal(inside, 0);
    } finally {
      await serveGood();
      other.close();
    }
    await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
  });

  it('revives no stolen card with the list of another municipality', async () => {
    const scope = {
      distributionPoint: distributionPointOf(root, { code: '01203', prefecture: 'Hokkaido', name: 'Otaru-shi' }),
    };
    stub.answerList = octets(await list({ scope }));
    await look();
    const [last] = (await hub.auditEvents()).slice(-1);
    const answer = await hub.present(stolen);
    await serveGood();
    assert.equal(answer.status, UNAVAILABLE.status);
    const refused = (await hub.auditEvents(last?.sequence)).filter(({ kind }) => kind === 'sign_in.refused');
    assert.deepEqual(
      refused.map(({ data }) => data?.code),
      [UNAVAILABLE.code],
    );
    await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
  });

  it('takes a list that is right, so that the refusals above mean something', async () => {
    stub.answerList = octets(await list());
    await look();
    await hub.goodSignIn({ card: stolen });
    await serveGood();
  });

  describe('when the last good list has ended', () => {
    const nothingGood: [string, StubAuthority['answerList']][] = [
      ['is away', away],
      ['answers with a web page', octets(Buffer.from('<!doctype html>'), 'text/html')],
      ['says that nothing has changed', ({ response }) => response.writeHead(304).end()],
    ];
    for (const [title, answer] of nothingGood) {
      it(`and the authority ${title}: nobody signs in, and everybody is told when to try again`, async () => {
        await serveGood();
        stub.answerList = answer;
        stub.answerOcsp = away;
        ahead = AWAY;
        try {
          await look();
          for (const card of [hub.citizen, stolen]) {
            const events = await hub.auditEvents();
            const page = await hub.present(card);
            assert.equal(page.status, 503);
            assert.ok(Number(page.headers.get('retry-after')) >= 1);
            assertGuarded(page);
            const added = await hub.auditEvents(events.at(-1)?.sequence);
            assert.deepEqual(
              added.map(({ kind, data }) => [kind, data?.code ?? data?.status]),
              [
                ['revocation.decided', 'unavailable'],
                ['sign_in.refused', 'revocation_unavailable'],
              ],
            );
          }
          await serveGood();
          assert.ok((await hub.goodSignIn()).searchParams.get('code'));
          await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
        } finally {
          ahead = 0;
        }
      });
    }
  });

  it('cannot bring an older list back by waiting for the hub to start anew', async () => {
    const older = await list(); // without the stolen card
    await serveGood();
    stub.answerList = octets(older);
    stub.answerOcsp = away;
    await hub.target.restart();
    // The newer list serves again from the disk.
    await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
    assert.ok((await hub.goodSignIn()).searchParams.get('code'));

    // Without its disk the hub still knows the number that it had come to.
    rmSync(hub.target.listFolder, { recursive: true });
    await hub.target.restart();
    for (const card of [stolen, hub.citizen]) {
      const page = await hub.present(card);
      assert.equal(page.status, 503);
    }
    await serveGood();
    await hub.assertRefused((browser) => hub.present(stolen, { browser }), { code: 'certificate_revoked' });
  });

  describe('and the responder', () => {
    const OCSP = { acr_values: 'aal3 ocsp' };
    let delegate: OcspResponder;
    const good: OcspAnswerOptions = { status: () => ({ status: 'good' }) };
    before(async () => {
      delegate = await createOcspResponder(root, { key: await rsaKey('responder') });
    });

    const answers =
      (options: Partial<OcspAnswerOptions> = {}, responder: () => OcspResponder = () => asOcspResponder(root)) =>
      async ({ body, response }: { body: Buffer; response: ServerResponse }) =>
        response.end(await answerOcsp(responder(), body, { ...good, producedAt: clock(), ...options }));

    it('saying “good” does not help a card that the list has', async () => {
      stub.answerOcsp = answers();
      await hub.assertRefused((browser) => hub.present(stolen, { browser, parameters: OCSP }), {
        code: 'certificate_revoked',
      });
    });

    it('saying “revoked” is believed although the list is silent, also by who asks the list later', async () => {
      const card = await hub.issue();
      stub.answerOcsp = answers({
        status: () => ({ status: 'revoked', revokedAt: Date.now() - HOUR, reason: 'keyCompromise' }),
      });
      await hub.assertRefused((browser) => hub.present(card, { browser, parameters: OCSP }), {
        code: 'certificate_revoked',
      });
      stub.answerOcsp = answers();
      await hub.assertRefused((browser) => hub.present(card, { browser }), { code: 'certificate_revoked' });
    });

    it('saying “unknown” is believed', async () => {
      stub.answerOcsp = answers({ status: () => ({ status: 'unknown' }) });
      await hub.assertRefused((browser) => hub.present(unasked, { browser, parameters: OCSP }), {
        code: 'certificate_unknown',
      });
    });

    it('cannot replay an answer of yesterday', async () => {
      let recorded: Buffer | undefined;
      stub.answerOcsp = async ({ body, response }) => {
        recorded = await answerOcsp(asOcspResponder(root), body, { ...good, producedAt: clock() });
        response.end();
      };
      await hub.present(unasked, { parameters: OCSP });
      assert.ok(recorded);
      stub.answerOcsp = octets(recorded);
      await hub.assertRefused((browser) => hub.present(unasked, { browser, parameters: OCSP }), UNAVAILABLE);
    });

    const responses: [string, string, () => StubAuthority['answerOcsp']][] = [
      ['without the nonce', 'ocsp_nonce', () => answers({ overrides: { nonce: null } })],
      ['with another nonce', 'ocsp_nonce', () => answers({ overrides: { nonce: Buffer.alloc(16, 7) } })],
      ['from the future', 'ocsp_not_yet_valid', () => answers({ producedAt: clock() + HOUR })],
      ['out of date', 'ocsp_stale', () => answers({ thisUpdate: clock() - 2 * HOUR, nextUpdate: clock() - HOUR })],
      ['with times in disorder', 'ocsp_malformed', () => answers({ thisUpdate: clock(), nextUpdate: clock() - 1000 })],
      [
        'for another serial',
        'ocsp_certificate',
        () => answers({ overrides: { certId: () => encodeCertId(root, hub.citizen.serialNumber) } }),
      ],
      [
        'for another issuer',
        'ocsp_certificate',
        () => answers({ overrides: { certId: () => encodeCertId(impostor, unasked.serialNumber) } }),
      ],
      [
        'signed by nobody we know',
        'ocsp_responder',
        () => answers({ overrides: { signingKey: impostor.key.privateKey } }),
      ],
      ['with SHA-1', 'ocsp_algorithm', () => answers({ overrides: { algorithm: 'sha1WithRSAEncryption' } })],
      ['of another type', 'ocsp_malformed', () => answers({ overrides: { responseType: '1.3.6.1.5.5.7.48.1.99' } })],
      ['with octets after it', 'ocsp_malformed', () => answers({ overrides: { response: withTrailingBytes } })],
      [
        'by a delegate of another authority',
        'ocsp_signature',
        () => answers({}, () => ({ ...asOcspResponder(impostor) })),
      ],
      ['“try later”', 'ocsp_try_later', () => octets(ocspError('tryLater'))],
      ['“unauthorized”', 'ocsp_unauthorized', () => octets(ocspError('unauthorized'))],
      ['“malformed request”', 'ocsp_refused', () => octets(ocspError('malformedRequest'))],
      ['of status 4, which there is not', 'ocsp_refused', () => octets(ocspError(4))],
      ['of a web page', 'ocsp_malformed', () => octets(Buffer.from('<!doctype html>'), 'text/html')],
      ['of nothing', 'ocsp_malformed', () => octets(Buffer.alloc(0))],
      [
        'of a redirect',
        'download_failed',
        () =>
          ({ response }) =>
            response.writeHead(307, { location: '/elsewhere' }).end(),
      ],
      ['of an error', 'download_status', () => octets(Buffer.alloc(0), undefined, 500)],
      [
        'without an end',
        'download_too_large',
        () =>
          ({ response }) =>
            pour(response),
      ],
      [
        'that drips',
        'download_timeout',
        () =>
          ({ response }) =>
            drip(response),
      ],
      ['that does not come', 'download_timeout', () => () => {}],
      ['of a closed connection', 'download_failed', () => away],
    ];
    for (const [title, reason, make] of responses) {
      it(`cannot sign anybody in with an answer ${title}`, async () => {
        stub.answerOcsp = make();
        await hub.assertRefused((browser) => hub.present(unasked, { browser, parameters: OCSP }), {
          ...UNAVAILABLE,
          reason,
        });
      });
    }

    const delegates: [string, string, () => Promise<OcspResponder>][] = [
      [
        'without the purpose',
        'ocsp_responder',
        async () => createOcspResponder(root, { key: delegate.key, extendedKeyUsage: null }),
      ],
      [
        'with another purpose',
        'ocsp_responder',
        async () => createOcspResponder(root, { key: delegate.key, extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'] }),
      ],
      ['from another authority', 'ocsp_responder', async () => createOcspResponder(impostor, { key: delegate.key })],
      [
        'that has expired',
        'ocsp_responder',
        async () =>
          createOcspResponder(root, {
            key: delegate.key,
            notBefore: Date.now() - 10 * HOUR,
            notAfter: Date.now() - HOUR,
          }),
      ],
      [
        'that is not valid yet',
        'ocsp_responder',
        async () => createOcspResponder(root, { key: delegate.key, notBefore: Date.now() + HOUR }),
      ],
      [
        'that is the person’s own card',
        'ocsp_responder',
        async () => ({
          ...unasked,
          name: root.name,
          keyHash: keyIdentifier(subjectPublicKeyInfo(unasked.key.publicKey)),
        }),
      ],
    ];
    for (const [title, reason, make] of delegates) {
      it(`cannot sign anybody in through a delegate ${title}`, async () => {
        const responder = await make();
        stub.answerOcsp = answers({}, () => responder);
        await hub.assertRefused((browser) => hub.present(unasked, { browser, parameters: OCSP }), {
          ...UNAVAILABLE,
          reason,
        });
      });
    }

    it('that answers rightly is believed, itself or through its delegate', async () => {
      stub.answerOcsp = answers({}, () => delegate);
      await hub.goodSignIn({ card: unasked, parameters: OCSP });
      stub.answerOcsp = answers();
      await hub.goodSignIn({ card: await hub.issue(), parameters: OCSP });
    });
  });

  it('finds nothing about anybody in the log', () => hub.assertNothingInTheLog());
});

/** Octets as fast as they are taken, for ever. */
function pour(response: ServerResponse): void {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(16 * 1024, 0x30)));
  };
  response.on('drain', more);
  more();
}

/** A octet every now and then, for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('0'), 100);
  response.on('close', () => clearInterval(timer));
}
