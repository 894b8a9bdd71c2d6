// Tests that mq apply can be killed at any step, and that the next run finishes without loss.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq, startMq } from '../support/mq.ts';
import { plannedFile } from '../support/plan.ts';
import { type Recorded, withRecorder, writesOf } from '../support/recorder.ts';
import { lines } from '../support/roles.ts';

const content = {
  ...plannedFile,
  mq: { ...plannedFile.mq, policies: { '/': { limit: { pattern: '^plain$', definition: { 'max-length': 1000 } } } } },
};

test('the next run finishes after kill -9 at each step, and no message is lost', async () => {
  const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--json']);
  const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = { MQ_URL: url, MQ_MANAGEMENT_URL: management };
  const run = (args: readonly string[]) => mq(args, { cwd, env });
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  // A queue that exists before, with a message and with the binding of another client.
  await channel.assertQueue('plain');
  await channel.bindQueue('plain', 'amq.topic', 'theirs');
  channel.sendToQueue('plain', Buffer.from('kept'), { persistent: true });
  await channel.waitForConfirms();
  const { differences } = JSON.parse((await run(['plan', '--json'])).stdout) as { differences: unknown[] };
  let left = differences.length;
  assert.ok(left > 10);
  for (; left > 0; left -= 1) {
    const held = Promise.withResolvers<void>();
    // The broker makes the first change, and mq is killed before it receives the answer.
    const isWithheld = (recorded: Recorded) => {
      const isChanged = writesOf(recorded).length > 0;
      if (isChanged) held.resolve();
      return isChanged;
    };
    await withRecorder({ url, managementUrl: management, isWithheld }, async (recorder) => {
      const through = { MQ_URL: recorder.url, MQ_MANAGEMENT_URL: recorder.managementUrl };
      const applying = startMq(['apply', '--yes', '--trust-management'], { cwd, env: through });
      await Promise.race([held.promise, applying.ended]);
      applying.kill('SIGKILL');
      await applying.ended;
    });
    const planned = await run(['plan', '--json']);
    assert.is((JSON.parse(planned.stdout) as { differences: unknown[] }).differences.length, left - 1);
  }
  const last = await run(['apply', '--yes', '--json']);
  assert.equal([last.status, last.stdout], [0, '']);
  assert.is((await channel.checkQueue('plain')).messageCount, 1);
  const bindings = await run(['admin', 'list', 'bindings', '--json']);
  assert.ok(lines(bindings.stdout).some((line) => line.includes('"theirs"')));
  await connection.close();
  await broker.stop();
});

test.run();
