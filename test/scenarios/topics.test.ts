// Scenario 5: `*` is one word, `#` is zero or more words. A line arrives once, even if several patterns match.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const closing = 'the.very.last.line.of.all';
const topics = ['', 'a', 'b', 'a.b', 'b.a', 'a.x.b', 'a.x.y.b', 'a.', '.a', 'a..b', 'A', 'quick.orange.rabbit'];

const table: readonly (readonly [patterns: readonly string[], received: readonly string[]])[] = [
  [['#'], topics],
  // RabbitMQ: the empty key has no word, 'a.' has two.
  [['*'], ['a', 'b', 'A']],
  [['*.*'], ['a.b', 'b.a', 'a.', '.a']],
  [['a.#'], ['a', 'a.b', 'a.x.b', 'a.x.y.b', 'a.', 'a..b']],
  [['#.a'], ['a', 'b.a', '.a']],
  [['a.*'], ['a.b', 'a.']],
  [['a.#.b'], ['a.b', 'a.x.b', 'a.x.y.b', 'a..b']],
  [['a.*.b'], ['a.x.b', 'a..b']],
  [['#.#'], topics],
  [['*.#'], topics.slice(1)],
  [[''], ['']],
  [
    ['a', 'A', 'a.#'],
    ['a', 'a.b', 'a.x.b', 'a.x.y.b', 'a.', 'a..b', 'A'],
  ],
  [['*.orange.*', '*.*.rabbit', 'quick.#'], ['quick.orange.rabbit']],
  [['a#', '*b'], []],
];

test('patterns decide which lines arrive', async () => {
  const receivers = await Promise.all(
    table.map(([patterns]) => roles.receiver(['receive-logs-topic', ...patterns, closing])),
  );
  for (const topic of [...topics, closing]) {
    assert.is((await roles.run(['emit-log-topic', topic, `<${topic}>`])).status, 0, topic);
  }
  for (const [index, [patterns, received]] of table.entries()) {
    await receivers[index]!.prints(new RegExp(`<${closing}>`));
    const { status, stdout } = await receivers[index]!.stop();
    assert.is(status, 0);
    assert.equal(
      lines(stdout),
      [...received, closing].map((key) => `<${key}>`),
      patterns.join(' '),
    );
  }
});

test('a topic without a matching binding is reported as unroutable', async () => {
  const receiver = await roles.receiver(['receive-logs-topic', 'kern.*']);
  const { status, stderr } = await roles.run(['emit-log-topic', 'cron.info', 'x']);
  assert.is(status, 67);
  assert.match(stderr, /^mq emit-log-topic: .*\[UNROUTABLE\]\nhint: .*\n$/);
  assert.is((await receiver.stop()).stdout, '');
});

test.run();
