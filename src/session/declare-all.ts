// Declares the whole topology of a rascal.json.

import { parseAddresses } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { madeQueueConfigs } from '../config/retry-queues.ts';
import { connectionWithLogin } from '../login/apply.ts';
import type { Login } from '../login/login.ts';
import { newCounts } from './counts.ts';
import { Session } from './session.ts';

const confirmTimeoutMs = 10_000;

/**
 * Declares every exchange, every binding and every queue that is not exclusive, in the vhosts of `config`. If roles
 * declare nothing, also declares the queues for their failed messages.
 *
 * @param urls one AMQP address per node
 * @param login login for addresses without a password
 * @param role part of the connection's name
 * @throws MqError if no node accepts the connection or the broker refuses a declaration
 */
export async function declareAll(
  config: Config,
  { urls, login = {}, role }: { urls: readonly string[]; login?: Login | undefined; role: string },
) {
  const parsed = parseAddresses(urls.join(','), { at: '--on', code: 'USAGE' });
  const addresses = parsed.map((address) => connectionWithLogin(address, login));
  const session = new Session({ config, addresses, role, confirmTimeoutMs, counts: newCounts(), say: () => undefined });
  try {
    await session.declareAll(config.declare === false ? madeQueueConfigs(config) : {});
  } finally {
    await session.close();
  }
}
