import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PAIRWISE_ID } from '../../provider/saml/names.ts';
import { createSamlParty, type SamlParty } from '../protocol/saml_party.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';

/* The attribute service, asked by a service provider that others wrote: it signs, sends, verifies and decrypts. */

interface Told {
  readonly status?: readonly string[];
  readonly nameId?: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  readonly error?: string;
}

let hub: TestHub;
before(async () => {
  hub = await startTestHub();
});
after(() => hub?.stop());

async function askByPysaml2(
  party: SamlParty,
  queries: readonly { nameId: string; attributes?: readonly string[] }[],
): Promise<Told[]> {
  const { privateKey, certificate } = party.key;
  const task = {
    metadata: await (await fetch(`${hub.issuer}/saml/metadata`)).text(),
    hub: `${hub.issuer}/saml/metadata`,
    ...{ entityId: party.entityId, acs: party.acs, queries },
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    certificate: new X509Certificate(Buffer.from(certificate, 'base64')).toString(),
  };
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'pysaml2_queries.py');
    const child = execFile('/usr/bin/python3', [script], (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout) as Told[]);
    });
    child.stdin?.end(JSON.stringify(task));
  });
}

describe('pysaml2 asks for attributes', () => {
  for (const [how, hasEncryptionKey] of [
    ['in the clear', false],
    ['in an encrypted assertion', true],
  ] as const) {
    it(`and reads the answer, ${how}`, async () => {
      const host = hasEncryptionKey ? 'sealed.example' : 'plain.example';
      const party = await createSamlParty(hub, { host, hasEncryptionKey, settings: { claims: ['card_status'] } });
      const { nameID: nameId } = await party.signIn();
      const [all, named, nobody] = await askByPysaml2(party, [
        { nameId },
        { nameId, attributes: [PAIRWISE_ID, 'urn:oid:2.5.4.42'] },
        { nameId: 'nobody' },
      ]);
      assert.deepEqual(all?.status, ['Success'], all?.error);
      assert.equal(all?.nameId, nameId);
      assert.deepEqual(Object.keys(all?.attributes ?? {}).sort(), ['card_status', PAIRWISE_ID]);
      assert.match(String(all?.attributes?.card_status), /"status":"good"/);
      assert.deepEqual(Object.keys(named?.attributes ?? {}), [PAIRWISE_ID], named?.error);
      assert.deepEqual(nobody, { status: ['Responder', 'UnknownPrincipal'] });
    });
  }
});
