// Defines a running role, and opens its session with the broker.

import type { Config } from '../../../config/config.ts';
import { isSending, type RoleConfig, usesOf } from '../../../config/role.ts';
import type { Context } from '../../../context.ts';
import type { Session } from '../../../session/session.ts';
import type { Tracer } from '../../../tracing.ts';
import type { Values } from '../../arguments/values.ts';
import { awaitBroker } from '../../broker-wait.ts';
import { addressesOf } from '../../input/addresses.ts';
import type { Observation } from './observation.ts';
import { reconnectLimit } from './reconnect.ts';

/** A role with its name and its configuration. */
export interface NamedRole<Role extends RoleConfig = RoleConfig> {
  readonly name: string;
  readonly role: Role;
  readonly config: Config;
  /** The configuration of the file, if `config` has a publication or subscription for a target of the command line. */
  readonly definedIn?: Config;
}

export interface RunningRole<Role extends RoleConfig = RoleConfig> extends NamedRole<Role> {
  readonly observation: Observation;
  /** Starts the drain time, in which running handlers can finish. */
  readonly beginDrain: () => void;
  readonly drainMs: number;
  readonly tracer: Tracer | undefined;
}

/** Runs `work` in a session. With --wait, it first waits for the broker. */
export async function withSession(
  context: Context,
  values: Values,
  running: RunningRole,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { name, config, observation } = running;
  const addresses = await addressesOf(context, values);
  const timeoutMs = values.duration('wait');
  if (timeoutMs !== undefined) {
    const onReason = (reason: string) =>
      observation.sayNamed({ level: 'warn', event: 'waiting', message: `no broker yet: ${reason}` });
    const vhosts = vhostsOf(running);
    await awaitBroker({ config, addresses, vhosts, timeoutMs, drain: context.drain, onReason });
  }
  const { Session } = await import('../../../session/session.ts');
  const session = new Session({
    config: { ...config, declare: declares(values, config) },
    addresses,
    role: name,
    confirmTimeoutMs: confirmLimitMs(running.role, values.duration('timeout')),
    limitsBlocking: values.text('timeout') !== undefined,
    say: observation.sayNamed,
    counts: observation.counts,
    reconnect: reconnectLimit(values),
    tracer: running.tracer,
  });
  try {
    await work(session);
  } finally {
    await session.close();
  }
}

/**
 * Returns the longest time in milliseconds to wait for a confirm. A receiver has no limit: it waits until a broker is
 * back, like a receiver without a message, and the broker delivers the unacknowledged message again.
 * @param given time of `--timeout`, which receivers do not have
 */
export function confirmLimitMs(role: RoleConfig, given: number | undefined): number {
  return isSending(role) ? (given ?? 60_000) : Number.POSITIVE_INFINITY;
}

/** Reports whether the role declares what it needs. Otherwise that must exist. */
export function declares(values: Values, { declare = true }: Config): boolean {
  return values.flag('declare') ?? declare;
}

/** Returns the vhosts of the publications and subscriptions that a role uses. */
function vhostsOf({ role, config }: NamedRole): string[] {
  const { publications, subscriptions } = usesOf(role);
  const used = [
    ...publications.map((name) => config.publications[name]),
    ...subscriptions.map((name) => config.subscriptions[name]),
  ];
  return [...new Set(used.flatMap((one) => one?.vhost ?? []))];
}
