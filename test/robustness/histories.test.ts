// Runs random histories on the embedded broker with and without restarts, and sends messages with random headers.
//   MQ_HISTORY_COUNT=4   number of histories
//   MQ_HISTORY_SEED      selects the histories

import { type Channel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readFields } from '../../src/session/codec/field-table.ts';
import { countOf, randomOf, seedOf } from '../support/random.ts';
import { entry, longstr, rawReceived, rawSender } from '../support/raw-message.ts';
import { historyOf, run, type Step } from './history.ts';
import { randomHeaders } from './random-headers.ts';
import { type End, RestartableBroker } from './restartable-broker.ts';

const seed = seedOf('MQ_HISTORY_SEED');
const count = countOf('MQ_HISTORY_COUNT', 4);

async function contentsAfter(steps: readonly Step[], loss: End | 'close'): Promise<Record<string, string[]>> {
  const broker = new RestartableBroker();
  try {
    await broker.start();
    return await run(steps, broker, loss);
  } finally {
    await broker.remove();
  }
}

const text = (steps: readonly Step[]) => steps.map((step, number) => `${number} ${JSON.stringify(step)}`).join('\n');

test(`${count} histories end the same with and without restarts (MQ_HISTORY_SEED=${seed})`, async () => {
  for (let number = 0; number < count; number += 1) {
    const steps = historyOf(randomOf(seed + number), 60);
    const expected = await contentsAfter(steps, 'close');
    for (const loss of ['SIGTERM', 'SIGKILL'] as const) {
      const found = await contentsAfter(steps, loss);
      assert.equal(found, expected, `${loss}, MQ_HISTORY_COUNT=1 MQ_HISTORY_SEED=${seed + number}:\n${text(steps)}`);
    }
  }
});

test(`headers survive expiry, reject and a restart (MQ_HISTORY_SEED=${seed})`, async () => {
  const random = randomOf(seed);
  const sent = Array.from({ length: 25 * count }, () => randomHeaders(random));
  const broker = new RestartableBroker();
  try {
    await broker.start();
    await withChannel(broker, async (channel) => {
      await channel.assertExchange('headers', 'headers');

      await channel.assertQueue('wait', { deadLetterExchange: 'headers', messageTtl: 1000 });
      await channel.assertQueue('work', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      await channel.assertQueue('dead', { arguments: { 'x-queue-type': 'quorum' } });
      await channel.bindQueue('work', 'headers', '', { 'x-match': 'all', mark: 'yes' });
    });
    const sender = await rawSender(broker.url);
    for (const [number, fields] of sent.entries()) {
      const headers = Buffer.concat([entry('mark', 'S', longstr('yes')), ...fields]);
      assert.ok(await sender.send('wait', `${number}`, { headers }), hex(number, fields));
    }
    await sender.close();
    // Waits until all messages are on disk.
    await broker.move(0);
    await restart(broker, 'SIGKILL');
    await broker.move(1000);
    await restart(broker, 'SIGTERM');
    await withChannel(broker, async (channel) => {
      assert.is((await channel.checkQueue('work')).messageCount, sent.length);
      for (let message = await channel.get('work'); message; message = await channel.get('work'))
        channel.reject(message, false);
      await channel.checkQueue('dead');
    });
    await broker.move(0);
    await restart(broker, 'SIGKILL');
    for (const [number, fields] of sent.entries()) {
      const received = (await rawReceived(broker.url, 'dead')) ?? Buffer.alloc(6);
      const { fields: found } = readFields(received.subarray(6, 6 + received.readUInt32BE(2)));
      const all = new Set(found.map(({ bytes }) => bytes.toString('hex')));
      for (const field of fields) assert.ok(all.has(field.toString('hex')), hex(number, [field]));
    }
  } finally {
    await broker.remove();
  }
});

const hex = (number: number, fields: readonly Buffer[]) =>
  `message ${number}, MQ_HISTORY_SEED=${seed} MQ_HISTORY_COUNT=${count}: ${fields.map((field) => field.toString('hex'))}`;

async function restart(broker: RestartableBroker, end: End): Promise<void> {
  await broker.end(end);
  await broker.start();
}

async function withChannel(broker: RestartableBroker, use: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connect(broker.url);
  try {
    await use(await connection.createChannel());
  } finally {
    await connection.close();
  }
}

test.run();
