// mq dlq reads a quorum queue without losing messages, although RabbitMQ 4.0 counts each read as a delivery.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

function folder(queue: string, limit: number): string {
  const options = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': limit } };
  const config = {
    vhosts: {
      '/': {
        exchanges: { letters: { type: 'direct', options: { durable: true } } },
        queues: { [queue]: { options } },
        bindings: { [`letters[dead] -> ${queue}`]: {} },
      },
    },
    publications: { letters: { exchange: 'letters', routingKey: 'dead' } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

for (const [what, queue, isKnown] of [
  ['rascal.json defines', 'reads-known', true],
  ['rascal.json does not define', 'reads-unknown', false],
] as const) {
  test(`dead letters of a queue that ${what} stay in order after many reads`, async () => {
    const cwd = folder(queue, 3);
    for (const id of ['a', 'b', 'c']) {
      const message = ['--property', `message-id=${id}`, '--header', `shade=${id}`, '--header', 'x-mq-queue=elsewhere'];
      assert.is((await roles.runHere(['publish', 'letters', ...message, id], { cwd })).status, 0);
    }
    const dlq = (...args: string[]) =>
      roles.runHere(['dlq', ...args, '--queue', queue], { cwd: isKnown ? cwd : emptyFolder({}) });
    for (let read = 1; read <= 7; read += 1) {
      // RabbitMQ also counts letters that were delivered but not shown.
      const count = read % 2 === 0 ? ['--count', '1'] : [];
      const { status, stdout, stderr } = await dlq('list', '--json', ...count);
      assert.is(status, 0, stderr);
      const ids = lines(stdout).map((line) => JSON.parse(line).id);
      assert.equal(ids, read % 2 === 0 ? ['a'] : ['a', 'b', 'c'], `read ${read}: ${stderr}`);
    }
    // mq does not trust headers that any publisher can write, even after it has published the letter again.
    assert.is((await dlq('replay')).status, 65);
    assert.equal(
      (await roles.take(queue, 3)).map(({ payload, properties }) => [payload, properties.headers?.['shade']]),
      [
        ['a', 'a'],
        ['b', 'b'],
        ['c', 'c'],
      ],
    );
  });
}

test.run();
