// Tests the counts of quorum queues. Ready messages are counted over AMQP, the others by the management API.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withExactCounts } from '../../../src/admin/depths.ts';

async function counts(item: Record<string, number>, ready: number): Promise<unknown[]> {
  const queue = { vhost: '/', name: 'wait', type: 'quorum', state: 'running', ...item };
  const depths = async () => new Map([['wait', { ready, consumers: 0 }]]);
  const [now = {}] = await withExactCounts({ depths }, [queue]);
  return [now['messages'], now['messages_ready'], now['messages_unacknowledged']];
}

test('counts messages that a full dead-letter target does not accept yet', async () => {
  assert.equal(await counts({ messages: 3, messages_ready: 0, messages_unacknowledged: 0 }, 0), [3, 0, 0]);
  assert.equal(await counts({ messages: 6, messages_ready: 1, messages_unacknowledged: 2 }, 4), [9, 4, 2]);
});

test('a purge or publish after the count changes only the ready messages', async () => {
  assert.equal(await counts({ messages: 1, messages_ready: 1, messages_unacknowledged: 0 }, 0), [0, 0, 0]);
  assert.equal(await counts({ messages: 0, messages_ready: 0, messages_unacknowledged: 0 }, 1), [1, 1, 0]);
});

test.run();
