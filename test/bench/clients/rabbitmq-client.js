// Does the work of a benchmark with rabbitmq-client. The arguments are those of amqplib.js.

import { Connection } from 'rabbitmq-client';
import { lineBatches } from './lines.js';

const [, , mode, queue, first, second] = process.argv;
const connection = new Connection(process.env.MQ_URL);

async function publish() {
  const publisher = connection.createPublisher({ confirm: true });
  let unconfirmed = 0;
  let resume = () => undefined;
  const confirmed = () => {
    unconfirmed -= 1;
    resume();
  };
  const until = async (most) => {
    while (unconfirmed > most) {
      await new Promise((next) => {
        resume = next;
      });
    }
  };
  const envelope = { routingKey: queue, durable: true, mandatory: true };
  for await (const lines of lineBatches()) {
    for (const line of lines) {
      await until(Number(first) - 1);
      unconfirmed += 1;
      void publisher.send(envelope, line).then(confirmed);
    }
  }
  await until(0);
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
