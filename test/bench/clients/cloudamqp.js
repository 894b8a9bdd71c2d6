// Does the work of a benchmark with @cloudamqp/amqp-client. The arguments are those of amqplib.js.

import { AMQPClient } from '@cloudamqp/amqp-client';
import { publishLines } from './lines.js';

const [, , mode, queue, first, second] = process.argv;
const properties = { deliveryMode: 2 };
const connection = await new AMQPClient(process.env.MQ_URL).connect();
const channel = await connection.channel();

async function publish() {
  await channel.confirmSelect();
  await publishLines(Number(first), (line) => channel.basicPublish('', queue, line, properties, true));
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
