// Sends persistent messages of 100 bytes to a queue at a steady rate and receives them, with amqplib alone. The result is one
// JSON object on stdout: the rates of sending and receiving, and latencies from the intended time of sending.
// Arguments: QUEUE RATE SECONDS.

import amqplib from 'amqplib';

const [, , queue, first, second] = process.argv;
const [rate, total] = [Number(first), Number(first) * Number(second)];
const connections = [await amqplib.connect(process.env.MQ_URL, { noDelay: true })];
connections.push(await amqplib.connect(process.env.MQ_URL, { noDelay: true }));
const [producer, consumer] = [await connections[0].createConfirmChannel(), await connections[1].createChannel()];
await consumer.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 60_000 } });
await consumer.prefetch(256);

const latencies = [];
const all = Promise.withResolvers();
let lastAt = 0;
const started = performance.now();
await consumer.consume(queue, (message) => {
  if (message === null) return; // the queue is deleted at the end
  lastAt = performance.now();
  latencies.push(lastAt - Number(message.content.toString('latin1', 0, 24)));
  consumer.ack(message);
  if (latencies.length === total) all.resolve();
});
let sentAt = 0;
for (let sent = 0; sent < total; ) {
  for (; sent < total && started + (sent * 1000) / rate <= performance.now(); sent += 1) {
    const body = Buffer.alloc(100, ' ');
    body.write(String(started + (sent * 1000) / rate));
    producer.publish('', queue, body, { persistent: true });
  }
  sentAt = performance.now();
  await new Promise((next) => setTimeout(next, 1));
}
await producer.waitForConfirms();
await all.promise;
await consumer.deleteQueue(queue);
latencies.sort((one, other) => one - other);
const at = (share) => latencies[Math.floor(latencies.length * share)];
const perSecond = (end) => (total * 1000) / (end - started);
process.stdout.write(
  JSON.stringify({ sent: perSecond(sentAt), received: perSecond(lastAt), p50: at(0.5), p99: at(0.99) }),
);
for (const connection of connections) await connection.close();
