import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Context } from 'koa';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { AuthnRequest } from '../../../provider/saml/messages.ts';
import { createPostedMessages, type PostedMessages } from '../../../provider/saml/posted_messages.ts';
import { serviceProvider } from '../../support/saml/providers.ts';

const KINDS = ['AuthnRequest'] as const;
const provider = serviceProvider();
const STALE = { code: 'saml_request_stale', status: 400 };

let now: number;
let known: boolean;
let posted: PostedMessages;

beforeEach(() => {
  now = 1_800_000_000_000;
  known = true;
  posted = createPostedMessages({
    vault: createVault([new Uint8Array(32)]),
    providers: { find: async () => (known ? provider : undefined) },
    clock: () => now,
  });
});

const message = { kind: 'AuthnRequest', id: '_1', issuer: provider.metadata.entityId, isSigned: true } as AuthnRequest;

/** The parameter that a browser is sent on with. */
function sentOn(path: string, relayState: string | undefined = 'there', sent = message): string {
  let address = '';
  const ctx = { redirect: (to: string) => (address = to) } as unknown as Context;
  posted.sendOn(ctx, path, { message: sent, provider, relayState });
  const [at, parameter = ''] = address.split('?message=');
  assert.equal(at, `${path}/posted`);
  return parameter;
}

function arrival(path: string, parameter: unknown): Context {
  return { query: { message: parameter }, _matchedRoute: `${path}/posted` } as unknown as Context;
}

describe('a posted message that goes on', () => {
  it('arrives as it was judged', async () => {
    const received = await posted.read(arrival('/saml/sso', sentOn('/saml/sso')), KINDS);
    assert.deepEqual(received, { message, provider, relayState: 'there' });
  });

  it('arrives at its own address only', async () => {
    const parameter = sentOn('/saml/sso');
    await assert.rejects(posted.read(arrival('/saml/slo', parameter), KINDS), STALE);
    await assert.rejects(posted.read(arrival('/saml/slo', parameter), ['LogoutRequest']), STALE);
  });

  it('arrives as a message of the kind that is taken there', async () => {
    const parameter = sentOn('/saml/slo');
    await assert.rejects(posted.read(arrival('/saml/slo', parameter), ['LogoutRequest', 'LogoutResponse']), STALE);
  });

  it('arrives within a minute', async () => {
    const parameter = sentOn('/saml/sso');
    now += 60_000;
    assert.ok(await posted.read(arrival('/saml/sso', parameter), KINDS));
    now += 1;
    await assert.rejects(posted.read(arrival('/saml/sso', parameter), KINDS), STALE);
  });

  it('is from somebody who is registered still', async () => {
    const parameter = sentOn('/saml/sso');
    known = false;
    await assert.rejects(posted.read(arrival('/saml/sso', parameter), KINDS), STALE);
  });

  it('is nothing that somebody else has written, nor a list, nor endless', async () => {
    const parameter = sentOn('/saml/sso');
    const unsealed = Buffer.from(JSON.stringify({ message, until: now + 1000 })).toString('base64url');
    for (const other of [undefined, '', unsealed, parameter.slice(4), [parameter], 'A'.repeat(100_000)]) {
      await assert.rejects(posted.read(arrival('/saml/sso', other), KINDS), STALE);
    }
  });

  it('shows nothing of what is in it', () => {
    const octets = Buffer.from(sentOn('/saml/sso', 'a-secret-of-theirs'), 'base64url').toString('latin1');
    assert.doesNotMatch(octets, /AuthnRequest|sp\.example|a-secret/);
  });

  it('is no longer than addresses may be', () => {
    const large = { ...message, assertionConsumerServiceUrl: `https://sp.example/${'x'.repeat(8000)}` };
    assert.throws(() => sentOn('/saml/sso', undefined, large), { code: 'request_too_large', status: 413 });
  });
});
