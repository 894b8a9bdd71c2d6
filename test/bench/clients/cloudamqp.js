// Does the work of a benchmark with @cloudamqp/amqp-client. The arguments are those of amqplib.js.

import { AMQPClient } from '@cloudamqp/amqp-client';
import { lineBatches } from './lines.js';

const [, , mode, queue, first, second] = process.argv;
const properties = { deliveryMode: 2 };
const connection = await new AMQPClient(process.env.MQ_URL).connect();
const channel = await connection.channel();

async function publish() {
  await channel.confirmSelect();
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
  for await (const lines of lineBatches()) {
    for (const line of lines) {
      await until(Number(first) - 1);
      unconfirmed += 1;
      void channel.basicPublish('', queue, line, properties, true).then(confirmed);
    }
  }
  await until(0);
}

async function consume() {
  await channel.basicQos(Number(first));
  let received = 0;
  await new Promise((done) => {
    void channel.basicConsume(queue, { noAck: false }, (message) => {
      void message.ack();
      received += 1;
      if (received === Number(second)) done();
    });
  });
}

await { publish, consume }[mode]();
await connection.close();
