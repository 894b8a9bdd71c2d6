import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { configOf, linesOf, withBuiltinOf } from '../fixture.ts';

const file = (mq: object) => ({
  vhosts: { '/': { queues: ['orders'] } },
  publications: { order: { queue: 'orders' } },
  subscriptions: { order: { queue: 'orders' } },
  mq,
});

test('reports an empty name, onInvalid without a schema, and unknown policies', () => {
  const text = JSON.stringify(
    file({
      publications: { order: { schema: '' } },
      subscriptions: { order: { onInvalid: 'drop' } },
    }),
  );
  assert.equal(
    linesOf(text).map((line) => line.replace(/^f:\d+:\d+: /, '')),
    [
      'mq.publications.order.schema: the name of the file is empty',
      'mq.subscriptions.order.onInvalid: requires a "schema"',
    ],
  );
  const [unknown = ''] = linesOf(file({ subscriptions: { order: { schema: 'a.json', onInvalid: 'lose' } } }));
  assert.match(unknown, /onInvalid: must be retry, dead-letter, requeue, drop or exit, not "lose"/);
});

test('keeps the schemas of the file, also for built-in publications', () => {
  const mq = {
    publications: { order: { schema: 'a.json' }, task: { schema: 'b.json' } },
    subscriptions: { order: { schema: 'c.json', onInvalid: 'drop' } },
  };
  for (const { schemas } of [configOf(file(mq)), withBuiltinOf(file(mq))]) {
    assert.equal({ ...schemas.publications }, { order: 'a.json', task: 'b.json' });
    assert.equal({ ...schemas.subscriptions }, { order: { schema: 'c.json', onInvalid: 'drop' } });
  }
});

test.run();
