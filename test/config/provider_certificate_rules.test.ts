import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ConfigurationError, loadConfiguration } from '../../config/load.ts';
import { createNeighbourAuthority, type NeighbourAuthority, writeIdentity } from '../support/tls_neighbours.ts';

let authority: NeighbourAuthority;
let files: ReturnType<typeof writeIdentity>;

before(async () => {
  authority = await createNeighbourAuthority();
  files = writeIdentity(await authority.client('hub'));
});
after(() => files?.remove());

/** Where the faults are, for a sandbox whose group `attributes.clientCertificate` is this. */
function faultsOf(clientCertificate: Record<string, unknown>): string[] {
  try {
    loadConfiguration({
      values: { mode: 'sandbox', publicUrl: 'https://id.example.jp', attributes: { clientCertificate } },
    });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.faults.map(({ path }) => path.replace('attributes.clientCertificate.', ''));
  }
}

describe('the group attributes.clientCertificate', () => {
  it('takes a certificate and its key', () => {
    const { certificateFile, keyFile } = files;
    assert.deepEqual(faultsOf({ certificateFile, keyFile }), []);
    assert.deepEqual(faultsOf({ certificateFile }), ['keyFile']);
  });

  it('names each file that cannot be read', () => {
    const nowhere = `${files.keyFile}.gone`;
    assert.deepEqual(faultsOf({ certificateFile: nowhere, keyFile: nowhere }), ['certificateFile', 'keyFile']);
  });

  it('takes no key of another certificate, and no text that is no key', async () => {
    const { certificateFile, keyFile } = files;
    for (const key of [(await authority.client('hub')).key, 'nothing']) {
      files.replace({ key });
      assert.deepEqual(faultsOf({ certificateFile, keyFile }), ['keyFile']);
    }
  });
});
