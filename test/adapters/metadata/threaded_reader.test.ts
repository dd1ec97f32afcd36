import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { createThreadedReader } from '../../../adapters/metadata/threaded_reader.ts';
import { generateRsaKey } from '../../../adapters/sandbox/pki/index.ts';
import { NOW, SP } from '../../support/saml/messages.ts';
import { consumer, entitiesText, entityText, keyDescriptor, signedMetadata } from '../../support/saml/metadata.ts';
import { type SigningIdentity, signingIdentity } from '../../support/saml/providers.ts';

let federation: SigningIdentity;
before(async () => {
  federation = await signingIdentity(await generateRsaKey());
});

const reader = createThreadedReader({ clock: () => NOW, allowLoopback: false });
/** Much more than is read at once. */
const others = Array.from({ length: 150 }, (_, n) =>
  entityText({ entityId: `https://sp${n}.example/`, extensions: `<x xmlns="urn:x">${'x'.repeat(2_000)}</x>` }),
);
const large = (own: string) => Buffer.from(entitiesText([own, ...others]));

describe('the reader of large metadata', () => {
  it('finds what a small document and a large one say, while other work goes on', async () => {
    let turns = 0;
    let done = false;
    const count = () => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const fromLarge = await reader.entity(large(entityText()), SP, []);
    done = true;
    assert.ok(turns > 100, `${turns} turns of the event loop`);
    assert.deepEqual(fromLarge, await reader.entity(Buffer.from(entityText()), SP, []));
    const { entities, refused } = await reader.feed(
      large(entityText({ consumers: consumer('http://x.example/') })),
      {},
      [],
    );
    assert.deepEqual([entities.size, [...refused.keys()]], [others.length, [SP]]);
  });

  it('judges signatures, and refuses with the same codes and words', async () => {
    const text = large(entityText({ keys: keyDescriptor(federation.certificate) })).toString();
    const signed = Buffer.from(signedMetadata(text, federation.key));
    const { metadata } = await reader.entity(signed, SP, [federation.certificate]);
    assert.deepEqual(metadata.signingCertificates, [federation.certificate]);
    await assert.rejects(reader.feed(Buffer.from(text), {}, [federation.certificate]), {
      name: 'HubError',
      code: 'saml_metadata_signature_invalid',
      message: 'The metadata is not signed by a certificate that is pinned for it.',
    });
    const expired = Buffer.from(entitiesText([entityText(), ...others], { validUntil: '2026-01-01T00:00:00Z' }));
    await assert.rejects(reader.entity(expired, SP, []), { code: 'saml_metadata_expired', status: 400 });
  });

  it('refuses what takes more memory than it may, and the process goes on', async () => {
    const small = createThreadedReader({ clock: () => NOW, allowLoopback: false, mostMegabytes: 32 });
    const swollen = Buffer.from(entitiesText([entityText({ extensions: '<x/>'.repeat(590_000) })]));
    await assert.rejects(small.feed(swollen, {}, []), { code: 'saml_metadata_invalid', message: /too much memory/ });
  });
});
