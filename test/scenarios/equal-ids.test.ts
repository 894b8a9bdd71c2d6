// mq distinguishes messages with the same id, and requests with the same correlation id.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const jsonLines = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

function folder(queue: string): string {
  const config = {
    vhosts: {
      '/': {
        exchanges: { ids: { type: 'direct', options: { durable: true } } },
        queues: { [queue]: { options: { durable: true } } },
        bindings: { [`ids[here] -> ${queue}`]: {} },
      },
    },
    publications: { ids: { exchange: 'ids' }, direct: { queue } },
    subscriptions: { requests: { queue } },
    mq: { roles: { answer: { behaviour: 'reply', subscription: 'requests', handler: { builtin: 'echo' } } } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

test('messages with the same id are sent in order with their own outcomes', async () => {
  const cwd = folder('same-ids');
  const args = ['publish', 'ids', '--lines', '--property', 'message-id=x', '--json', '--routing-key'];
  const input = '1\n2\n3\n4\n5\n';
  const sent = await roles.run([...args, 'here'], { cwd, input });
  assert.equal([sent.status, jsonLines(sent.stdout).map(({ outcome }) => outcome)], [0, Array(5).fill('confirmed')]);
  assert.equal(
    (await roles.take('same-ids', 5)).map(({ payload }) => payload),
    ['1', '2', '3', '4', '5'],
  );
  const lost = await roles.run([...args, 'nowhere'], { cwd, input });
  assert.equal([lost.status, jsonLines(lost.stdout).map(({ outcome }) => outcome)], [67, Array(5).fill('refused')]);
});

test('requests with the same correlation id receive their own replies', async () => {
  const cwd = folder('same-correlation');
  const server = await roles.receiver(['answer'], { cwd });
  const args = ['request', 'direct', '--lines', '--property', 'correlation-id=x', '--timeout', '20'];
  const { status, stdout, stderr } = await roles.run(args, { cwd, input: 'a\nb\nc\n' });
  assert.equal([status, lines(stdout)], [0, ['a', 'b', 'c']], stderr);
  assert.is((await server.stop()).status, 0);
});

test('a request with the id of one that timed out is not sent', async () => {
  const cwd = folder('same-message-id');
  // The server answers `a` after its time limit, when it has received `b`.
  const exec = 'case $(cat) in a) until [ -e late ]; do sleep 0.01; done; printf a;; b) touch late; sleep 5;; esac';
  const server = await roles.receiver(['answer', '--prefetch', '2', '--exec', 'sh', '-c', exec], { cwd });
  const args = ['request', 'direct', '--lines', '--property', 'message-id=x', '--timeout', '500ms'];
  const client = roles.start(args, { cwd });
  client.stdin.write('a\n');
  await client.prints(/no reply in 0.5 s/, 'stderr');
  client.stdin.end('b\n');
  const { status, stdout, stderr } = await client.ended;
  assert.equal([status, stdout], [75, ''], stderr);
  assert.match(stderr, /a reply may belong to an earlier request/);
  writeFileSync(join(cwd, 'late'), '');
  assert.is((await server.stop()).status, 0);
});

test('an unroutable letter stays even if its id and key are not unique', async () => {
  const queue = 'same-letters';
  const cwd = folder(queue);
  const letter = (exchange: string) =>
    roles.vhost.api('POST', `/api/exchanges/${roles.vhost.name}/amq.default/publish`, {
      routing_key: `${queue}.dead`,
      payload: exchange,
      payload_encoding: 'string',
      properties: {
        message_id: 'x',
        headers: { 'x-mq-exchange': exchange, 'x-mq-routing-key': 'here', 'x-mq-queue': queue },
      },
    });
  await roles.run(['publish', 'ids', 'made', '--routing-key', 'here'], { cwd });
  await roles.take(queue, 1);
  await roles.vhost.api('PUT', `/api/queues/${roles.vhost.name}/${queue}.dead`, { durable: true });
  await roles.vhost.api('PUT', `/api/exchanges/${roles.vhost.name}/unbound`, { type: 'direct', durable: true });
  for (const exchange of ['ids', 'unbound', 'ids']) await letter(exchange);
  const { status, stdout } = await roles.run(['dlq', 'replay', 'requests', '--to-exchange', '--yes', '--json'], {
    cwd,
  });
  assert.is(status, 67);
  assert.match(stdout, /"done":2,"left":1/);
  assert.equal(
    (await roles.take(queue, 2)).map(({ payload }) => payload),
    ['ids', 'ids'],
  );
  assert.equal(
    (await roles.take(`${queue}.dead`, 1)).map(({ payload }) => payload),
    ['unbound'],
  );
});

test.run();
