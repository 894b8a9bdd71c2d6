// Runs the baseline for mq: the same work with amqplib alone, as a careful program does it.
//   publish QUEUE WINDOW        publishes each line of standard input, with confirms and a bounded window
//   consume QUEUE PREFETCH N    receives and acknowledges N messages

import amqplib from 'amqplib/callback_api';
import { lineBatches } from './lines.ts';

const [, , mode, queue = '', first = '256', second = '0'] = process.argv;
const url = process.env['MQ_URL'] ?? 'amqp://localhost';

amqplib.connect(url, { noDelay: true } as object, (error, connection) => {
  if (error || !connection) throw error ?? new Error('no connection');
  if (mode === 'publish') publish(connection, Number(first));
  else consume(connection, Number(first), Number(second));
});

// biome-ignore lint/suspicious/noExplicitAny: amqplib's callback model, mq declares only the part that it uses
type Connection = any;

function publish(connection: Connection, window: number): void {
  connection.createConfirmChannel(async (error: Error | null, channel: Connection) => {
    if (error) throw error;
    let unconfirmed = 0;
    let resume: () => void = () => undefined;
    const options = { persistent: true, mandatory: true };
    const confirmed = (refused: Error | null) => {
      if (refused) throw refused;
      unconfirmed -= 1;
      resume();
    };
    for await (const lines of lineBatches()) {
      for (const line of lines) {
        while (unconfirmed >= window) {
          await new Promise<void>((next) => {
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

function consume(connection: Connection, prefetch: number, count: number): void {
  connection.createChannel((error: Error | null, channel: Connection) => {
    if (error) throw error;
    let taken = 0;
    channel.prefetch(prefetch, false, () => {
      channel.consume(queue, (message: unknown) => {
        channel.ack(message);
        taken += 1;
        if (taken === count) channel.close(() => connection.close());
      });
    });
  });
}
