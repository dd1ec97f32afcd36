import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { callJson, statusParty } from '../protocol/status_party.ts';
import { type EventReceiver, startEventReceiver } from '../support/event_receiver.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';

/** A hub that may reach public addresses only, as in production. */
let hub: TestHub;
let inside: EventReceiver;
before(async () => {
  hub = await startTestHub({ settings: { outbound: { allowedNetworks: [], allowPlainHttp: true } } });
  inside = await startEventReceiver();
});
after(async () => {
  await hub?.stop();
  inside?.close();
});

async function pushedTo(endpoint_url: string): Promise<string> {
  const party = await statusParty(hub, { redirect_uris: ['https://attacker.example/cb'] });
  const token = await party.token({ resource: `${hub.issuer}/ssf`, scope: 'ssf.manage' });
  const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url };
  const { json } = await callJson(`${hub.issuer}/ssf/streams`, { token, body: { delivery } });
  await callJson(`${hub.issuer}/ssf/verify`, { token, body: { stream_id: json.stream_id } });
  await hub.hub.deliverEvents();
  return json.stream_id;
}

describe('a relying party that has events pushed to the inside', () => {
  for (const [title, addressOf] of Object.entries<(url: string) => string>({
    'by its address': (url) => url,
    'by a name': (url) => url.replace('127.0.0.1', 'localhost'),
    'by a number': (url) => url.replace('127.0.0.1', '2130706433'),
    'by IPv6': (url) => url.replace('127.0.0.1', '[::ffff:127.0.0.1]'),
    'by the address of the cloud’s metadata': () => 'http://169.254.169.254/latest/',
  })) {
    it(`reaches nobody ${title}, and the event waits`, async () => {
      const stream = await pushedTo(addressOf(inside.url));
      assert.equal(inside.received.length, 0);
      const found = (await hub.hub.events.streams()).find((one) => one.stream === stream);
      assert.equal(found?.waiting, 1);
      const refusals = hub.log.filter((line) => line.includes('did not take an event') && line.includes(stream));
      assert.match(refusals.join(''), /outbound_address_refused/);
    });
  }
});
