import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import type { Judged } from '../../../provider/saml/gate.ts';
import { fixedRsaKey } from '../../fuzz/fixed_keys.ts';
import { type Bomb, bombs } from '../../support/saml/bombs.ts';
import { SSO } from '../../support/saml/messages.ts';
import { gateOf, serviceProvider, signingIdentity } from '../../support/saml/providers.ts';

/** Milliseconds of this thread. */
const MAX_MS = 1000;
/** Octets that may be more in use, whether anybody has collected them or not: some hundred times what is read. */
const MAX_GROWTH = 32 * 1024 * 1024;

const sender = await signingIdentity(fixedRsaKey('sender'));
const gate = gateOf(serviceProvider({ signingCertificates: [sender.certificate] }));
const door = { address: SSO, kinds: ['AuthnRequest', 'LogoutRequest', 'LogoutResponse', 'AttributeQuery'] as const };

function receive(bomb: Bomb): Promise<Judged> {
  if (bomb.binding === 'redirect') return gate.redirect(bomb.query, door);
  return bomb.binding === 'post' ? gate.post(bomb.form, door) : gate.soap(bomb.body, door);
}

function octetsInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('is refused within a second and in little memory:', () => {
  for (const bomb of bombs(sender.key)) {
    it(`${bomb.name}, by ${bomb.binding}`, async () => {
      const before = octetsInUse();
      const started = process.threadCpuUsage();
      const outcome = await receive(bomb).catch((error: unknown) => error);
      const { user, system } = process.threadCpuUsage(started);
      const growth = octetsInUse() - before;
      assert.ok(outcome instanceof HubError, String(outcome));
      assert.match(outcome.code, /^saml_(malformed|service_unknown|relay_state_invalid)$/);
      assert.ok((user + system) / 1000 < MAX_MS, `${(user + system) / 1000} ms`);
      assert.ok(growth < MAX_GROWTH, `${growth} octets`);
    });
  }
});
