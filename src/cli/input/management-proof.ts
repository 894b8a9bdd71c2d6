// Checks that a management API belongs to the broker. The API of another broker is refused. Without a proof, an API
// that the user named is used with a note, and an API that mq derived from the AMQP address is refused.

import type { Management } from '../../admin/client.ts';
import type { ConnectionConfig } from '../../config/config.ts';
import { type ErrorCode, MqError } from '../../errors.ts';
import { time } from '../../time.ts';

/** Time limit in milliseconds for each AMQP address, because a firewall may drop packets. */
const amqpMs = 5_000;

/** AMQP errors after which the API may still answer, for example behind a firewall that permits only HTTP. */
const unreachableCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'HOST_UNKNOWN', 'DEADLINE', 'TLS', 'PROTOCOL'];

interface Settings {
  readonly isNamed: boolean;
  /** Ends the connecting to the broker. */
  readonly signal: AbortSignal | undefined;
  readonly say: (text: string) => void;
}

/** Connects to the first address that answers. If none answers, throws the same error as a role. */
export async function openBroker(connections: readonly ConnectionConfig[], signal?: AbortSignal) {
  const { openPeer } = await import('../../session/peer.ts');
  const connectionName = `mq admin ${time.randomUUID().slice(0, 8)}`;
  return openPeer(connections, { connectionName, timeoutMs: amqpMs, signal });
}

/**
 * Returns `true` if AMQP proves that the API belongs to the broker, and `false` if a named API is used without proof.
 * Throws CONFIG if the API belongs to another broker, or if a derived API has no proof. Also throws errors of AMQP and
 * of the API, and INTERRUPTED or TERMINATED when `signal` aborts.
 */
export async function assertOwn(
  api: Management,
  connections: readonly ConnectionConfig[],
  { isNamed, signal, say }: Settings,
): Promise<boolean> {
  const { doubtOf, refusedApi } = await import('../../admin/proof.ts');
  let unreachable: MqError | undefined;
  const open = () =>
    openBroker(connections, signal).catch((error: MqError) => {
      unreachable = error;
      throw error;
    });
  const { origin } = api;
  try {
    const doubt = await doubtOf(api, connections[0]?.user ?? 'guest', open);
    if (doubt === undefined) return true;
    if (doubt.kind === 'other' || !isNamed) throw refusedApi(origin, doubt, isNamed);
    say(`the management API at ${origin} is used without proof that it belongs to the broker: ${doubt.why}`);
  } catch (error) {
    if (unreachable === undefined || error !== unreachable || !unreachableCodes.includes(unreachable.code)) throw error;
    const { code, message } = unreachable;
    if (!isNamed)
      throw new MqError(code, message, {
        hint: 'to use the management API without AMQP, name it with --management-url or MQ_MANAGEMENT_URL',
        cause: error,
      });
    say(`the management API at ${origin} is used without proof that it belongs to the broker: ${message}`);
  }
  return false;
}
