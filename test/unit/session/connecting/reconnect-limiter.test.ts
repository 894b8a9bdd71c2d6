import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { type ReconnectLimit, ReconnectLimiter } from '../../../../src/session/connecting/reconnect-limiter.ts';

const lost = new MqError('UNAVAILABLE', 'it was lost');
const refused = new MqError('UNAVAILABLE', 'no broker answers');

function counted(limit: ReconnectLimit | undefined): { reconnectLimiter: ReconnectLimiter; said: string[] } {
  const said: string[] = [];
  return {
    said,
    reconnectLimiter: new ReconnectLimiter(limit, ({ code, message }) => said.push(`${message} [${code}]`)),
  };
}

test('never stops reconnecting without a limit', () => {
  const { reconnectLimiter, said } = counted(undefined);
  for (let time = 0; time < 1000; time += 1) reconnectLimiter.failed(lost, { isFirst: time === 0 });
  assert.equal(said, []);
});

test('stops at the first lost connection with 0 tries', () => {
  const { reconnectLimiter, said } = counted({ tries: 0 });
  reconnectLimiter.failed(lost, { isFirst: true });
  assert.equal(said, ['it was lost [UNAVAILABLE]']);
});

test('reports the lost connection itself when it must never reconnect', () => {
  const errors: MqError[] = [];
  const limiter = new ReconnectLimiter('never', (error) => errors.push(error));
  limiter.failed(lost, { isFirst: true });
  assert.equal(errors, [lost]);
});

test('counts the tries from 0 after each reconnect', () => {
  const { reconnectLimiter, said } = counted({ tries: 2 });
  reconnectLimiter.failed(lost, { isFirst: true });
  reconnectLimiter.failed(refused, { isFirst: false });
  reconnectLimiter.stop();
  reconnectLimiter.failed(lost, { isFirst: true });
  reconnectLimiter.failed(refused, { isFirst: false });
  assert.equal(said, []);
  reconnectLimiter.failed(refused, { isFirst: false });
  assert.equal(said, ['no connection after 2 tries: no broker answers [UNAVAILABLE]']);
});

test('measures the time from the lost connection, until a reconnect', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { reconnectLimiter, said } = counted({ milliseconds: 100 });
    reconnectLimiter.failed(lost, { isFirst: true });
    mock.timers.tick(60);
    reconnectLimiter.failed(refused, { isFirst: false });
    mock.timers.tick(39);
    assert.equal(said, []);
    mock.timers.tick(1);
    assert.equal(said, ['no connection after 0.1 s: no broker answers [UNAVAILABLE]']);
    const { reconnectLimiter: stopped, said: never } = counted({ milliseconds: 100 });
    stopped.failed(lost, { isFirst: true });
    stopped.stop();
    mock.timers.tick(1000);
    assert.equal(never, []);
  } finally {
    mock.timers.reset();
  }
});

test.run();
