import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withConsumerTimeout } from '../../../../src/session/consuming/consumer-timeout.ts';

const quorum = { 'x-queue-type': 'quorum' };
const brokerTimeoutMs = 1_800_000;

test('sets a consumer timeout that is longer than the 30 minutes of RabbitMQ', () => {
  assert.equal(withConsumerTimeout({}, brokerTimeoutMs, quorum), {});
  assert.equal(withConsumerTimeout({}, brokerTimeoutMs + 1, quorum), {
    arguments: { 'x-consumer-timeout': brokerTimeoutMs + 1 },
  });
});

test('keeps the consumer timeout of a queue, and sets none for a classic queue', () => {
  const longMs = 2 * brokerTimeoutMs;
  assert.equal(withConsumerTimeout({}, longMs, { ...quorum, 'x-consumer-timeout': 1 }), {});
  assert.equal(withConsumerTimeout({}, longMs, { 'x-queue-type': 'classic' }), {});
  assert.equal(withConsumerTimeout({}, longMs, undefined), {});
});

test.run();
