// Measures the broker's processor time for a message while the broker has COUNT objects of one KIND. The result is the number
// of microseconds on stdout. The messages go through the broker in bursts: the next one starts when all messages of the
// previous one have been received, so that the number of system calls does not depend on COUNT.
//   growth.js KIND COUNT MESSAGES PID
//   queues, channels, connections   each with a consumer; every channel and connection has its own queue
//   consumers                       of one queue
//   bindings                        of one topic exchange to one queue
//   queued                          messages in the queue before the first burst

import { readdirSync, readFileSync } from 'node:fs';
import amqplib from 'amqplib';

const [, , kind, first, second, pid] = process.argv;
const [count, messages] = [Number(first), Number(second)];
const burst = 50;
const body = Buffer.alloc(100, 'x');
const bindingKeys = 100;
const connections = [];

async function connect() {
  const connection = await amqplib.connect(process.env.MQ_URL, { noDelay: true });
  connections.push(connection);
  return connection;
}

/** Returns one message sender for each object, which are used in turn, by message or by burst. */
async function prepare(onMessage) {
  const connection = await connect();
  const channel = await connection.createChannel();
  const own = async (on) => {
    const { queue } = await on.assertQueue('', { exclusive: true });
    return queue;
  };
  const consuming = async (on, queue) => {
    // Above `burst`, so that a message never waits for the acknowledgements of the previous burst, as it would with one consumer.
    await on.prefetch(kind === 'queued' ? burst : 2 * burst);
    await on.consume(queue, (message) => onMessage(on, message));
  };
  const senders = [];
  const sendTo = (on, queue) => senders.push(() => on.sendToQueue(queue, body));
  if (kind === 'queues') {
    for (let index = 0; index < count; index += 1) {
      const queue = await own(channel);
      await consuming(channel, queue);
      sendTo(channel, queue);
    }
  } else if (kind === 'channels' || kind === 'connections') {
    for (let index = 0; index < count; index += 1) {
      const on = await (kind === 'channels' ? connection : await connect()).createChannel();
      const queue = await own(on);
      await consuming(on, queue);
      sendTo(on, queue);
    }
  } else {
    const queue = await own(channel);
    if (kind === 'bindings') {
      const exchange = `bench.${queue}`;
      await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: true });
      const bound = [];
      for (let index = 0; index < count; index += 1) bound.push(channel.bindQueue(queue, exchange, `key.${index}.*`));
      await Promise.all(bound);
      for (let index = 0; index < bindingKeys; index += 1) {
        senders.push(() => channel.publish(exchange, `key.${index % count}.${index}`, body));
      }
    } else sendTo(channel, queue);
    if (kind === 'queued') await fill(channel, queue);
    for (let index = 0; index < (kind === 'consumers' ? count : 1); index += 1) await consuming(channel, queue);
  }
  return senders;
}

async function fill(channel, queue) {
  for (let sent = 0; sent < count; sent += 1) {
    if (!channel.sendToQueue(queue, body)) await new Promise((drained) => channel.once('drain', drained));
  }
  await channel.checkQueue(queue);
}

/** Sends the bursts. Acknowledges the messages of a burst when all have been received. */
async function run() {
  let received = [];
  let complete = () => undefined;
  const senders = await prepare((channel, message) => {
    received.push([channel, message]);
    if (received.length === burst) complete();
  });
  const isByBurst = kind === 'channels' || kind === 'connections';
  let sent = 0;
  const send = (until) =>
    new Promise((done) => {
      complete = done;
      for (let inBurst = 0; inBurst < burst && sent < until; inBurst += 1, sent += 1) {
        senders[(isByBurst ? (sent / burst) | 0 : sent) % senders.length]();
      }
      if (received.length >= burst) done();
    }).then(async () => {
      const all = received;
      received = [];
      for (const [channel, message] of all) channel.ack(message);
      // With one connection, acknowledgements and the next burst would otherwise share a write, and cost fewer system calls.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((turned) => setImmediate(turned));
    });
  const sendAll = async (until) => {
    while (sent < until) await send(until);
  };
  await sendAll(messages); // warms up
  const before = cpuMs();
  await sendAll(2 * messages);
  return ((cpuMs() - before) * 1000) / messages;
}

/** Returns the processor time of the broker's threads so far, in milliseconds. Its resolution is a nanosecond. */
function cpuMs() {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return ns / 1e6;
}

process.stdout.write(`${await run()}\n`);
process.exit();
