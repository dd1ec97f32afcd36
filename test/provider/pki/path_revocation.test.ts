import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCrl, der, type Extension } from '../../../adapters/sandbox/pki/index.ts';
import {
  checkPathRevocation,
  loadTrustAnchor,
  parseCertificate,
  plainUser,
  readPathCrl,
} from '../../../provider/pki/index.ts';
import { communityAuthority, staffCard } from '../../support/community.ts';
import { HOUR, NOW } from './fixtures.ts';

const address = (text: string) => der.element(0x86, [Buffer.from(text)]);
/** A `distributionPoint [0]` of so many addresses. */
const point = (prefix: string, count: number) =>
  der.context(0, der.context(0, ...Array.from({ length: count }, (_, index) => address(`${prefix}${index}`))));

describe('revocation along a path', () => {
  it('takes no longer for thousands of points in a certificate and in a list, none of them the same', async () => {
    const root = await communityAuthority('Root', undefined, { now: NOW });
    const points: Extension = {
      oid: '2.5.29.31',
      critical: false,
      value: der.sequence(der.sequence(point('a', 2000))),
    };
    const card = await staffCard('Nurse', root, { now: NOW, extensions: [points] });
    const scope: Extension = { oid: '2.5.29.28', critical: true, value: der.sequence(point('b', 100_000)) };
    const crl = await createCrl(root, {
      thisUpdate: NOW - HOUR,
      overrides: { extensions: (profile) => [...profile, scope] },
    });
    const path = { path: [parseCertificate(card.der)], anchor: loadTrustAnchor(root.der, { profile: plainUser }) };
    const lists = [readPathCrl(crl)];

    const before = process.cpuUsage();
    const { status } = checkPathRevocation(path, { lists, now: NOW });
    const { user, system } = process.cpuUsage(before);
    assert.equal(status, 'unknown');
    assert.ok(user + system < 250_000, `${(user + system) / 1000} ms`);
  });
});
