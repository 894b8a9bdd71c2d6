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

test('refuses "onInvalid": "retry" if nothing is retried', () => {
  const order = { schema: 'a.json', onInvalid: 'retry' };
  const problems = (mq: object) => linesOf(file(mq)).map((line) => line.replace(/^f:\d+:\d+: /, ''));
  const message = 'mq.subscriptions.order.onInvalid: is "retry", but';
  const never = { subscriptions: { order: { ...order, retry: false } } };
  assert.equal(problems(never), [`${message} the subscription sets "retry": false`]);
  const role = { subscriptions: { order }, roles: { audit: { consume: 'order', retry: false } } };
  assert.equal(problems(role), [`${message} the role "audit" sets "retry": false`]);
  const others = { subscriptions: { order }, roles: { audit: { consume: 'order', retry: { attempts: 2 } } } };
  assert.equal(problems(others), []);
  const dropping = { subscriptions: { order: { ...order, onInvalid: 'drop', retry: false } } };
  assert.equal(problems(dropping), []);
});

test('refuses the address of a schema at its line', () => {
  const mq = { publications: { order: { schema: 'https://example.com/order.json' } } };
  assert.equal(linesOf(JSON.stringify(file(mq), null, 2)), [
    'f:22:19: mq.publications.order.schema: mq reads schemas from local files only; save it and name its file',
  ]);
});

test('keeps the lines that name the schemas', () => {
  const mq = {
    publications: { order: { schema: 'a.json' } },
    subscriptions: { order: { schema: 'a.json' } },
  };
  const { places } = configOf(JSON.stringify(file(mq), null, 2)).schemas;
  const { line, column, path } = places!['a.json']!;
  assert.equal({ line, column, path }, { line: 22, column: 19, path: 'mq.publications.order.schema' });
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
