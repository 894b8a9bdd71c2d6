// Finds the dead-letter queue of a subscription, role or queue. Returns its name on the broker.

import { MqError } from '../errors.ts';
import { type Config, namePrefix } from './config.ts';
import { objectOf } from './plain.ts';
import { deadQueue, retryOf } from './retry-queues.ts';
import { isReceiving, type OwnRetryConfig, type RetryConfig } from './role.ts';

export interface DeadQueue {
  readonly vhost: string;
  readonly queue: string;
  /**
   * Queue whose messages failed, and the delay before their first retry in milliseconds. `undefined` if the given name
   * is neither a subscription nor a role.
   */
  readonly work?: { readonly queue: string; readonly delayMs: number };
}

/**
 * Returns the dead-letter queue and its vhost.
 * @param hint hint of the error if no queue receives the dead letters
 * @throws {MqError} USAGE if the name has no dead letters, if they go to an exchange, or if a role has several
 * subscriptions
 */
export function deadQueueOf(config: Config, name: string, hint: string): DeadQueue {
  const { key, retry } = subscriptionFor(config, name);
  const subscription = key === undefined ? undefined : config.subscriptions[key];
  if (key === undefined || !subscription) return { vhost: '/', queue: `${name}.dead` };
  const { vhost } = subscription;
  const { deadLetter, delays } = retryOf(config, key, retry);
  if (deadLetter === false) throw new MqError('USAGE', `'${name}' has no dead letters: retry is off`, { hint });
  const { queue: own, exchange } = targetOf(config, deadLetter);
  if (exchange !== undefined)
    throw new MqError('USAGE', `the dead letters of '${name}' go to the exchange '${exchange}'`, { hint });
  const prefix = namePrefix(config.vhosts[vhost]);
  const work = { queue: `${prefix}${subscription.queue}`, delayMs: delays[0] ?? 1000 };
  return { vhost, queue: `${prefix}${own ?? `${subscription.queue}.dead`}`, work };
}

/** Returns the queue or the exchange that the settings of rascal.json name for dead letters, if they name one. */
function targetOf(
  config: Config,
  deadLetter: RetryConfig['deadLetter'],
): { queue?: string | undefined; exchange?: string | undefined } {
  if (!deadLetter) return {};
  if ('queue' in deadLetter) return { queue: deadLetter.queue };
  const publication = config.publications[deadLetter.publication];
  return publication?.queue === undefined ? { exchange: publication?.exchange } : { queue: publication.queue };
}

/**
 * Reports whether a queue is for dead letters: its name ends with `.dead`, or the settings of a subscription or role
 * name it. A dead letter exchange proves nothing, because wait queues dead-letter to work queues.
 */
export function isDeadQueue(config: Config, { vhost, queue }: Pick<DeadQueue, 'vhost' | 'queue'>): boolean {
  if (queue.endsWith('.dead')) return true;
  const roles = Object.values(config.roles).filter(isReceiving);
  return Object.entries(config.subscriptions).some(([key, { vhost: own }]) => {
    const users = roles.filter(({ subscriptions }) => subscriptions.includes(key));
    const settings = [undefined, ...users.map(({ retry }) => retry)];
    const targets = settings.flatMap((retry) => targetOf(config, retryOf(config, key, retry).deadLetter).queue ?? []);
    return own === vhost && targets.some((target) => `${namePrefix(config.vhosts[vhost])}${target}` === queue);
  });
}

/** Returns the subscription with the name, or the subscription of the role with the name. */
function subscriptionFor(config: Config, name: string): { key?: string | undefined; retry?: OwnRetryConfig } {
  if (Object.hasOwn(config.subscriptions, name)) return { key: name };
  const role = Object.hasOwn(config.roles, name) ? config.roles[name] : undefined;
  if (role === undefined || !isReceiving(role)) return {};
  const [key, ...others] = role.subscriptions;
  if (others.length > 0)
    throw new MqError('USAGE', `'${name}' receives from several subscriptions; name one of them`, {
      hint: `they are ${role.subscriptions.join(', ')}`,
    });
  return { key, ...(role.retry !== undefined && { retry: role.retry }) };
}

/**
 * Returns the arguments of a dead-letter queue from the file. If the file does not define the queue and `isOwn` is set,
 * returns those of mq's own dead-letter queue. Returns `undefined` if the arguments are not known.
 */
export function declaredArguments(
  config: Config,
  { vhost, queue }: DeadQueue,
  isOwn: boolean,
): Readonly<Record<string, unknown>> | undefined {
  const { queues = {} } = config.vhosts[vhost] ?? {};
  const prefix = namePrefix(config.vhosts[vhost]);
  const name = queue.startsWith(prefix) ? queue.slice(prefix.length) : queue;
  if (Object.hasOwn(queues, name)) return objectOf(queues[name]?.options?.['arguments']);
  const own = deadQueue(queue.replace(/\.dead$/, ''));
  return isOwn && own.name === queue ? own.arguments : undefined;
}
