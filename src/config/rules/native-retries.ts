// Checks that the queues of native retries delay returned messages, because the broker would otherwise deliver a failed
// message again at once.

import { type Config, queueArguments } from '../config.ts';
import type { Path } from '../reading/problem.ts';
import { nativeFault, retryOf } from '../retry-queues.ts';
import { isReceiving, type OwnRetryConfig } from '../role.ts';

interface NativeProblem {
  readonly path: Path;
  readonly message: string;
}

/** A use of a subscription, by a role or by `mq subscribe`. */
interface Use {
  readonly subscription: string;
  readonly role?: string;
  readonly retry?: OwnRetryConfig | undefined;
}

/** Returns the settings `"native": true` whose queue is not prepared for them. */
export function nativeRetries(config: Config): NativeProblem[] {
  const ofRoles = Object.entries(config.roles).flatMap(([role, row]): Use[] =>
    isReceiving(row) ? row.subscriptions.map((subscription) => ({ subscription, role, retry: row.retry })) : [],
  );
  const uses: Use[] = [...Object.keys(config.subscriptions).map((subscription) => ({ subscription })), ...ofRoles];
  const found = uses.flatMap((use): NativeProblem[] => {
    const { native, attempts } = retryOf(config, use.subscription, use.retry);
    const { vhost = '', queue = '' } = config.subscriptions[use.subscription] ?? {};
    const defined = config.vhosts[vhost]?.queues[queue];
    const fault = native === true && defined ? nativeFault(queueArguments(defined), attempts) : undefined;
    if (fault === undefined) return [];
    return [{ path: placeOf(config, use), message: `the queue ${JSON.stringify(queue)} ${fault}` }];
  });
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
}

function placeOf({ retries }: Config, { subscription, role, retry }: Use): Path {
  const own = retries[subscription];
  if (role !== undefined && retry && retry.native === true) return ['mq', 'roles', role, 'retry', 'native'];
  return own && own.native === true
    ? ['mq', 'subscriptions', subscription, 'retry', 'native']
    : ['mq', 'retry', 'native'];
}
