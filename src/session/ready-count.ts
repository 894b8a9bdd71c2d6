// Asks a queue how many messages are ready.

import type { Channel } from 'amqplib/callback_api';

/**
 * Milliseconds after which an answer of 0 may be false. RabbitMQ gives the leader of a quorum queue 250 ms, and answers 0
 * if it did not answer in this time (rabbit_quorum_queue:stat/2).
 */
const lateMs = 200;

/**
 * Returns how many messages of a queue are ready. A late 0 is believed if the second answer is 0 as well: where the network
 * is slow, every answer is late. Rejects with the error that closed the channel.
 */
export async function readyCount(channel: Channel, queue: string, now = () => performance.now()): Promise<number> {
  const asked = now();
  const count = await answerOf(channel, queue);
  return count > 0 || now() - asked < lateMs ? count : answerOf(channel, queue);
}

function answerOf(channel: Channel, queue: string): Promise<number> {
  return new Promise((resolve, reject) => {
    channel.checkQueue(queue, (error, ok) => (error ? reject(error) : resolve(ok.messageCount)));
  });
}
