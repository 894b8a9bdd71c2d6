// Declares the whole topology of a rascal.json.

import { parseAddresses } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { madeQueueConfigs } from '../config/retry-queues.ts';
import { newCounts } from './counts.ts';
import { Session } from './session.ts';

const confirmTimeoutMs = 10_000;

/**
 * Declares every exchange, every binding and every queue that is not exclusive, in the vhosts of `config`. If roles
 * declare nothing, also declares the queues for their failed messages.
 *
 * @param urls one AMQP address per node
 * @param role part of the connection's name
 * @throws MqError if no node accepts the connection or the broker refuses a declaration
 */
export async function declareAll(config: Config, { urls, role }: { urls: readonly string[]; role: string }) {
  const addresses = parseAddresses(urls.join(','), { at: '--on', code: 'USAGE' });
  const session = new Session({ config, addresses, role, confirmTimeoutMs, counts: newCounts(), say: () => undefined });
  try {
    await session.declareAll(config.declare === false ? madeQueueConfigs(config) : {});
  } finally {
    await session.close();
  }
}
