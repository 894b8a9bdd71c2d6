// Reads the number of ready messages of a queue.

import type { Channel } from '../channel.ts';
import { promised } from '../promised.ts';

/**
 * An answer of 0 after this time (in milliseconds) may be wrong. RabbitMQ waits 250 ms for the leader of a quorum
 * queue, and answers 0 if the leader did not answer in this time (rabbit_quorum_queue:stat/2).
 */
const lateMs = 200;

/**
 * Returns the number of ready messages. After a late 0, it asks again and returns the second answer, because on a
 * slow network every answer is late. Rejects with the error that closed the channel.
 */
export async function readyCount(channel: Channel, queue: string, now = () => performance.now()): Promise<number> {
  const asked = now();
  const count = await answerOf(channel, queue);
  return count > 0 || now() - asked < lateMs ? count : answerOf(channel, queue);
}

async function answerOf(channel: Channel, queue: string): Promise<number> {
  const { messageCount } = await promised<{ messageCount: number }>((next) => channel.checkQueue(queue, next));
  return messageCount;
}
