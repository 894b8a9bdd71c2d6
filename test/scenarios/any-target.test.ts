// Tests mq publish and mq subscribe with an exchange or queue that rascal.json does not define.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const { vhost } = roles;
test.after.each(roles.killLeft);
test.after(roles.end);

test('a receiver with --exchange and --key gets what these keys select', async () => {
  const receiver = await roles.receiver([
    ...['subscribe', '--exchange', 'amq.direct', '--key', 'red', '--key', '', '--no-declare', '--count', '2'],
  ]);
  const send = (key: string, text: string) =>
    roles.run(['publish', '--exchange', 'amq.direct', '--routing-key', key, text]);
  assert.is((await send('red', 'first')).status, 0);
  assert.is((await send('blue', 'lost')).status, 67);
  assert.is((await send('', 'second')).status, 0);
  const { status, stdout, stderr } = await receiver.ended;
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ['first', 'second']);
});

test('a delayed message to a queue is listed, also with a namespace', async () => {
  await vhost.api('PUT', `/api/queues/${vhost.name}/jobs`, { durable: true });
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({ vhosts: { '/': { namespace: 'team', queues: ['own'] } } }),
  });
  const property = ['--property', 'message-id=m-1'];
  const sent = await roles.run(['publish', '--queue', 'jobs', '--delay', '1h', ...property, 'later'], { cwd });
  assert.is(sent.status, 0, sent.stderr);
  const { stdout } = await roles.run(['delayed', 'cancel', 'm-1'], { cwd });
  assert.is(stdout, 'cancelled m-1\n');
});

test.run();
