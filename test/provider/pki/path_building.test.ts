import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import {
  der,
  directoryName,
  dnsName,
  type Extension,
  type IssuedCertificate,
  keyUsage,
  type Root,
  replaceExtension,
  subjectAltName,
  unknownExtension,
  withoutExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import {
  Certificate,
  type CertificateProfile,
  createCertificateChecks,
  defaultPathLimits,
  loadTrustAnchor,
  type PkiErrorCode,
  plainUser,
} from '../../../provider/pki/index.ts';
import { ecKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import {
  type CommunityOptions,
  communityAuthority,
  nameOf,
  organizationName,
  staffCard,
} from '../../support/community.ts';
import { DAY, NOW, pkiError } from './fixtures.ts';

const GRANTED = '1.3.6.1.4.1.99999.1.2';
const OTHER = '1.3.6.1.4.1.99999.7';
const ANY_POLICY = '2.5.29.32.0';

const authority = (name: string, issuer?: Root, options: CommunityOptions = {}) =>
  communityAuthority(name, issuer, { now: NOW, ...options });
const card = (issuer: Root, options: CommunityOptions = {}) => staffCard('Nurse', issuer, { now: NOW, ...options });

interface Presented {
  readonly leaf: IssuedCertificate;
  readonly root: Root;
  readonly sent?: readonly { readonly der: Uint8Array }[];
  readonly profile?: CertificateProfile;
  readonly now?: number;
}

/** As a sign-in takes it: one certificate, and what was sent along. */
function check({ leaf, root, sent = [], profile = plainUser, now = NOW }: Presented) {
  const checks = createCertificateChecks({ profile, anchors: [loadTrustAnchor(root.der, { profile })], capacity: 0 });
  return checks.check(
    leaf.der,
    now,
    sent.map((each) => each.der),
  );
}

const refuses = (code: PkiErrorCode, presented: Presented) => assert.throws(() => check(presented), pkiError(code));

/** Signatures that are verified while `work` checks one certificate, apart from the root's own when it is pinned. */
function signaturesDuring(work: () => void): number {
  const verify = mock.method(Certificate.prototype, 'isSignedBy');
  try {
    work();
    return verify.mock.callCount() - 1;
  } finally {
    verify.mock.restore();
  }
}

/** Root, and two authorities below it. */
async function chain(below: CommunityOptions = {}, issuing: CommunityOptions = {}) {
  const root = await authority('Root');
  const middle = await authority('Middle', root, below);
  const bottom = await authority('Bottom', middle, issuing);
  return { root, middle, bottom };
}

describe('a path over authorities', () => {
  it('is found whatever the order in which they are sent, strangers and repetitions between them', async () => {
    const { root, middle, bottom } = await chain();
    const stranger = await authority('Stranger');
    const leaf = await card(bottom);
    const orders = [
      [middle, bottom],
      [bottom, middle],
      [stranger, bottom, bottom, root, middle, leaf, middle],
      [{ der: Buffer.from('no certificate') }, bottom, { der: Buffer.alloc(70_000, 0x30) }, middle],
    ];
    for (const sent of orders) {
      const { path, anchor } = check({ leaf, root, sent });
      assert.deepEqual(
        path.map((each) => Buffer.from(each.der)),
        [leaf.der, bottom.der, middle.der],
      );
      assert.deepEqual(Buffer.from(anchor.certificate.der), root.der);
    }
  });

  it('is not found without one of them', async () => {
    const { root, middle, bottom } = await chain();
    const leaf = await card(bottom);
    for (const sent of [[], [middle], [bottom]]) refuses('certificate_untrusted', { leaf, root, sent });
  });

  it('ends at a pinned root only, not at one that is sent along', async () => {
    const { middle, bottom } = await chain();
    const other = await authority('Other root');
    const root = await authority('Root');
    refuses('certificate_untrusted', { leaf: await card(bottom), root: other, sent: [middle, bottom, root] });
  });

  it('needs every signature: an authority of the same name and key identifier does not stand in', async () => {
    const { root, middle, bottom } = await chain();
    const key = await rsaKey('stranger');
    const impostor = await authority('Bottom', middle, { key });
    const forged = await card({ ...bottom, key });
    refuses('certificate_untrusted', { leaf: forged, root, sent: [middle, bottom] });
    // The right one is found beside its namesake.
    assert.ok(check({ leaf: await card(bottom), root, sent: [impostor, middle, bottom] }));
  });

  it('is refused as too long beyond what the profile allows, and nothing is read where it allows none', async () => {
    const { root, middle, bottom } = await chain();
    const profile = { ...plainUser, maxIntermediates: 1 };
    refuses('path_too_long', { leaf: await card(bottom), root, sent: [middle, bottom], profile });
    const none = { ...plainUser, maxIntermediates: 0 };
    const leaf = await card(bottom);
    const count = signaturesDuring(() =>
      refuses('certificate_untrusted', { leaf, root, sent: [middle, bottom], profile: none }),
    );
    assert.equal(count, 0);
  });
});

describe('an authority on the path is refused', () => {
  const broken: [string, CommunityOptions, PkiErrorCode][] = [
    ['that says it is none', { overrides: { extensions: withoutExtension('2.5.29.19') } }, 'path_not_authority'],
    [
      'that may not sign certificates',
      { overrides: { extensions: replaceExtension(keyUsage(['cRLSign'])) } },
      'path_not_authority',
    ],
    ['that has expired', { overrides: { notAfter: NOW - 1000 } }, 'path_issuer_expired'],
    ['that is not valid yet', { overrides: { notBefore: NOW + 1000 } }, 'path_issuer_expired'],
    ['with an unknown critical extension', { extensions: [unknownExtension()] }, 'path_critical_extension'],
  ];
  for (const [which, options, code] of broken) {
    it(which, async () => {
      const { root, middle, bottom } = await chain(options);
      refuses(code, { leaf: await card(bottom), root, sent: [middle, bottom] });
      const lower = await chain({}, options);
      refuses(code, { leaf: await card(lower.bottom), root: lower.root, sent: [lower.middle, lower.bottom] });
    });
  }

  it('that signed with an algorithm nobody trusts', async () => {
    const { root, middle, bottom } = await chain({ overrides: { algorithm: 'sha1WithRSAEncryption' } });
    // It cannot be read, so that it counts as not sent.
    refuses('certificate_untrusted', { leaf: await card(bottom), root, sent: [middle, bottom] });
  });

  it('when it is somebody’s card', async () => {
    const { root, middle, bottom } = await chain();
    const holder = await card(bottom);
    const child = await card(
      { ...bottom, ...holder, name: nameOf('Nurse'), key: holder.key },
      {
        key: await rsaKey('stranger'),
      },
    );
    refuses('path_not_authority', { leaf: child, root, sent: [middle, bottom, holder] });
  });
});

describe('a path length', () => {
  it('of zero allows cards and no further authority', async () => {
    const { root, middle, bottom } = await chain({ pathLength: 0 });
    refuses('path_length_exceeded', { leaf: await card(bottom), root, sent: [middle, bottom] });
    assert.ok(check({ leaf: await card(middle), root, sent: [middle] }));
  });

  it('holds for all below, though one of them claims more', async () => {
    const root = await authority('Root');
    const a = await authority('A', root, { pathLength: 1 });
    const b = await authority('B', a, { pathLength: 9 });
    const c = await authority('C', b);
    assert.ok(check({ leaf: await card(b), root, sent: [a, b] }));
    refuses('path_length_exceeded', { leaf: await card(c), root, sent: [a, b, c] });
  });

  it('of the root counts too', async () => {
    const root = await authority('Short root', undefined, { pathLength: 0 });
    const below = await authority('Below', root);
    refuses('path_length_exceeded', { leaf: await card(below), root, sent: [below] });
  });
});

describe('name constraints', () => {
  const subtree = (generalName: Uint8Array) => der.sequence(generalName);
  const constraints = (permitted: Uint8Array[], excluded: Uint8Array[] = []): Extension => ({
    oid: '2.5.29.30',
    critical: true,
    value: der.sequence(
      ...(permitted.length ? [der.context(0, ...permitted.map(subtree))] : []),
      ...(excluded.length ? [der.context(1, ...excluded.map(subtree))] : []),
    ),
  });
  const underExample = directoryName(organizationName);

  it('hold for the cards of every authority below', async () => {
    const within = await chain({ extensions: [constraints([underExample])] });
    assert.ok(check({ leaf: await card(within.bottom), root: within.root, sent: [within.middle, within.bottom] }));
    const without = await chain({ extensions: [constraints([], [underExample])] });
    refuses('path_name_constraints', {
      leaf: await card(without.bottom),
      root: without.root,
      sent: [without.middle, without.bottom],
    });
  });

  it('hold for alternative names, and for kinds of name that are not compared', async () => {
    const { root, middle, bottom } = await chain({ extensions: [constraints([dnsName('example.jp')])] });
    const sent = [middle, bottom];
    const named = (name: string) => card(bottom, { extensions: [subjectAltName([dnsName(name)])] });
    assert.ok(check({ leaf: await named('a.example.jp'), root, sent }));
    refuses('path_name_constraints', { leaf: await named('example.com'), root, sent });
    refuses('path_name_constraints', { leaf: await named('notexample.jp'), root, sent });
  });

  it('of the root hold too', async () => {
    const root = await authority('Constrained root', undefined, { extensions: [constraints([], [underExample])] });
    const below = await authority('Below', root);
    refuses('path_name_constraints', { leaf: await card(below), root, sent: [below] });
  });
});

describe('certificate policies over authorities', () => {
  const profile: CertificateProfile = { ...plainUser, policies: [GRANTED] };
  const policies = [GRANTED];

  it('must be granted all the way, by name or by anyPolicy', async () => {
    for (const given of [policies, [ANY_POLICY], [OTHER, GRANTED]]) {
      const { root, middle, bottom } = await chain({ policies: given }, { policies: given });
      assert.ok(check({ leaf: await card(bottom, { policies }), root, sent: [middle, bottom], profile }));
    }
  });

  it('are refused where one of the authorities does not grant it, or the card does not assert it', async () => {
    const broken: [string[] | undefined, string[] | undefined, string[] | undefined][] = [
      [[OTHER], policies, policies],
      [undefined, policies, policies],
      [policies, [OTHER], policies],
      [policies, undefined, policies],
      [policies, policies, [OTHER]],
      [policies, policies, undefined],
    ];
    for (const [above, below, own] of broken) {
      const { root, middle, bottom } = await chain(above && { policies: above }, below && { policies: below });
      const leaf = await card(bottom, own && { policies: own });
      refuses('path_policy', { leaf, root, sent: [middle, bottom], profile });
    }
  });

  it('are not granted by an anyPolicy that was forbidden', async () => {
    const inhibitAny: Extension = { oid: '2.5.29.54', critical: true, value: der.integer(0) };
    const { root, middle, bottom } = await chain({ policies, extensions: [inhibitAny] }, { policies: [ANY_POLICY] });
    refuses('path_policy', { leaf: await card(bottom, { policies }), root, sent: [middle, bottom], profile });
  });

  it('are demanded by an authority’s requireExplicitPolicy although the profile asks for none', async () => {
    const explicit: Extension = {
      oid: '2.5.29.36',
      critical: true,
      value: der.sequence(der.contextPrimitive(0, Buffer.of(0))),
    };
    const { root, middle, bottom } = await chain({ policies, extensions: [explicit] }, { policies });
    assert.ok(check({ leaf: await card(bottom, { policies }), root, sent: [middle, bottom] }));
    refuses('path_policy', { leaf: await card(bottom), root, sent: [middle, bottom] });
  });

  it('follow a mapping to the community’s own name for it', async () => {
    const mappings: Extension = {
      oid: '2.5.29.33',
      critical: true,
      value: der.sequence(der.sequence(der.objectIdentifier(GRANTED), der.objectIdentifier(OTHER))),
    };
    const { root, middle, bottom } = await chain({ policies, extensions: [mappings] }, { policies: [OTHER] });
    const sent = [middle, bottom];
    assert.ok(check({ leaf: await card(bottom, { policies: [OTHER] }), root, sent, profile }));
    refuses('path_policy', { leaf: await card(bottom, { policies }), root, sent, profile });
  });
});

describe('the work that a certificate causes is bounded', () => {
  const { maxSignatures, maxOffered } = defaultPathLimits;

  /** Certificates under each other’s names: every one of them leads to every other. */
  async function loop(size: number): Promise<Root[]> {
    const keys = await Promise.all(Array.from({ length: size }, (_, index) => ecKey(`loop ${index}`, 'P-256')));
    const bare = await Promise.all(keys.map((key, index) => authority(`Loop ${index}`, undefined, { key })));
    const made: Root[] = [];
    for (const [index, subject] of keys.entries()) {
      for (const [from, issuer] of bare.entries()) {
        if (from !== index) made.push(await authority(`Loop ${index}`, issuer, { key: subject }));
      }
    }
    return made;
  }

  it('with two that certify each other', async () => {
    const root = await authority('Root');
    const sent = await loop(2);
    const leaf = await card(sent[0] as Root);
    assert.ok(signaturesDuring(() => refuses('certificate_untrusted', { leaf, root, sent })) <= maxSignatures);
  });

  it('with six that all certify each other', async () => {
    const root = await authority('Root');
    const sent = await loop(6);
    assert.ok(sent.length <= maxOffered);
    const leaf = await card(sent[0] as Root);
    const count = signaturesDuring(() => refuses('path_work_exceeded', { leaf, root, sent }));
    assert.equal(count, maxSignatures);
  });

  it('with as many namesakes of its issuer as may be sent, and finds the right one among a few', async () => {
    const { root, middle, bottom } = await chain();
    const leaf = await card(bottom, { overrides: { extensions: withoutExtension('2.5.29.35') } });
    const namesakes = await Promise.all(
      Array.from({ length: maxOffered }, async (_, index) =>
        authority('Bottom', undefined, { key: await ecKey(`namesake ${index}`, 'P-256') }),
      ),
    );
    const count = signaturesDuring(() => refuses('certificate_untrusted', { leaf, root, sent: namesakes }));
    assert.ok(count <= maxSignatures);
    assert.ok(check({ leaf, root, sent: [...namesakes.slice(0, 20), bottom, middle] }));
  });

  it('with two hundred extra ones, of which none is read', async () => {
    const { root, middle, bottom } = await chain();
    const leaf = await card(bottom);
    const sent = Array.from({ length: 100 }, () => [middle, bottom]).flat();
    const count = signaturesDuring(() => refuses('path_work_exceeded', { leaf, root, sent }));
    assert.equal(count, 0);
    assert.ok(check({ leaf, root, sent: sent.slice(0, maxOffered) }));
  });

  it('with thousands of names against thousands of subtrees', async () => {
    const subtrees = Array.from({ length: 300 }, (_, index) => der.sequence(dnsName(`x${index}.jp`)));
    const constraints = { oid: '2.5.29.30', critical: true, value: der.sequence(der.context(1, ...subtrees)) };
    const { root, middle, bottom } = await chain({ extensions: [constraints] });
    const names = subjectAltName(Array.from({ length: 300 }, (_, index) => dnsName(`y${index}.jp`)));
    const leaf = await card(bottom, { extensions: [names] });
    refuses('path_work_exceeded', { leaf, root, sent: [middle, bottom] });
  });
});

it('a path is judged at the time that is asked about', async () => {
  const { root, middle, bottom } = await chain({ overrides: { notAfter: NOW + 10 * DAY } });
  const leaf = await card(bottom);
  assert.ok(check({ leaf, root, sent: [middle, bottom], now: NOW + 9 * DAY }));
  refuses('path_issuer_expired', { leaf, root, sent: [middle, bottom], now: NOW + 11 * DAY });
});
