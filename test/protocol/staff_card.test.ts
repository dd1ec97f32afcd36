import assert from 'node:assert/strict';
import { hash, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type CrlOptions,
  createCrl,
  encodePem,
  type IssuedCertificate,
  type Root,
} from '../../adapters/sandbox/pki/index.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { communityAuthority, staffCard } from '../support/community.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { createRelyingParty, isConsentPage, open, presentCard, type RelyingParty } from './relying_party.ts';

const POLICY = '1.3.6.1.4.1.99999.1.2';
const policies = [POLICY];

/** Two lists: the root's about the authority below it, and that one's about the cards. */
const lists = new Map<string, Buffer>();
let server: Server;
let folder: string;
let hub: TestHub;
let party: RelyingParty;
let root: Root;
let issuing: Root;
let unlisted: Root;
let number = 1;

async function publish(path: string, authority: Root, options: CrlOptions = {}): Promise<void> {
  number += 1;
  lists.set(path, await createCrl(authority, { number, thisUpdate: Date.now() - 60_000, ...options }));
}

before(async () => {
  root = await communityAuthority('Root');
  issuing = await communityAuthority('Issuing', root, { policies, pathLength: 0 });
  unlisted = await communityAuthority('Unlisted', root, { policies, pathLength: 0 });
  folder = mkdtempSync(join(tmpdir(), 'musubi-test-community-'));
  const file = (name: string, { der }: Root) => {
    const path = join(folder, `${name}.pem`);
    writeFileSync(path, encodePem('CERTIFICATE', der));
    return path;
  };
  server = createServer((request, response) => {
    const list = lists.get(request.url ?? '');
    response.writeHead(list ? 200 : 404).end(list);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await publish('/root', root);
  await publish('/issuing', issuing);
  hub = await startTestHub({
    settings: {
      trust: {
        profile: 'plain',
        policies,
        anchors: [{ name: 'root', file: file('root', root), kind: 'user' }],
        intermediates: [
          { name: 'issuing', file: file('issuing', issuing) },
          { name: 'unlisted', file: file('unlisted', unlisted) },
        ],
      },
      revocation: {
        sources: ['crl'],
        responders: [],
        lists: [
          { anchor: 'root', url: `${address}/root` },
          { anchor: 'issuing', url: `${address}/issuing` },
        ],
      },
    },
  });
  party = await createRelyingParty(hub);
});
after(async () => {
  await hub?.stop();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the sign-in page and answers its challenge with the card. */
async function present(card: IssuedCertificate): Promise<Visited> {
  const browser = createHttpBrowser();
  const page = await open(party.authorizationUrl(await party.attempt()), browser);
  const { nonce = '' } = hiddenFields(page.text);
  const signed = Buffer.concat([hash('sha256', hub.issuer, 'buffer'), hash('sha256', nonce, 'buffer')]);
  const token = JSON.stringify({
    format: 'web-eid:1.0',
    unverifiedCertificate: card.der.toString('base64'),
    algorithm: 'RS256',
    signature: sign('sha256', signed, card.key.privateKey).toString('base64'),
  });
  return presentCard(hub, browser, page, { over: { token } });
}

async function events(kind: string): Promise<StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 1000)).filter((event) => event.kind === kind);
}

async function assertRefused(card: IssuedCertificate, code: string): Promise<void> {
  const page = await present(card);
  assert.ok(page.status >= 400 && page.status < 600, `status ${page.status}`);
  assert.equal((await events('sign_in.refused')).at(-1)?.data?.code, code);
}

describe('a staff card below an authority that the operator named, by the plain profile', () => {
  it('signs in, and each certificate of its path was asked about', async () => {
    const page = await present(await staffCard('Nurse', issuing, { policies }));
    assert.ok(page.status === 0 || isConsentPage(page), page.text.slice(0, 300));
    const decided = (await events('revocation.decided')).map(({ data }) => [data?.purpose, data?.status]);
    assert.deepEqual(decided.slice(-2), [
      ['issuing_authority', 'good'],
      ['sign_in', 'good'],
    ]);
  });

  it('is explained with the root that vouches for it', async () => {
    const { der } = await staffCard('Doctor', issuing, { policies });
    const decisions = (await events('revocation.decided')).length;
    const explanation = await hub.hub.explain({ file: der }, 'user', undefined);
    assert.equal(explanation.accepted, true, JSON.stringify(explanation));
    assert.equal(explanation.profile, 'plain-user');
    assert.equal(explanation.steps.find(({ step }) => step === 'path')?.detail, 'anchor root');
    // An explanation is no decision.
    assert.equal((await events('revocation.decided')).length, decisions);
  });

  it('without the policy that the operator asks for is refused', async () => {
    await assertRefused(await staffCard('Guest', issuing), 'path_policy');
    await assertRefused(await staffCard('Guest', issuing, { policies: ['1.3.6.1.4.1.99999.9'] }), 'path_policy');
  });

  it('of an authority of the same name and another key is refused', async () => {
    const impostor = await communityAuthority('Issuing', undefined, { policies });
    const forged = await communityAuthority('Other', root);
    await assertRefused(
      await staffCard('Nurse', { ...impostor, key: forged.key }, { policies }),
      'certificate_untrusted',
    );
  });

  it('is refused where nothing is known about its authority’s cards', async () => {
    await assertRefused(await staffCard('Nurse', unlisted, { policies }), 'revocation_unavailable');
  });

  it('is refused when it is revoked by its authority', async () => {
    const card = await staffCard('Leaver', issuing, { policies });
    const entries = [
      { serialNumber: card.serialNumber, revokedAt: Date.now() - 120_000, reason: 'cessationOfOperation' as const },
    ];
    await publish('/issuing', issuing, { entries });
    await hub.refreshLists();
    await assertRefused(card, 'certificate_revoked');
  });

  it('is refused where the root’s list is about persons only', async () => {
    await publish('/root', root, { scope: { onlyContainsUserCerts: true } });
    await hub.refreshLists();
    await assertRefused(await staffCard('Nurse', issuing, { policies }), 'revocation_unavailable');
    await publish('/root', root);
    await hub.refreshLists();
  });

  it('is refused when the root has revoked its authority', async () => {
    const card = await staffCard('Nurse', issuing, { policies });
    await publish('/root', root, {
      entries: [
        {
          serialNumber: issuing.serialNumber,
          revokedAt: Date.now() - 120_000,
          reason: 'cessationOfOperation' as const,
        },
      ],
    });
    await hub.refreshLists();
    await assertRefused(card, 'certificate_revoked');
  });
});
