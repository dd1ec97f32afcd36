import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import type { Judged } from '../../../provider/saml/gate.ts';
import type { MessageKind } from '../../../provider/saml/messages.ts';
import { fixedEcKey, fixedRsaKey } from '../../fuzz/fixed_keys.ts';
import { attributeQuery, logoutRequest, SSO } from '../../support/saml/messages.ts';
import { oddSignatures } from '../../support/saml/odd_signatures.ts';
import { gateOf, serviceProvider, signingIdentity } from '../../support/saml/providers.ts';
import { postForm, signed } from '../../support/saml/sign.ts';
import { added, GENUINE_PERSON, inEnvelopes, respelled, type Shape, wrapped } from '../../support/saml/wrapping.ts';

/** No answer may take longer, in milliseconds of this thread. */
const MAX_MS = 1000;

const sender = await signingIdentity(fixedRsaKey('sender'));
const other = await signingIdentity(fixedRsaKey('somebody'));
const gate = gateOf(serviceProvider({ signingCertificates: [sender.certificate] }));
const door = { address: SSO, kinds: ['LogoutRequest', 'AttributeQuery', 'AuthnRequest', 'LogoutResponse'] as const };

const byPost = ({ document }: Shape) => gate.post(postForm(document), door);
const bySoap = ({ document }: Shape) => gate.soap(Buffer.from(document), door);

async function judge(shape: Shape, receive: (shape: Shape) => Promise<Judged<MessageKind>>): Promise<void> {
  const started = process.threadCpuUsage();
  const outcome = await receive(shape).catch((error: unknown) => error);
  const { user } = process.threadCpuUsage(started);
  assert.ok(user / 1000 < MAX_MS, `${shape.name} took ${user / 1000} ms`);
  if (shape.is === 'refused') {
    assert.ok(outcome instanceof HubError, `${shape.name} was not refused: ${JSON.stringify(outcome)}`);
    assert.match(outcome.code, /^saml_(malformed|service_unknown|encrypted)$/, shape.name);
    assert.match(String(outcome.details.why), /^[a-zA-Z0-9“”’,.() -]+$/, 'why is a phrase');
    return;
  }
  assert.ok(
    !(outcome instanceof Error),
    `${shape.name} was refused: ${outcome instanceof HubError && JSON.stringify(outcome.details)}`,
  );
  const { message } = outcome as Judged<MessageKind>;
  assert.ok(message.isSigned && (message.kind === 'LogoutRequest' || message.kind === 'AttributeQuery'), shape.name);
  assert.equal(message.nameId.value, GENUINE_PERSON, shape.name);
  assert.equal(message.id, '_genuine', shape.name);
  if (message.kind === 'LogoutRequest') assert.deepEqual(message.sessionIndexes, ['session-1'], shape.name);
}

const whole = signed(logoutRequest(), { key: sender.key });

async function judgeAll(all: readonly Shape[], receive = byPost): Promise<void> {
  assert.equal(new Set(all.map(({ document }) => String(document))).size, all.length, 'no shape is there twice');
  for (const shape of all) await judge(shape, receive);
}

describe('of one genuine signed message, an attacker makes nothing that is taken for another', () => {
  it('by keeping it somewhere in a wrong one', async () => {
    const all = wrapped(whole);
    assert.ok(all.length > 120, String(all.length));
    await judgeAll(all);
  });

  for (const shape of added(whole)) it(`with ${shape.name}: ${shape.is}`, () => judge(shape, byPost));

  for (const shape of respelled(whole)) it(`written with ${shape.name}: ${shape.is}`, () => judge(shape, byPost));

  const query = signed(attributeQuery({ attributes: { Destination: undefined } }), { key: sender.key });
  for (const shape of inEnvelopes(query)) it(`in SOAP, ${shape.name}: ${shape.is}`, () => judge(shape, bySoap));

  it('and every shape is another document than the genuine one', () => {
    for (const { document, name } of [...added(whole), ...respelled(whole)].filter(({ is }) => is === 'refused')) {
      assert.notEqual(String(document), whole, name);
    }
  });
});

describe('a signature with', () => {
  const { certificate, publicKey } = sender;
  const keys = { key: sender.key, other, ec: fixedEcKey('somebody').privateKey, certificate, publicKey };
  for (const shape of oddSignatures(keys)) it(`${shape.name} is ${shape.is}`, () => judge(shape, byPost));
});
