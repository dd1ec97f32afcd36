import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import type { KnownLookup } from '../../../provider/identity/identity_store.ts';
import { type CertificateReference, type LinkageSource, traceOrigin } from '../../../provider/identity/linkage.ts';

const issuer = Buffer.from('Authority');
const certificate = (serial: number): CertificateReference => ({ issuer, serial: Uint8Array.of(serial) });

/** An authority by whose word each serial came after the next one of its line. */
function authorityOf(lines: readonly (readonly number[])[]): LinkageSource & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    async predecessor({ serial: [serial = 0] }) {
      asked.push(serial);
      for (const line of lines) {
        const before = line[line.indexOf(serial) + 1];
        if (line.includes(serial) && before !== undefined) return certificate(before);
      }
      return undefined;
    },
    async successor({ serial: [serial = 0] }) {
      for (const line of lines) {
        const after = line[line.indexOf(serial) - 1];
        if (after !== undefined) return certificate(after);
      }
      return undefined;
    },
  };
}

/** Authorities of which only the way back is of interest. */
const none = async () => undefined;

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

const conflict = (error: unknown) => {
  assert.ok(error instanceof HubError && error.code === 'linkage_conflict' && error.status === 403, `${error}`);
  // What the log gets names no serial.
  assert.match(String(error.details.reason), /^the line /);
  return true;
};

describe('traceOrigin', () => {
  it('finds the person of the card before, and asks no further', async () => {
    const authority = authorityOf([[9, 8, 7]]);
    const origin = await traceOrigin(authority, certificate(9), known({ 8: {}, 7: { status: 'superseded' } }));
    assert.equal(origin?.subjectId, 'subject 8');
    assert.deepEqual(authority.asked, [9]);
  });

  it('follows renewals that the hub has not seen, however many', async () => {
    const line = Array.from({ length: 49 }, (_, place) => 100 - place);
    const origin = await traceOrigin(authorityOf([line]), certificate(100), known({ 52: {} }));
    assert.equal(origin?.subjectId, 'subject 52');
  });

  it('finds nobody where nobody of the line was ever here', async () => {
    assert.equal(await traceOrigin(authorityOf([[9, 8, 7]]), certificate(9), known({})), undefined);
    assert.equal(await traceOrigin(authorityOf([]), certificate(9), known({ 8: {} })), undefined);
  });

  it('does not follow a link that an operator has undone', async () => {
    const authority = authorityOf([[9, 8, 7]]);
    assert.equal(await traceOrigin(authority, certificate(9), known({ 8: { status: 'unlinked' }, 7: {} })), undefined);
  });

  it('does not take over a predecessor that has a successor already', async () => {
    const taken = known({ 8: { status: 'superseded' } });
    await assert.rejects(traceOrigin(authorityOf([[9, 8]]), certificate(9), taken), conflict);
  });

  it('does not take a signing certificate for a person’s card', async () => {
    await assert.rejects(
      traceOrigin(authorityOf([[9, 8]]), certificate(9), known({ 8: { kind: 'signing' } })),
      conflict,
    );
  });

  it('ends on a line that runs in a circle, that leads to itself, or that has no end', async () => {
    const circle: LinkageSource = {
      successor: none,
      predecessor: async ({ serial: [serial = 0] }) => certificate(serial === 1 ? 3 : serial - 1),
    };
    await assert.rejects(traceOrigin(circle, certificate(3), known({})), conflict);
    const itself: LinkageSource = { successor: none, predecessor: async (reference) => reference };
    await assert.rejects(traceOrigin(itself, certificate(3), known({ 3: {} })), conflict);
    let asked = 0;
    const endless: LinkageSource = {
      successor: none,
      async predecessor() {
        asked += 1;
        return { issuer, serial: Buffer.from(String(asked)) };
      },
    };
    await assert.rejects(traceOrigin(endless, certificate(3), known({})), conflict);
    assert.ok(asked <= 50);
  });

  it('does not make somebody new of a card that a newer one has replaced already', async () => {
    const replaced = authorityOf([[9, 8]]);
    const superseded = { code: 'certificate_superseded', status: 403 };
    await assert.rejects(traceOrigin(replaced, certificate(8), known({})), superseded);
    await assert.rejects(traceOrigin(replaced, certificate(8), known({ 9: {} })), superseded);
  });

  it('passes on that the authority does not tell', async () => {
    const away: LinkageSource = {
      successor: none,
      predecessor: () => Promise.reject(new HubError('linkage_unavailable', 503, 'away', { retryAfter: 30 })),
    };
    await assert.rejects(traceOrigin(away, certificate(3), known({})), { code: 'linkage_unavailable' });
  });
});
