import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createNetworks } from '../../../config/networks.ts';
import { HubError } from '../../../provider/errors.ts';
import {
  certificateFromProxies,
  certificateOfHandshake,
  type PresentedCertificate,
} from '../../../provider/oidc/presented_certificate.ts';

const read = certificateFromProxies(createNetworks(['192.0.2.7', '2001:db8::/32']));

/** What is read of a request with these header lines. */
function from(lines: [string, string][], remoteAddress = '192.0.2.7'): PresentedCertificate | undefined {
  // The reader looks at nothing else of a request.
  return read({ rawHeaders: lines.flat(), socket: { remoteAddress } } as unknown as IncomingMessage);
}

const sequence = (bytes: Uint8Array): string => `:${Buffer.from(bytes).toString('base64')}:`;
const octets = fc.uint8Array({ minLength: 1, maxLength: 4000 });

describe('Client-Cert (RFC 9440)', () => {
  it('gives back the octets that it carries, and the chain in its order', () => {
    fc.assert(
      fc.property(octets, fc.array(octets, { minLength: 1, maxLength: 3 }), (der, chain) => {
        const presented = from([
          ['Client-Cert', sequence(der)],
          ['Client-Cert-Chain', chain.map(sequence).join(', ')],
        ]);
        assert.deepEqual(Buffer.from(presented?.der ?? []), Buffer.from(der));
        assert.deepEqual(
          presented?.offered.map(Buffer.from as (bytes: Uint8Array) => Buffer),
          chain.map((each) => Buffer.from(each)),
        );
        assert.equal(presented?.refusedByProxy, false);
      }),
    );
  });

  it('with any other text is refused, and with nothing but this error', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: fc.constantFrom(':', 'A', '=', '+', '/', ',', ' ', ';', '"'), maxLength: 60 }),
      octets.map((bytes) => sequence(bytes).slice(1)),
      // Bits that no octet is made of (RFC 4648 §3.5).
      fc.constantFrom(':AAB=:', ':AB==:', ':AA==:', ':AAA=:'),
      octets.map((bytes) => sequence(bytes).replace(/.:$/, ':')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom('Client-Cert', 'client-cert', 'CLIENT-CERT'), (value, name) => {
        try {
          const presented = from([[name, value]]);
          assert.equal(value, sequence(presented?.der ?? new Uint8Array()), 'a value has one spelling');
        } catch (error) {
          assert.ok(error instanceof HubError, String(error));
          assert.equal(error.code, 'client_certificate_header');
          assert.equal(error.status, 400);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is nothing from an address that is not a listed proxy’s, whatever it says', () => {
    for (const address of ['192.0.2.8', '127.0.0.1', '::1', '2001:db9::1', '', '192.0.2.7.evil.example']) {
      assert.equal(from([['Client-Cert', ':AAAA:']], address), undefined, address);
      assert.equal(from([['Client-Cert', 'rubbish']], address), undefined, address);
    }
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:1::5'])
      assert.ok(from([['Client-Cert', ':AAAA:']], address), address);
  });
});

describe('a request that came by TLS to the hub itself', () => {
  const request = (socket: object) =>
    certificateOfHandshake({ rawHeaders: ['Client-Cert', ':AAAA:'], socket } as unknown as IncomingMessage);
  const shown = { getPeerX509Certificate: () => ({ raw: Buffer.from('a certificate') }) };

  it('shows the certificate of its handshake', () => {
    assert.equal(String(request({ encrypted: true, isSessionReused: () => false, ...shown })?.der), 'a certificate');
    assert.equal(
      request({ encrypted: true, isSessionReused: () => false, getPeerX509Certificate: () => undefined }),
      undefined,
    );
  });

  it('shows none when its session was resumed, or when there was no TLS', () => {
    assert.equal(request({ encrypted: true, isSessionReused: () => true, ...shown }), undefined);
    assert.equal(request(shown), undefined);
  });
});
