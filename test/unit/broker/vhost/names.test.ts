import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { consumerTag, queueName } from '../../../../src/broker/vhost/names.ts';

test('generated names have a reserved prefix and are unique', () => {
  assert.match(queueName(), /^amq\.gen-[\w-]{22}$/);
  assert.match(consumerTag(), /^amq\.ctag-[\w-]{22}$/);
  assert.is.not(queueName(), queueName());
  assert.is.not(consumerTag(), consumerTag());
});

test.run();
