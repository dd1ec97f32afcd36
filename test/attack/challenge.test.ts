import assert from 'node:assert/strict';
import { randomBytes, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type AttackHub, type SignInPage, startAttackHub } from './attack_hub.ts';

const MALFORMED = { code: 'token_malformed', status: 400 } as const;
const UNKNOWN = { code: 'challenge_unknown', status: 400 } as const;
const NOT_FOR_US = { code: 'token_signature_invalid', status: 403 } as const;

describe('a challenge', () => {
  let hub: AttackHub;
  let ahead = 0;

  before(async () => {
    hub = await startAttackHub({ clock: () => Date.now() + ahead });
  });
  after(() => hub.stop());

  const answered = (opened: SignInPage) => ({ token: hub.token(hub.citizen, opened.nonce) });
  it('is spent by an answer that failed', async () => {
    await hub.assertRefused(
      async (browser) => {
        const opened = await hub.openSignIn(browser);
        const events = await hub.auditEvents();
        assert.equal((await hub.submit(opened, { token: '{}' })).status, 400);
        assert.equal((await hub.auditEvents()).length, events.length + 1);
        return hub.submit(opened, answered(opened));
      },
      { code: 'challenge_spent', status: 400, earlier: ['token_malformed'] },
    );
  });

  it('is spent by an answer that succeeded', async () => {
    const opened = await hub.openSignIn();
    const fields = answered(opened);
    const first = await hub.submit(opened, fields);
    assert.ok(first.text.includes('value="agree"') || first.url.includes('code='));
    const other = await hub.openSignIn();
    const answer = await hub.submit(other, { ...fields, nonce: opened.nonce });
    assert.equal(answer.status, 400);
    assert.equal((await hub.auditEvents()).at(-1)?.data?.code, 'challenge_spent');
  });

  it('answered many times at the same moment signs in exactly once', async () => {
    await hub.goodSignIn(); // so that consent is given and success is a redirect
    const opened = await hub.openSignIn();
    const fields = answered(opened);
    const events = await hub.auditEvents();
    const form = { csrf: opened.csrf, nonce: opened.nonce, ...fields };
    // Others' sign-in pages come after the twelve have been looked at, up to their forms: few if any are late.
    const ready = async () => {
      for (let index = 0; index < 4; index += 1) await hub.openSignIn();
    };
    const answers = await opened.browser.postAtOnce(12, `${opened.interaction}/sign-in`, form, ready);
    assert.equal(answers.filter(({ status }) => status === 303).length, 1);
    assert.equal(answers.filter(({ status }) => status === 400).length, 11);
    const refused = (await hub.auditEvents(events.at(-1)?.sequence)).filter(({ kind }) => kind === 'sign_in.refused');
    const added = refused.map(({ data }) => data?.code);
    assert.deepEqual([...new Set(added)], ['challenge_spent']);
    assert.ok(added.length <= 11);
  });

  it('cannot be answered a second after its time', async () => {
    await hub.assertRefused(
      async (browser) => {
        const opened = await hub.openSignIn(browser);
        ahead = 301_000;
        return hub.submit(opened, answered(opened)).finally(() => {
          ahead = 0;
        });
      },
      { code: 'challenge_expired', status: 400 },
    );
  });

  it('can be answered a second before its time', async () => {
    const opened = await hub.openSignIn();
    ahead = 299_000;
    const answer = await hub.submit(opened, answered(opened)).finally(() => {
      ahead = 0;
    });
    assert.ok(new URL(answer.url).searchParams.get('code'));
  });

  it('of one browser cannot be answered in another', async () => {
    await hub.assertRefused(
      async (browser) => {
        const victim = await hub.openSignIn();
        const attacker = await hub.openSignIn(browser);
        return hub.submit(attacker, { ...answered(victim), nonce: victim.nonce });
      },
      { code: 'challenge_wrong_session', status: 400 },
    );
  });

  it('is of no use to its browser after another has tried', async () => {
    await hub.assertRefused(
      async (browser) => {
        const victim = await hub.openSignIn(browser);
        const thief = await hub.openSignIn();
        await hub.submit(thief, { ...answered(victim), nonce: victim.nonce });
        return hub.submit(victim, answered(victim));
      },
      { code: 'challenge_spent', status: 400, earlier: ['challenge_wrong_session'] },
    );
  });

  /** The nonce with one bit of an octet turned: 32 random, 6 of expiry, 16 of binding, 18 of MAC. */
  const turned = (octet: number) => (nonce: string) => {
    const bytes = Buffer.from(nonce, 'base64');
    bytes[octet] = (bytes[octet] ?? 0) ^ 1;
    return bytes.toString('base64');
  };
  const neverIssued: [string, (nonce: string) => string][] = [
    ['that was never issued', () => randomBytes(72).toString('base64')],
    ['of another length', () => randomBytes(32).toString('base64')],
    ['with other random bits', turned(0)],
    ['whose life was made longer', turned(33)],
    ['that was bound to another browser', turned(40)],
    ['with another MAC', turned(71)],
    ['that is empty', () => ''],
    ['that is cut', (nonce) => nonce.slice(0, 40)],
    ['that is padded once more', (nonce) => `${nonce}=`],
    ['with white space', (nonce) => ` ${nonce}`],
    ['with a line break', (nonce) => `${nonce}\n`],
    ['in the alphabet of URLs', (nonce) => `${nonce.slice(0, 95).replaceAll(/[+/]/g, '-')}-`],
    ['with a null character', (nonce) => `${nonce.slice(0, 95)}\0`],
    ['that is 40,000 characters long', () => 'A'.repeat(40_000)],
    ['with SQL in it', () => `' OR 1=1 --${'A'.repeat(32)}=`],
  ];
  for (const [title, change] of neverIssued) {
    it(`${title} is refused`, () =>
      hub.assertRefused(async (browser) => {
        const opened = await hub.openSignIn(browser);
        const nonce = change(opened.nonce);
        return hub.submit(opened, { nonce, token: hub.token(hub.citizen, nonce) });
      }, UNKNOWN));
  }

  it('is not issued to who has the address only', async () => {
    const { interaction } = await hub.openSignIn();
    await hub.assertRefused((browser) => browser.get(interaction), {
      code: 'interaction_expired',
      status: 400,
      audited: false,
    });
  });
});

describe('the signature over a challenge', () => {
  let hub: AttackHub;

  before(async () => {
    hub = await startAttackHub();
  });
  after(() => hub.stop());

  const relayed = (): [string, string][] => {
    const { hostname, port } = new URL(hub.target.issuer);
    return [
      ['another scheme', `https://${hostname}:${port}`],
      ['another port', `http://${hostname}:${Number(port) + 1}`],
      ['no port', `http://${hostname}`],
      ['a sub-domain', `http://card.${hostname}:${port}`],
      ['a longer host', `http://${hostname}.evil.example:${port}`],
      ['a dot after the host', `http://${hostname}.:${port}`],
      ['capital letters', `http://${hostname.toUpperCase()}:${port}`],
      ['a slash at the end', `http://${hostname}:${port}/`],
      ['the address for the name', `http://127.0.0.1:${port}`],
      ['user information', `http://user@${hostname}:${port}`],
      ['the mutual-TLS origin', hub.target.mutualTlsUrl],
      ['a stranger', 'https://evil.example'],
      ['no origin', ''],
      ['“null”', 'null'],
    ];
  };
  it('made for another origin is refused, however near that is', async (t) => {
    for (const [title, origin] of relayed()) {
      await t.test(title, () =>
        hub.assertRefused((browser) => hub.present(hub.citizen, { browser, change: { origin } }), NOT_FOR_US),
      );
    }
  });

  it('over the nonce without the origin is refused', () =>
    hub.assertRefused(
      (browser) =>
        hub.present(hub.citizen, {
          browser,
          change: { signature: (data) => sign('sha256', data.subarray(32), hub.citizen.key.privateKey) },
        }),
      NOT_FOR_US,
    ));

  it('over another nonce is refused', () =>
    hub.assertRefused(
      (browser) => hub.present(hub.citizen, { browser, change: { nonce: Buffer.alloc(32).toString('base64') } }),
      NOT_FOR_US,
    ));

  const signatures: [string, (signature: Buffer) => Buffer][] = [
    ['with one bit changed', (good) => Buffer.concat([good.subarray(0, 255), Buffer.of((good[255] ?? 0) ^ 1)])],
    ['that is cut', (good) => good.subarray(0, 255)],
    ['with an octet after it', (good) => Buffer.concat([good, Buffer.of(0)])],
    ['with an octet before it', (good) => Buffer.concat([Buffer.of(0), good])],
    ['of zeros', () => Buffer.alloc(256)],
    ['of ones, above the modulus', () => Buffer.alloc(256, 0xff)],
  ];
  for (const [title, change] of signatures) {
    it(`${title} is refused`, () =>
      hub.assertRefused(
        (browser) =>
          hub.present(hub.citizen, {
            browser,
            change: { signature: (data) => change(sign('sha256', data, hub.citizen.key.privateKey)) },
          }),
        NOT_FOR_US,
      ));
  }

  const algorithms: [string, unknown, { code: string; status: number }][] = [
    ['none', 'none', MALFORMED],
    ['HS256', 'HS256', MALFORMED],
    ['RS512', 'RS512', MALFORMED],
    ['RS1', 'RS1', MALFORMED],
    ['rs256 in small letters', 'rs256', MALFORMED],
    ['ES256 with an RSA key', 'ES256', NOT_FOR_US],
    ['ES384 with an RSA key', 'ES384', NOT_FOR_US],
    ['PS256 over a PKCS#1 v1.5 signature', 'PS256', NOT_FOR_US],
    ['a list', ['RS256'], MALFORMED],
    ['a property that objects inherit', 'constructor', MALFORMED],
    ['nothing', null, MALFORMED],
  ];
  for (const [title, algorithm, refusal] of algorithms) {
    it(`is refused when the token names ${title}`, () =>
      hub.assertRefused(
        (browser) => hub.present(hub.citizen, { browser, change: { fields: { algorithm } } }),
        refusal,
      ));
  }

  const tokens: [string, (good: string) => string][] = [
    ['that is empty', () => ''],
    ['that is no JSON', () => 'eyJhbGciOiJub25lIn0.e30.'],
    ['that is a list', (good) => `[${good}]`],
    ['that is a JSON text of a token', (good) => JSON.stringify(good)],
    ['that is null', () => 'null'],
    ['that is a number', () => '1e400'],
    ['cut in the middle', (good) => good.slice(0, good.length / 2)],
    ['followed by another', (good) => `${good}${good}`],
    ['of an unknown format', (good) => good.replace('web-eid:1.0', 'web-eid:2.0')],
    ['of a format with more behind it', (good) => good.replace('web-eid:1.0', 'web-eid:1.0\\nweb-eid:1.0')],
    ['without a format', (good) => good.replace('"format"', '"Format"')],
    ['without a certificate', (good) => good.replace('unverifiedCertificate', 'certificate')],
    ['without a signature', (good) => good.replace('"signature"', '"sig"')],
    ['with an empty signature', (good) => good.replace(/"signature":"[^"]*"/, '"signature":""')],
    [
      'with a certificate of a wrong type',
      (good) => good.replace(/"unverifiedCertificate":"[^"]*"/, '"unverifiedCertificate":{}'),
    ],
    [
      'with a certificate in a list',
      (good) => good.replace(/"unverifiedCertificate":("[^"]*")/, '"unverifiedCertificate":[$1]'),
    ],
    ['with a signature in the alphabet of URLs', (good) => good.replace(/"signature":"..../, '"signature":"-_-_')],
    [
      'with white space in the certificate',
      (good) => good.replace('"unverifiedCertificate":"', '"unverifiedCertificate":" '),
    ],
    ['where a second member takes the first one back', (good) => `${good.slice(0, -1)},"algorithm":"none"}`],
    [
      'where a second certificate takes the first one back',
      (good) => `${good.slice(0, -1)},"unverifiedCertificate":"AAAA="}`,
    ],
    ['that hides in __proto__', (good) => `{"__proto__":${good}}`],
    ['that hides in a constructor', (good) => `{"constructor":{"prototype":${good}}}`],
    ['nested 8,000 deep', () => `${'['.repeat(8000)}${']'.repeat(8000)}`],
    [
      'with a member nested 4,000 deep and no format',
      (good) => `${good.slice(0, -1)},"format":${'['.repeat(4000)}${']'.repeat(4000)}}`,
    ],
    ['of 32 KiB and one octet', (good) => good.padEnd(32 * 1024 + 1)],
    ['with a null character', (good) => good.replace('"format"', '"\0format"')],
    ['with half a surrogate pair', (good) => good.replace('web-eid:1.0', '\\ud800')],
  ];
  for (const [title, change] of tokens) {
    it(`is refused in a token ${title}`, () =>
      hub.assertRefused(async (browser) => {
        const opened = await hub.openSignIn(browser);
        return hub.submit(opened, { token: change(hub.token(hub.citizen, opened.nonce)) });
      }, MALFORMED));
  }

  it('changes no object that others inherit from', () => {
    assert.equal(({} as Record<string, unknown>).format, undefined);
    assert.equal(({} as Record<string, unknown>).algorithm, undefined);
  });

  it('is not read at all from a form of a megabyte', () =>
    hub.assertRefused(
      async (browser) => hub.submit(await hub.openSignIn(browser), { token: 'A'.repeat(1024 * 1024) }),
      { code: 'request_too_large', status: 413, audited: false },
    ));

  it('is not read from another kind of body', async () => {
    for (const type of [
      'application/json',
      'multipart/form-data; boundary=x',
      'text/plain',
      'application/x-www-form-urlencodedx',
    ]) {
      await hub.assertRefused(
        async (browser) => {
          const opened = await hub.openSignIn(browser);
          return hub.submit(
            opened,
            { token: hub.token(hub.citizen, opened.nonce) },
            { headers: { 'content-type': type } },
          );
        },
        { code: 'bad_request', status: 400, audited: false },
      );
    }
  });

  it('leaves no trace of a person in the log', () => hub.assertNothingInTheLog());
});
