// mq delayed: a signal ends it between two wait queues, of which most are empty.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cancelDelayed, listDelayed } from '../../../src/roles/delayed.ts';
import type { Session } from '../../../src/session/session.ts';

const queues = ['a', 'b', 'c'].map((name) => ({ vhost: '/', name, isUnroutable: false }));

/** Stops the command while it asks for the depth of the first queue. Returns the queues that it has asked for. */
async function askedUntilStopped(
  read: (session: Session, check: () => void) => Promise<unknown>,
): Promise<readonly string[]> {
  const asked: string[] = [];
  const observer = {
    async depths(names: readonly string[]) {
      asked.push(...names);
      return new Map();
    },
  };
  const session = { observer: async () => observer } as unknown as Session;
  const check = () => {
    if (asked.length > 0) throw new Error('stopped');
  };
  await read(session, check).then(
    () => assert.unreachable('the command did not stop'),
    ({ message }: Error) => assert.is(message, 'stopped'),
  );
  return asked;
}

const isSelected = () => true;

test('a signal ends mq delayed list between two empty queues', async () => {
  const list = (session: Session, check: () => void) => listDelayed(session, queues, { count: 10, isSelected, check });
  assert.equal(await askedUntilStopped(list), ['a']);
});

test('a signal ends mq delayed cancel between two empty queues', async () => {
  const cancel = (session: Session, check: () => void) =>
    cancelDelayed(session, queues, { ids: new Set(['1']), isSelected, check });
  assert.equal(await askedUntilStopped(cancel), ['a']);
});

test.run();
