// mq peek: prints messages of any queue or stream and leaves them there.

import { type CheckedConfig, type Config, namePrefix } from '../../config/config.ts';
import { objectOf } from '../../config/plain.ts';
import { parseOffset, type StreamOffset } from '../../config/stream-offset.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { LimitSource } from '../../roles/peek.ts';
import { interrupted } from '../../signal.ts';
import { pause, time } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { type Broker, brokerOf } from '../input/broker.ts';
import { optionalManagement } from '../input/management.ts';
import { openSession } from './session.ts';

const defaultCount = 10;
/** Milliseconds until the broker reports statistics of a new queue, with a reserve. */
const statisticsMs = 15_000;

export function peekCommand(configsOf: (context: Context) => Promise<CheckedConfig>): Command {
  return {
    name: 'peek',
    summary: 'print messages of a queue and leave them there',
    usage: '<queue>',
    options: optionSets.peek,
    group: 'Operation',
    topic: 'messages',
    examples: [
      'mq peek orders',
      'mq peek orders --count 100 --filter tenant=acme --json',
      'mq peek events --offset 10m',
      'mq peek events --offset last',
    ],
    completes: async (words, { queues }) => (words.length > 0 ? [] : queues.map((queue) => [queue] as const)),
    async run(context, values) {
      const [name] = values.args;
      if (name === undefined || name === '') throw values.usage('give the name of a queue');
      values.expectAtMost(1);
      const offset = offsetOf(values);
      const count = values.whole('count', { min: 1 }) ?? defaultCount;
      const { withBuiltin: config } = await configsOf(context);
      await run(context, values, { config, offset, count, ...placeOf(config, name) });
    },
  };
}

interface Job {
  readonly config: Config;
  readonly offset: StreamOffset | undefined;
  readonly count: number;
  /** Name of the vhost in rascal.json. */
  readonly vhost: string;
  /** The broker's name of the queue. */
  readonly queue: string;
}

async function run(context: Context, values: Values, { config, vhost, queue, offset, count }: Job): Promise<void> {
  const note = noteOf(context, 'peek');
  const addresses = await addressesOf(context, values);
  const broker = brokerOf(config, vhost, addresses);
  const [{ peek }, { drawTable }] = await Promise.all([
    import('../../roles/peek.ts'),
    import('../../terminal/table.ts'),
  ]);
  const session = await openSession(context, { role: 'peek', config, addresses, values, note });
  try {
    await peek(context, session, {
      ...{ vhost, queue, count, offset, note, drawTable },
      filters: values.list('filter'),
      json: values.flag('json') ?? false,
      hasHeaders: values.flag('headers') ?? true,
      readLimit: (isNeeded) => readLimit(context, values, { broker, queue, isNeeded, note }),
      refuseOffset: (type) => {
        throw values.usage(`'${queue}' is a ${type} queue: only a stream has a position, so --offset does not apply`);
      },
    });
  } finally {
    await session.close();
  }
}

/** Returns the position of --offset. A bad one must not reach the broker, because RabbitMQ 4.0 closes the connection. */
export function offsetOf(values: Values): StreamOffset | undefined {
  const text = values.text('offset');
  if (text === undefined) return undefined;
  const parsed = parseOffset(text);
  if ('problem' in parsed) throw values.usage(`--offset '${text}' is not valid: ${parsed.problem}`);
  return parsed.offset;
}

/** Returns the vhost of rascal.json that defines the queue, and the name of the queue on the broker. */
export function placeOf(config: Config, name: string): Pick<Job, 'vhost' | 'queue'> {
  for (const [vhost, item] of Object.entries(config.vhosts)) {
    const prefix = namePrefix(item);
    const isPrefixed = name.startsWith(prefix) && Object.hasOwn(item.queues, name.slice(prefix.length));
    if (isPrefixed) return { vhost, queue: name };
    if (Object.hasOwn(item.queues, name)) return { vhost, queue: `${prefix}${name}` };
  }
  return { vhost: '/', queue: name };
}

interface LimitRequest {
  readonly broker: Broker;
  readonly queue: string;
  /** `true` waits for the policies of a new queue. */
  readonly isNeeded: boolean;
  readonly note: (text: string) => void;
}

/**
 * Reads the delivery limit that follows from the arguments of a quorum queue and its policies. RabbitMQ reports the
 * policies of a new queue with its first statistics, after five to ten seconds.
 */
export async function readLimit(
  context: Context,
  values: Values,
  { broker, queue, isNeeded, note }: LimitRequest,
): Promise<LimitSource> {
  const { vhost } = broker;
  const connections = broker.connections.map((one) => ({ ...one, vhost }));
  const api = await optionalManagement(context, values, { connections, say: note });
  if (api === undefined) return 'unknown';
  try {
    const { apiPath } = await import('../../admin/path.ts');
    const { effectiveLimit } = await import('../../roles/peek.ts');
    for (const begun = time.now(); ; ) {
      const found = objectOf(await api.request('GET', apiPath`/queues/${vhost}/${queue}`));
      const policy = found['effective_policy_definition'];
      // Without the policy, the argument is the highest limit that can apply.
      if (policy !== undefined || (!isNeeded && found['arguments'] !== undefined))
        return effectiveLimit(objectOf(found['arguments'])['x-delivery-limit'], objectOf(policy)['delivery-limit']);
      if (!isNeeded || time.now() - begun > statisticsMs) return 'unknown';
      await pause(250, { signal: context.drain });
      if (context.drain.aborted) throw interrupted(context, 'no message was read');
    }
  } catch (error) {
    if (!(error instanceof MqError) || ['INTERRUPTED', 'TERMINATED', 'CONFIG'].includes(error.code)) throw error;
    return 'unknown';
  } finally {
    api.close();
  }
}
