import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import type { KnownLookup } from '../../../provider/identity/identity_store.ts';
import {
  askedOnce,
  type CertificateReference,
  type LinkageSource,
  type Recognition,
  recognise,
} from '../../../provider/identity/linkage.ts';

const issuer = Buffer.from('Authority');
const certificate = (serial: number): CertificateReference => ({ issuer, serial: Uint8Array.of(serial) });

interface Told {
  /** Each serial came after the next one of its line. */
  lines?: readonly (readonly number[])[];
  /** Serials on card and phone, in both directions. */
  devices?: readonly (readonly [number, number])[];
  /** From a user certificate to the signing certificate beside it, and back. */
  signing?: readonly (readonly [number, number])[];
}

/** An authority that tells this, and what it was asked. */
function authorityOf({ lines = [], devices = [], signing = [] }: Told): LinkageSource & { asked: string[] } {
  const asked: string[] = [];
  const ask =
    (what: string, find: (serial: number) => number | undefined) =>
    async ({ serial: [serial = 0] }: CertificateReference) => {
      asked.push(`${what} ${serial}`);
      const found = find(serial);
      return found === undefined ? undefined : certificate(found);
    };
  const inLine = (step: number) => (serial: number) => {
    const line = lines.find((each) => each.includes(serial));
    return line?.[line.indexOf(serial) + step];
  };
  const across = (pairs: Told['devices']) => (serial: number) =>
    pairs?.flatMap(([one, other]) => (one === serial ? [other] : other === serial ? [one] : []))[0];
  const beside = ask('beside', across(signing));
  return {
    asked,
    predecessor: ask('before', inLine(1)),
    successor: ask('after', inLine(-1)),
    otherDevice: ask('other', across(devices)),
    counterpart: (reference) => beside(reference),
  };
}

/** An authority of which only the questions named are of interest. */
const only = (some: Partial<LinkageSource>): LinkageSource => ({ ...authorityOf({}), ...some });

const known =
  (serials: Record<number, Partial<KnownLookup>>) =>
  async ({ serial: [serial = 0] }: CertificateReference): Promise<KnownLookup | undefined> => {
    const found = serials[serial];
    return (
      found && {
        lookup: Uint8Array.of(serial),
        subjectId: `subject ${serial}`,
        kind: 'user',
        status: 'current',
        fingerprint: Uint8Array.of(serial),
        ...found,
      }
    );
  };

const found = (recognition: Recognition | undefined) => recognition && [recognition.method, recognition.by.subjectId];

const conflict = (error: unknown) => {
  assert.ok(error instanceof HubError && error.code === 'linkage_conflict' && error.status === 403, `${error}`);
  // What the log gets names no serial.
  assert.match(String(error.details.reason), /^the line /);
  return true;
};
const superseded = { code: 'certificate_superseded', status: 403 };

describe('recognising an unknown certificate by those that it replaced', () => {
  it('finds the person of the card before, and asks no further', async () => {
    const authority = authorityOf({ lines: [[9, 8, 7]], devices: [[9, 50]], signing: [[9, 60]] });
    const all = known({ 8: {}, 7: { status: 'superseded' }, 50: {}, 60: { kind: 'signing' } });
    assert.deepEqual(found(await recognise(authority, certificate(9), all)), ['linkage', 'subject 8']);
    assert.deepEqual(authority.asked, ['before 9']);
  });

  it('follows renewals that the hub has not seen, however many', async () => {
    const line = Array.from({ length: 49 }, (_, place) => 100 - place);
    const origin = await recognise(authorityOf({ lines: [line] }), certificate(100), known({ 52: {} }));
    assert.deepEqual(found(origin), ['linkage', 'subject 52']);
  });

  it('finds nobody where nobody of the line was ever here', async () => {
    assert.equal(await recognise(authorityOf({ lines: [[9, 8, 7]] }), certificate(9), known({})), undefined);
    assert.equal(await recognise(authorityOf({}), certificate(9), known({ 8: {} })), undefined);
  });

  it('does not follow a link that an operator has undone, nor look elsewhere', async () => {
    const authority = authorityOf({ lines: [[9, 8, 7]], devices: [[9, 50]] });
    const all = known({ 8: { status: 'unlinked' }, 7: {}, 50: {} });
    assert.equal(await recognise(authority, certificate(9), all), undefined);
  });

  it('does not take over a predecessor that has a successor already', async () => {
    const taken = known({ 8: { status: 'superseded' } });
    await assert.rejects(recognise(authorityOf({ lines: [[9, 8]] }), certificate(9), taken), conflict);
  });

  it('does not take a signing certificate for a person’s card', async () => {
    const signing = known({ 8: { kind: 'signing' } });
    await assert.rejects(recognise(authorityOf({ lines: [[9, 8]] }), certificate(9), signing), conflict);
  });

  it('ends on a line that runs in a circle, that leads to itself, or that has no end', async () => {
    const circle = only({
      predecessor: async ({ serial: [serial = 0] }) => certificate(serial === 1 ? 3 : serial - 1),
    });
    await assert.rejects(recognise(circle, certificate(3), known({})), conflict);
    const itself = only({ predecessor: async (reference) => reference });
    await assert.rejects(recognise(itself, certificate(3), known({ 3: {} })), conflict);
    let asked = 0;
    const endless = only({
      async predecessor() {
        asked += 1;
        return { issuer, serial: Buffer.from(String(asked)) };
      },
    });
    await assert.rejects(recognise(endless, certificate(3), known({})), conflict);
    assert.ok(asked <= 50);
  });

  it('does not make somebody new of a card that a newer one has replaced already', async () => {
    const replaced = authorityOf({ lines: [[9, 8]] });
    await assert.rejects(recognise(replaced, certificate(8), known({})), superseded);
    await assert.rejects(recognise(replaced, certificate(8), known({ 9: {} })), superseded);
  });

  it('passes on that the authority does not tell, whichever question it was', async () => {
    const away = () => Promise.reject(new HubError('linkage_unavailable', 503, 'away', { retryAfter: 30 }));
    for (const question of ['predecessor', 'otherDevice', 'counterpart', 'successor'] as const) {
      const source = only({ [question]: away });
      await assert.rejects(recognise(source, certificate(3), known({})), { code: 'linkage_unavailable' }, question);
    }
  });
});

describe('recognising an unknown certificate by the person’s other device', () => {
  it('finds the person of the card for a phone and of the phone for a card, in whatever state it is', async () => {
    const authority = authorityOf({ devices: [[9, 50]] });
    assert.deepEqual(found(await recognise(authority, certificate(50), known({ 9: {} }))), [
      'other device',
      'subject 9',
    ]);
    const replaced = known({ 50: { status: 'superseded' } });
    assert.deepEqual(found(await recognise(authority, certificate(9), replaced)), ['other device', 'subject 50']);
  });

  it('finds them over renewals of that device which the hub has not seen', async () => {
    const authority = authorityOf({ devices: [[9, 50]], lines: [[9, 8, 7]] });
    const origin = await recognise(authority, certificate(50), known({ 7: {} }));
    assert.deepEqual(found(origin), ['other device', 'subject 7']);
  });

  it('is refused what contradicts: a device of another kind, a second successor, itself', async () => {
    const authority = authorityOf({ devices: [[9, 50]], lines: [[9, 8]] });
    await assert.rejects(recognise(authority, certificate(50), known({ 9: { kind: 'signing' } })), conflict);
    await assert.rejects(recognise(authority, certificate(50), known({ 8: { status: 'superseded' } })), conflict);
    const itself = only({ otherDevice: async (reference) => reference });
    await assert.rejects(recognise(itself, certificate(3), known({ 3: {} })), conflict);
  });

  it('does not let in a phone that a newer one has replaced', async () => {
    const authority = authorityOf({ devices: [[9, 50]], lines: [[51, 50]] });
    await assert.rejects(recognise(authority, certificate(50), known({ 9: {} })), superseded);
  });

  it('is not followed where an operator has undone a link', async () => {
    const authority = authorityOf({ devices: [[9, 50]], signing: [[50, 60]] });
    const all = known({ 9: { status: 'unlinked' }, 60: { kind: 'signing' } });
    assert.equal(await recognise(authority, certificate(50), all), undefined);
  });
});

describe('recognising an unknown certificate by the signing certificate beside it', () => {
  it('finds whose that is, or the one that it replaced', async () => {
    const authority = authorityOf({ signing: [[9, 62]], lines: [[62, 61, 60]] });
    for (const serial of [62, 61, 60]) {
      const origin = await recognise(authority, certificate(9), known({ [serial]: { kind: 'signing' } }));
      assert.deepEqual(found(origin), ['signing linkage', `subject ${serial}`]);
    }
  });

  it('finds whose it is after an enrolment with another one', async () => {
    const authority = authorityOf({ signing: [[9, 62]], lines: [[62, 61]] });
    for (const serial of [62, 61]) {
      const superseded = known({ [serial]: { kind: 'signing', status: 'superseded' } });
      const origin = await recognise(authority, certificate(9), superseded);
      assert.deepEqual(found(origin), ['signing linkage', `subject ${serial}`]);
    }
  });

  it('finds whose the one on the other device is', async () => {
    const authority = authorityOf({ devices: [[9, 50]], signing: [[9, 62]], lines: [[62, 61]] });
    const origin = await recognise(authority, certificate(50), known({ 61: { kind: 'signing' } }));
    assert.deepEqual(found(origin), ['signing linkage', 'subject 61']);
  });

  it('takes no user certificate for one', async () => {
    const authority = authorityOf({ signing: [[9, 62]] });
    await assert.rejects(recognise(authority, certificate(9), known({ 62: {} })), conflict);
  });

  it('does not let in a card that a newer one has replaced', async () => {
    const authority = authorityOf({ signing: [[9, 62]], lines: [[10, 9]] });
    await assert.rejects(recognise(authority, certificate(9), known({ 62: { kind: 'signing' } })), superseded);
  });
});

describe('the authority', () => {
  it('is asked each thing once, however often a sign-in looks again', async () => {
    const authority = authorityOf({ devices: [[9, 50]], lines: [[50, 49]], signing: [[9, 60]] });
    const source = askedOnce(authority);
    for (let time = 0; time < 3; time += 1) await recognise(source, certificate(9), known({}));
    assert.deepEqual(authority.asked, [
      ...['before 9', 'other 9', 'before 50', 'before 49'],
      ...['beside 9', 'before 60', 'beside 50', 'after 9'],
    ]);
  });

  it('is asked a bounded number of things, however long each line is', async () => {
    const lines = [0, 50, 100].map((from) => Array.from({ length: 40 }, (_, place) => from + 40 - place));
    const authority = authorityOf({ lines, devices: [[40, 90]], signing: [[40, 140]] });
    await assert.rejects(recognise(askedOnce(authority), certificate(40), known({})), conflict);
    assert.ok(authority.asked.length <= 60);
  });
});
