// Tests that mq apply --prune can be killed at any change, and that the next runs finish without loss.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq, startMq } from '../support/mq.ts';
import { type Recorder, withRecorder, writesOf } from '../support/recorder.ts';
import { lines } from '../support/roles.ts';

const content = {
  vhosts: {
    '/': { exchanges: { orders: { type: 'topic' } }, queues: ['orders.bill'], bindings: ['orders -> orders.bill'] },
  },
  mq: { owns: ['orders*'] },
};

test('later runs finish after kill -9 at each change of a prune', async () => {
  const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--json']);
  const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = { MQ_URL: url, MQ_MANAGEMENT_URL: management };
  const run = (args: readonly string[]) => mq(args, { cwd, env });
  assert.is((await run(['apply', '--yes'])).status, 0);
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange('orders.old', 'topic');
  for (const queue of ['orders.old', 'orders.older', 'theirs']) await channel.assertQueue(queue);
  await channel.bindQueue('orders.old', 'orders.old', 'a');
  await channel.bindQueue('orders.older', 'orders.old', 'b');
  await channel.bindQueue('orders.bill', 'orders', 'was');
  for (const queue of ['theirs', 'orders.bill']) await channel.bindQueue(queue, 'amq.topic', 'theirs');
  channel.sendToQueue('orders.bill', Buffer.from('kept'), { persistent: true });
  await channel.waitForConfirms();
  const left = async () => (JSON.parse((await run(['plan', '--json'])).stdout) as { delete: number }).delete;
  assert.is(await left(), 4);
  let kills = 0;
  for (let isOver = false; !isOver; ) {
    const held = Promise.withResolvers<'held'>();
    // The broker makes the first change, and mq is killed before it receives the answer.
    const isWithheld = (recorded: Pick<Recorder, 'requests' | 'methods'>) => {
      // The passive declarations of mq change nothing.
      const isChanged = writesOf(recorded).some((one) => one !== 'queue.declare');
      if (isChanged) held.resolve('held');
      return isChanged;
    };
    await withRecorder({ url, managementUrl: management, isWithheld }, async (recorder) => {
      const through = { MQ_URL: recorder.url, MQ_MANAGEMENT_URL: recorder.managementUrl };
      const applying = startMq(['apply', '--prune', '--yes', '--trust-management'], { cwd, env: through });
      isOver = (await Promise.race([held.promise, applying.ended])) !== 'held';
      applying.kill('SIGKILL');
      await applying.ended;
    });
    kills += isOver ? 0 : 1;
  }
  // Three bindings, two queues and an exchange.
  assert.is(kills, 6);
  assert.is(await left(), 0);
  assert.is((await channel.checkQueue('orders.bill')).messageCount, 1);
  const bindings = lines((await run(['admin', 'list', 'bindings', '--json'])).stdout);
  assert.is(bindings.filter((line) => line.includes('"routing_key":"theirs"')).length, 3); // one is of the default exchange
  await connection.close();
  await broker.stop();
});

test.run();
