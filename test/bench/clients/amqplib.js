// Does the work of a benchmark with amqplib alone, as a careful program does it.
//   publish QUEUE WINDOW        publishes each line of standard input, with confirms and a bounded window
//   consume QUEUE PREFETCH N    receives and acknowledges N messages
//   once QUEUE                  publishes one message with confirm

import amqplib from 'amqplib/callback_api';
import { lineBatches } from './lines.js';

const [, , mode, queue, first, second] = process.argv;
const options = { persistent: true, mandatory: true };

function publish(connection) {
  connection.createConfirmChannel(async (error, channel) => {
    if (error) throw error;
    let unconfirmed = 0;
    let resume = () => undefined;
    const confirmed = (refused) => {
      if (refused) throw refused;
      unconfirmed -= 1;
      resume();
    };
    for await (const lines of lineBatches()) {
      for (const line of lines) {
        while (unconfirmed >= Number(first)) {
          await new Promise((next) => {
            resume = next;
          });
        }
        unconfirmed += 1;
        channel.publish('', queue, Buffer.from(line), options, confirmed);
      }
    }
    channel.waitForConfirms(() => connection.close());
  });
}

function consume(connection) {
  connection.createChannel((error, channel) => {
    if (error) throw error;
    let received = 0;
    channel.prefetch(Number(first), false, () => {
      channel.consume(queue, (message) => {
        channel.ack(message);
        received += 1;
        if (received === Number(second)) channel.close(() => connection.close());
      });
    });
  });
}

function once(connection) {
  connection.createConfirmChannel((error, channel) => {
    if (error) throw error;
    channel.sendToQueue(queue, Buffer.from('x'), options, () => connection.close());
  });
}

amqplib.connect(process.env.MQ_URL, { noDelay: true }, (error, connection) => {
  if (error) throw error;
  ({ publish, consume, once })[mode](connection);
});
