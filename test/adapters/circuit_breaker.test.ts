import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitBreaker } from '../../adapters/circuit_breaker.ts';

const settings = { failures: 3, delay: 1000, maxDelay: 8000, probeTime: 500 };
/** Of the randomness that spreads the delay: all of it. */
const breaker = () => new CircuitBreaker(settings, (length) => new Uint8Array(length).fill(255));

function open(at = 0): CircuitBreaker {
  const opened = breaker();
  for (let failure = 0; failure < settings.failures; failure++) {
    assert.equal(opened.admit(at), undefined);
    opened.failed(at);
  }
  return opened;
}

describe('CircuitBreaker', () => {
  it('lets every question through until it has failed often enough in a row', () => {
    const closed = breaker();
    for (const outcome of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) {
      assert.equal(closed.admit(0), undefined);
      closed[outcome](0);
    }
    assert.equal(closed.admit(0), undefined);
    assert.equal(closed.isOpen, false);
  });

  it('then says when to come back', () => {
    const opened = open();
    assert.equal(opened.isOpen, true);
    assert.deepEqual([opened.admit(0), opened.admit(999)], [1000, 1000]);
  });

  it('lets one question alone try when the time has come', () => {
    const opened = open();
    assert.equal(opened.admit(1000), undefined);
    assert.equal(opened.admit(1000), 1500);
    assert.equal(opened.admit(1200), 1700);
  });

  it('closes with the first usable answer', () => {
    const opened = open();
    opened.admit(1000);
    opened.succeeded();
    assert.equal(opened.isOpen, false);
    for (let question = 0; question < 5; question++) assert.equal(opened.admit(1000), undefined);
  });

  it('waits twice as long after each try in vain, up to a limit', () => {
    const opened = open();
    let now = 1000;
    for (const delay of [2000, 4000, 8000, 8000]) {
      assert.equal(opened.admit(now), undefined);
      opened.failed(now);
      assert.equal(opened.admit(now), now + delay);
      now += delay;
    }
  });

  it('does not wait longer because many questions were underway when it opened', () => {
    const opened = open();
    for (let late = 0; late < 50; late++) opened.failed(0);
    assert.equal(opened.admit(0), 1000);
  });

  it('spreads its delay over half its length', () => {
    const early = new CircuitBreaker({ ...settings, failures: 1 }, (length) => new Uint8Array(length));
    early.failed(0);
    assert.equal(early.admit(0), 500);
  });
});
