// One client of one broker with amqplib alone. The first argument selects the job; the result is one JSON object on
// stdout. All messages of a job are in one queue, and BYTES is the size of a body.
//   flow N BYTES               sends and receives at the same time
//   durable N BYTES            the same with persistent messages, confirms and a window of 256
//   publish N BYTES            sends only
//   latency RATE SECONDS       measures the time from publish to delivery at a low rate
//   fill N                     fills the queue with bodies of 16 bytes

import amqplib from 'amqplib';

const [, , mode, first, second] = process.argv;
const connection = await amqplib.connect(process.env.MQ_URL, { noDelay: true });
const queue = 'bench';

async function emptyQueue(channel) {
  await channel.deleteQueue(queue);
  await channel.assertQueue(queue, { durable: true });
}

async function flow(count, bytes, isDurable) {
  const publisher = await (isDurable ? connection.createConfirmChannel() : connection.createChannel());
  const consumer = await connection.createChannel();
  await emptyQueue(consumer);
  await consumer.prefetch(bytes > 10_000 ? 16 : 1000);
  const started = performance.now();
  const all = new Promise((done) => {
    let received = 0;
    void consumer.consume(queue, (message) => {
      consumer.ack(message);
      received += 1;
      if (received === count) done();
    });
  });
  await (isDurable ? publishConfirmed : publishFreely)(publisher, count, Buffer.alloc(bytes, 'x'));
  await all;
  return { perSecond: count / ((performance.now() - started) / 1000) };
}

async function publishFreely(channel, count, body) {
  for (let sent = 0; sent < count; sent += 1) {
    if (!channel.sendToQueue(queue, body)) await new Promise((drained) => channel.once('drain', drained));
  }
}

async function publishConfirmed(channel, count, body) {
  let unanswered = 0;
  let resume = () => undefined;
  for (let sent = 0; sent < count; sent += 1) {
    while (unanswered >= 256) {
      await new Promise((next) => {
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

async function publishOnly(count, body) {
  const channel = await connection.createChannel();
  await emptyQueue(channel);
  const started = performance.now();
  await publishFreely(channel, count, body);
  await channel.checkQueue(queue); // the answer follows the last message
  return { perSecond: count / ((performance.now() - started) / 1000) };
}

async function latency(rate, seconds) {
  const channel = await connection.createChannel();
  await emptyQueue(channel);
  const times = [];
  await channel.consume(queue, (message) => times.push(performance.now() - Number(message.content)), { noAck: true });
  const timer = setInterval(() => channel.sendToQueue(queue, Buffer.from(String(performance.now()))), 1000 / rate);
  await new Promise((over) => setTimeout(over, seconds * 1000));
  clearInterval(timer);
  const sorted = times.slice(rate).toSorted((a, b) => a - b); // the first second warms up
  const at = (share) => sorted[Math.floor(sorted.length * share)];
  return { p50: at(0.5), p99: at(0.99) };
}

async function fill(count) {
  const channel = await connection.createConfirmChannel();
  await emptyQueue(channel);
  await publishFreely(channel, count, Buffer.alloc(16, 'x'));
  await channel.waitForConfirms();
  return { queued: (await channel.checkQueue(queue)).messageCount };
}

const jobs = {
  flow: () => flow(Number(first), Number(second), false),
  durable: () => flow(Number(first), Number(second), true),
  publish: () => publishOnly(Number(first), Buffer.alloc(Number(second), 'x')),
  latency: () => latency(Number(first), Number(second)),
  fill: () => fill(Number(first)),
};
process.stdout.write(`${JSON.stringify(await jobs[mode]())}\n`);
await connection.close();
