import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ControlSocket, startControlSocket } from '../../provider/command_line/control_socket.ts';
import { controlSocketPath } from '../../provider/command_line/control_socket_path.ts';
import { administrationHandlers } from '../../provider/command_line/hub_commands.ts';
import { type } from '../provider/command_line/terminal.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { createRelyingParty, subOf } from './relying_party.ts';
import { type StatusParty, statusParty } from './status_party.ts';

let hub: TestHub;
let party: StatusParty;
let control: ControlSocket;
const folder = mkdtempSync(join(tmpdir(), 'musubi-status-command-'));

before(async () => {
  hub = await startTestHub();
  party = await statusParty(hub, { redirect_uris: ['https://insurer.example/cb'] });
  const path = controlSocketPath(dirname(hub.listFolder));
  control = await startControlSocket({ path, handlers: administrationHandlers(hub.hub) });
});
after(async () => {
  await control?.close();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const check = (clientId: string, out: string, options: Parameters<typeof type>[1] = {}) =>
  type(['status-check', 'in.csv', out, '--client', clientId, '--data', dirname(hub.listFolder)], {
    workingFolder: folder,
    ...options,
  });

describe('musubi status-check', () => {
  it('answers a file through the hub that runs, and says what came of it', async () => {
    const sub = subOf(await party.signIn({ card: 'taro' }));
    writeFileSync(join(folder, 'in.csv'), `name,sub\n"太郎, 番号",${sub}\n=x,nobody\n`);
    const { code, out, err } = await check(party.clientId, 'out.csv');
    assert.equal(code, 0, err);
    assert.match(out, /^2 rows answered\.\n/);
    assert.match(out, /current +1\n/);
    assert.match(err, /formulas, in 1 rows \(line 3\)/);
    const [header, first, second, end] = readFileSync(join(folder, 'out.csv'), 'utf8').split('\n');
    assert.equal(header, 'name,sub,status,attributes,as_of,source,checked_at');
    assert.match(first ?? '', new RegExp(`^"太郎, 番号",${sub},current,none,2\\d{3}-.*Z,crl,2\\d{3}-.*Z$`));
    assert.match(second ?? '', /^=x,nobody,unknown,,,,2\d{3}-.*Z$/);
    assert.equal(end, '');
    const events = await hub.hub.storage.audit.read(0n, 10_000);
    const event = events.findLast(({ kind }) => kind === 'status.checked');
    assert.deepEqual(
      [event?.actor, event?.clientId, event?.data],
      ['operator', party.clientId, { subjects: 2, unknown: 1 }],
    );
  });

  it('shows how far it is on a terminal, and leaves the line empty', async () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text), isTTY: true };
    assert.equal((await check(party.clientId, 'shown.csv', { stderr })).code, 0);
    assert.match(written[0] ?? '', /2 rows, 100 %/);
    assert.ok(written.join('').includes('\r\u001b[Kmusubi: a spreadsheet'));
  });

  it('is for relying parties that may ask', async () => {
    const other = await createRelyingParty(hub, { redirect_uris: ['https://other.example/cb'] });
    assert.match((await check(other.clientId, 'no.csv')).err, /status_check_not_allowed/);
    const { code, err } = await check('nobody', 'no.csv');
    assert.deepEqual([code, /client_not_found/.test(err)], [1, true]);
    assert.equal(existsSync(join(folder, 'no.csv')), false);
  });
});
