// Runs one job as a client of one broker, with amqplib alone. The first argument selects the job. The result is one JSON
// object on stdout.
//
//   flow N [persistent]    sends N messages of 100 bytes through a queue on one connection; sends persistent messages
//                          with confirms and a window of 256
//   latency RATE SECONDS   measures the time from publish to delivery at a low rate
//   fill N                 puts N messages of 16 bytes into a queue

import amqplib, { type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib';

const [, , mode, first = '', second = ''] = process.argv;
const connection = await amqplib.connect(process.env['MQ_URL'] ?? 'amqp://localhost', { noDelay: true });
const queue = 'bench';

async function emptyQueue(channel: Channel): Promise<void> {
  await channel.deleteQueue(queue);
  await channel.assertQueue(queue, { durable: true });
}

async function flow(count: number, isPersistent: boolean): Promise<object> {
  const publisher = isPersistent ? await connection.createConfirmChannel() : await connection.createChannel();
  const consumer = await connection.createChannel();
  await emptyQueue(consumer);
  await consumer.prefetch(1000);
  const started = performance.now();
  const all = new Promise<void>((done) => {
    let received = 0;
    void consumer.consume(queue, (message) => {
      if (message) consumer.ack(message);
      received += 1;
      if (received === count) done();
    });
  });
  const body = Buffer.alloc(100, 'x');
  if (isPersistent) await publishConfirmed(publisher as ConfirmChannel, count, body);
  else await publishFreely(publisher, count, body);
  await all;
  return { perSecond: count / ((performance.now() - started) / 1000) };
}

async function publishFreely(channel: Channel, count: number, body: Buffer): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    if (!channel.sendToQueue(queue, body)) await new Promise((drained) => channel.once('drain', drained));
  }
}

async function publishConfirmed(channel: ConfirmChannel, count: number, body: Buffer): Promise<void> {
  let unanswered = 0;
  let resume = (): void => undefined;
  for (let sent = 0; sent < count; sent += 1) {
    while (unanswered >= 256) {
      await new Promise<void>((next) => {
        resume = next;
      });
    }
    unanswered += 1;
    channel.sendToQueue(queue, body, { persistent: true }, (error) => {
      if (error) throw error;
      unanswered -= 1;
      resume();
    });
  }
  await channel.waitForConfirms();
}

async function latency(rate: number, seconds: number): Promise<object> {
  const channel = await connection.createChannel();
  await emptyQueue(channel);
  const times: number[] = [];
  await channel.consume(queue, (message) => times.push(performance.now() - Number(message?.content)), { noAck: true });
  const timer = setInterval(() => channel.sendToQueue(queue, Buffer.from(String(performance.now()))), 1000 / rate);
  await new Promise((over) => setTimeout(over, seconds * 1000));
  clearInterval(timer);
  const sorted = times.slice(rate).toSorted((a, b) => a - b); // the first second warms up
  const at = (share: number) => sorted[Math.floor(sorted.length * share)];
  return { p50: at(0.5), p99: at(0.99) };
}

async function fill(count: number): Promise<object> {
  const channel = await connection.createConfirmChannel();
  await emptyQueue(channel);
  await publishFreely(channel, count, Buffer.alloc(16, 'x'));
  await channel.waitForConfirms();
  return { queued: (await channel.checkQueue(queue)).messageCount };
}

const jobs: Record<string, () => Promise<object>> = {
  flow: () => flow(Number(first), second === 'persistent'),
  latency: () => latency(Number(first), Number(second)),
  fill: () => fill(Number(first)),
};
process.stdout.write(`${JSON.stringify(await jobs[mode ?? '']?.())}\n`);
await (connection as ChannelModel).close();
