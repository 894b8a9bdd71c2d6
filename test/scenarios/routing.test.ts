// Scenario 4: a receiver receives each line of its severities once.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const closing = 'the-end';
const severities = ['info', 'warning', 'error', 'Error', 'err', 'a key', '', '#', '*', '007'];

const table: readonly (readonly [keys: readonly string[], received: readonly string[]])[] = [
  [['error'], ['error']],
  [
    ['info', 'warning', 'error'],
    ['info', 'warning', 'error'],
  ],
  [['error', 'error'], ['error']],
  [['a key'], ['a key']],
  [[''], ['']],
  [['#'], ['#']],
  [['*'], ['*']],
  [
    ['007', 'Error'],
    ['Error', '007'],
  ],
  [['none'], []],
];

test('binding keys decide which lines arrive', async () => {
  const receivers = await Promise.all(table.map(([keys]) => roles.receiver(['receive-logs-direct', ...keys, closing])));
  for (const severity of [...severities, closing]) {
    const { status } = await roles.runHere(['emit-log-direct', severity, `<${severity}>`]);
    assert.is(status, severity === 'err' ? 67 : 0, severity);
  }
  for (const [index, [keys, received]] of table.entries()) {
    await receivers[index]!.prints(/<the-end>/);
    const { status, stdout } = await receivers[index]!.stop();
    assert.is(status, 0);
    assert.equal(
      lines(stdout),
      [...received, closing].map((key) => `<${key}>`),
      `bound to ${JSON.stringify(keys)}`,
    );
  }
});

test('a line without a severity is an info', async () => {
  const receiver = await roles.receiver(['receive-logs-direct', 'info', '--count', '2', '--json']);
  await roles.runHere(['emit-log-direct']);
  await roles.runHere(['emit-log-direct', '--routing-key', 'info', 'two', 'words']);
  const messages = lines((await receiver.ended).stdout).map((line) => JSON.parse(line));
  assert.equal(
    messages.map(({ body, fields }) => [fields.routingKey, body]),
    [
      ['info', 'Hello World!'],
      ['info', 'two words'],
    ],
  );
});

test.run();
