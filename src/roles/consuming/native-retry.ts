// Checks that a queue can delay its own retries ("native": true). RabbitMQ 4.3: with x-delayed-retry-type, basic.reject with
// requeue raises the delivery count, and the message is ready again after the delivery count times x-delayed-retry-min.

import { nativeFault } from '../../config/retry-queues.ts';
import { MqError } from '../../errors.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * Throws CONFIG if the broker would deliver a rejected message again at once, because it is too old or the queue has no
 * delay.
 * @param queue name for the message
 */
export function assertNative({ declared = {}, server }: WorkQueue, queue: string, attempts: number): void {
  const [major = 0, minor = 0] = String(server.version).split('.').map(Number);
  if (major < 4 || (major === 4 && minor < 3)) {
    throw new MqError('CONFIG', `"native" retries require RabbitMQ 4.3, and the broker is ${String(server.version)}`, {
      hint: 'remove "native" from the retry settings; mq then uses wait queues',
    });
  }
  const fault = nativeFault(declared, attempts);
  if (fault !== undefined) throw new MqError('CONFIG', `the queue '${queue}' ${fault}`);
}
