// Does the work of a benchmark with rabbitmq-client. The arguments are those of amqplib.js.

import { Connection } from 'rabbitmq-client';
import { publishLines } from './lines.js';

const [, , mode, queue, first, second] = process.argv;
const connection = new Connection(process.env.MQ_URL);

async function publish() {
  const publisher = connection.createPublisher({ confirm: true });
  const envelope = { routingKey: queue, durable: true, mandatory: true };
  await publishLines(Number(first), (line) => publisher.send(envelope, line));
  await publisher.close();
}

async function consume() {
  let received = 0;
  const settings = { queue, queueOptions: { passive: true }, qos: { prefetchCount: Number(first) } };
  const consumer = await new Promise((done) => {
    const opened = connection.createConsumer(settings, () => {
      received += 1;
      if (received === Number(second)) done(opened);
    });
  });
  await consumer.close();
}

await { publish, consume }[mode]();
await connection.close();
