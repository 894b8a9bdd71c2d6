import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ungrown } from '../../../src/cluster/join.ts';
import { MqError } from '../../../src/errors.ts';

test('reports that the node has joined if the queues do not grow', () => {
  const { code, message, hint, problems } = ungrown('mq4', new MqError('SYSTEM', 'timeout', { problems: ['more'] }));
  assert.equal(
    { code, message, hint, problems },
    {
      code: 'SYSTEM',
      message: 'mq4 has joined, but not every quorum queue has a member on it: timeout',
      hint: 'mq admin grow mq4',
      problems: ['more'],
    },
  );
});

test.run();
