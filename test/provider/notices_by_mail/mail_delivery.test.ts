import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sealAddress, sealContent } from '../../../provider/notices_by_mail/mail_content.ts';
import {
  createMailDelivery,
  KEPT,
  MailNotSent,
  type MailTransport,
  type OutgoingMail,
} from '../../../provider/notices_by_mail/mail_delivery.ts';
import type { MailStore, WaitingMail } from '../../../provider/notices_by_mail/mail_store.ts';
import type { Vault } from '../../../provider/vault.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

const openVault: Vault = {
  seal: (_purpose, plaintext) => plaintext,
  open: (_purpose, sealed) => sealed,
  index: (_purpose, value) => value,
};

/** An outbox in memory that gives every mail once it is due, and a server that answers as told. */
function world(mails: number) {
  const waiting = new Map<string, WaitingMail & { dueAt: number; claimed: boolean }>();
  for (let i = 0; i < mails; i++) {
    waiting.set(`mail-${i}`, {
      ...{ id: `mail-${i}`, subjectId: 'subject', at: 0, attempts: 0, dueAt: 0, claimed: false },
      sealedAddress: sealAddress(openVault, `person-${i}@example.jp`),
      sealedContent: sealContent(openVault, { kind: 'card_renewed' }),
    });
  }
  const state = {
    now: 0,
    sent: [] as OutgoingMail[],
    logged: [] as string[],
    outcomes: {} as Record<string, number>,
    answer: (async () => 'sent') as MailTransport['send'],
  };
  const mail: Partial<MailStore> = {
    async claim(_owner, now) {
      const due = [...waiting.values()].find(({ dueAt, claimed }) => !claimed && dueAt <= now);
      if (due) due.claimed = true;
      return due;
    },
    finish: async (id) => void waiting.delete(id),
    refuse: async (id) => void waiting.delete(id),
    async postpone(id, _owner, dueAt) {
      const found = waiting.get(id);
      assert.ok(found);
      waiting.set(id, { ...found, dueAt, attempts: found.attempts + 1, claimed: false });
    },
    async dropOlder(before) {
      const old = [...waiting.values()].filter(({ at }) => at < before);
      for (const { id } of old) waiting.delete(id);
      return old.length;
    },
  };
  const delivery = createMailDelivery({
    storage: { mail: mail as MailStore },
    vault: openVault,
    transport: {
      async send(outgoing) {
        state.sent.push(outgoing);
        return state.answer(outgoing);
      },
      close() {},
    },
    text: async () => ({ subject: 'subject', text: 'text' }),
    clock: () => state.now,
    random: (length) => new Uint8Array(length),
    log: { warn: (...args: unknown[]) => void state.logged.push(JSON.stringify(args)) },
    observe: (outcome, count) => {
      state.outcomes[outcome] = (state.outcomes[outcome] ?? 0) + count;
    },
  });
  return { state, waiting, delivery };
}

const away: MailTransport['send'] = async () => {
  throw new MailNotSent('ECONNREFUSED');
};

describe('the delivery of mail', () => {
  it('sends all that is due, each once', async () => {
    const { state, waiting, delivery } = world(20);
    await delivery.deliver();
    assert.equal(waiting.size, 0);
    assert.equal(new Set(state.sent.map(({ to }) => to)).size, 20);
    assert.deepEqual(state.outcomes, { sent: 20 });
  });

  it('leaves a server alone that does not answer, ever longer up to five minutes, and all mails wait', async () => {
    const { state, waiting, delivery } = world(50);
    state.answer = away;
    const attempts: number[] = [];
    for (; state.now < 2 * 3_600_000; state.now += SECOND) {
      const before = state.sent.length;
      await delivery.deliver();
      if (state.sent.length > before) attempts.push(state.now);
    }
    assert.equal(waiting.size, 50);
    const pauses = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
    assert.ok(
      pauses.every((pause) => pause >= 5 * SECOND && pause <= 5 * MINUTE),
      String(pauses),
    );
    assert.equal(pauses.at(-1), 5 * MINUTE);
  });

  it('sends everything once the server is there again', async () => {
    const { state, waiting, delivery } = world(5);
    state.answer = away;
    await delivery.deliver();
    state.answer = async () => 'sent';
    state.now += 10 * MINUTE;
    await delivery.deliver();
    assert.equal(waiting.size, 0);
    assert.equal(state.outcomes.sent, 5);
  });

  it('gives up an address at once that the server will never take, and goes on with the others', async () => {
    const { state, waiting, delivery } = world(3);
    state.answer = async ({ to }) => (to.startsWith('person-0') ? 'refused' : 'sent');
    await delivery.deliver();
    assert.equal(waiting.size, 0);
    assert.deepEqual(state.outcomes, { sent: 2, refused: 1 });
  });

  it('gives up after three days', async () => {
    const { state, waiting, delivery } = world(2);
    state.now = KEPT;
    await delivery.tidy();
    assert.equal(waiting.size, 2);
    state.now += 1;
    await delivery.tidy();
    assert.equal(waiting.size, 0);
    assert.deepEqual(state.outcomes, { given_up: 2 });
  });

  it('writes no address into the log', async () => {
    const { state, delivery } = world(3);
    state.answer = away;
    await delivery.deliver();
    state.now += 10 * MINUTE;
    state.answer = async () => 'refused';
    await delivery.deliver();
    assert.ok(state.logged.length > 0);
    assert.doesNotMatch(state.logged.join('\n'), /@|person/);
  });

  it('sends nothing more once it is stopped', async () => {
    const { state, delivery } = world(3);
    await delivery.stop();
    await delivery.deliver();
    assert.equal(state.sent.length, 0);
  });
});
