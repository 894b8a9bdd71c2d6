// Collects what a file declares on the broker: queues, delayed exchanges, consumers and policies. The file is a
// rascal.json or definitions exported from RabbitMQ. Each item uses the broker's terms and includes its position.

import { optionArguments, queueArguments } from '../config.ts';
import { isObject, listOf, membersOf, objectOf, type Plain, stringOf, withDefaults } from '../plain.ts';
import type { Path } from '../reading/problem.ts';
import { scopesOf } from './report.ts';

export interface DeclaredQueue {
  readonly name: string;
  readonly vhost: string;
  readonly at: Path;
  /** `x-queue-type`. Defaults to the default queue type of the vhost, or to classic. */
  readonly type: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  /** Arguments by their AMQP names. */
  readonly arguments: Plain;
  /** Returns the path of an argument, or of a property such as `durable`, in the file. */
  readonly placeOf: (name: string) => Path;
  /** Formats replacements for the queue's settings in the syntax of its file. */
  readonly settingsText: (settings: QueueSettings) => string;
}

interface QueueSettings {
  readonly durable: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments: Plain;
}

export interface DeclaredPolicy {
  readonly vhost: string;
  readonly name: string;
  readonly pattern: string;
  readonly at: Path;
  readonly definition: Plain;
  readonly applyTo: string;
  readonly priority: number;
  readonly isOperator: boolean;
  /** The whole policy as written in the file. */
  readonly written: Plain;
}

interface DeclaredExchange {
  readonly name: string;
  readonly vhost: string;
  readonly at: Path;
  readonly type: string;
}

export interface Declared {
  readonly queues: readonly DeclaredQueue[];
  readonly exchanges: readonly DeclaredExchange[];
  /** Subscriptions that set a channel prefetch. `queue` is the type of the queue. */
  readonly channelPrefetches: readonly { readonly at: Path; readonly prefetch: number; readonly queue: string }[];
  readonly policies: readonly DeclaredPolicy[];
}

/** Returns the declarations of a rascal.json whose shape is valid. */
export function declaredByRascal(file: Plain): Declared {
  const defaults = objectOf(objectOf(file['defaults'])['vhosts']);
  const queues: DeclaredQueue[] = [];
  const exchanges: DeclaredExchange[] = [];
  for (const [vhostName, value] of Object.entries(objectOf(file['vhosts']))) {
    const vhost = objectOf(value);
    const own = objectOf(vhost['defaults']);
    const base = (kind: string) => withDefaults(objectOf(own[kind]), objectOf(defaults[kind]));
    for (const { key, name, value } of membersOf(vhost['queues'])) {
      const all = withDefaults(value, base('queues'));
      const at = ['vhosts', vhostName, 'queues', key];
      if (all['assert'] !== false)
        queues.push(rascalQueue({ name: name ?? '', vhost: vhostName, at, own: objectOf(value['options']), all }));
    }
    for (const { key, name, value } of membersOf(vhost['exchanges'])) {
      const all = withDefaults(value, base('exchanges'));
      const at = ['vhosts', vhostName, 'exchanges', key];
      if (all['assert'] !== false)
        exchanges.push({
          name: name ?? '',
          vhost: vhostName,
          at: [...at, 'type'],
          type: stringOf(all['type']) ?? '',
        });
    }
  }
  return { queues, exchanges, channelPrefetches: channelPrefetchesOf(file, queues), policies: rascalPolicies(file) };
}

function rascalPolicies(file: Plain): DeclaredPolicy[] {
  const mq = objectOf(file['mq']);
  return (['policies', 'operatorPolicies'] as const).flatMap((kind) =>
    Object.entries(objectOf(mq[kind])).flatMap(([vhost, all]) =>
      Object.entries(objectOf(all)).map(([name, value]) => {
        const isOperator = kind === 'operatorPolicies';
        const { pattern, applyTo, priority, definition } = objectOf(value);
        return {
          vhost,
          name,
          pattern: stringOf(pattern) ?? '',
          at: ['mq', kind, vhost, name],
          definition: objectOf(definition),
          applyTo: stringOf(applyTo) ?? (isOperator ? 'queues' : 'all'),
          priority: typeof priority === 'number' ? priority : 0,
          isOperator,
          written: objectOf(value),
        };
      }),
    ),
  );
}

function rascalQueue(queue: { name: string; vhost: string; at: Path; own: Plain; all: Plain }): DeclaredQueue {
  const { name, vhost, at, own } = queue;
  const options = objectOf(queue.all['options']);
  const short = Object.entries(optionArguments).filter(([option]) => options[option] !== undefined);
  const args = queueArguments({ options });
  return {
    name,
    vhost,
    at,
    type: stringOf(args['x-queue-type']) ?? 'classic',
    durable: options['durable'] !== false,
    exclusive: options['exclusive'] === true,
    autoDelete: options['autoDelete'] === true,
    arguments: args,
    placeOf: (wanted) => {
      const option = short.find(([, argument]) => argument === wanted)?.[0] ?? wanted;
      if (Object.hasOwn(own, option)) return [...at, 'options', option];
      return Object.hasOwn(objectOf(own['arguments']), wanted) ? [...at, 'options', 'arguments', wanted] : at;
    },
    settingsText: ({ arguments: wanted, ...properties }) =>
      `"options": ${JSON.stringify({ ...properties, ...(Object.keys(wanted).length > 0 && { arguments: wanted }) })}`,
  };
}

function channelPrefetchesOf(file: Plain, queues: readonly DeclaredQueue[]): Declared['channelPrefetches'] {
  return scopesOf(file).flatMap(({ path, vhostName, value: scope }) =>
    Object.entries(objectOf(scope['subscriptions'])).flatMap(([name, value]) => {
      const subscription = objectOf(value);
      const prefetch = Number(subscription['channelPrefetch'] ?? 0);
      if (!(prefetch > 0)) return [];
      const vhost = vhostName ?? stringOf(subscription['vhost']) ?? '/';
      const queue = queues.find((one) => one.vhost === vhost && one.name === subscription['queue'])?.type ?? 'classic';
      return [{ at: [...path, 'subscriptions', name, 'channelPrefetch'], prefetch, queue }];
    }),
  );
}

/**
 * Reports whether a parsed file is an export of `rabbitmqctl export_definitions` or of the management API's
 * /api/definitions.
 */
export function isDefinitions(file: Plain): boolean {
  const hasVersion = ['rabbit_version', 'rabbitmq_version', 'rabbitmq_definition_format'].some((key) =>
    Object.hasOwn(file, key),
  );
  return hasVersion || ['queues', 'policies'].some((key) => Array.isArray(file[key]));
}

/** Returns the declarations of exported definitions. */
export function declaredByDefinitions(file: Plain): Declared {
  const defaultTypes = new Map(
    exportedItems(file, 'vhosts').map(({ value }) => [
      stringOf(value['name']) ?? '',
      stringOf(value['default_queue_type']) ?? stringOf(objectOf(value['metadata'])['default_queue_type']),
    ]),
  );
  return {
    queues: exportedItems(file, 'queues').map((item) => exportedQueue(item, defaultTypes.get(item.vhost))),
    exchanges: exportedItems(file, 'exchanges').map(({ value, at, vhost }) => ({
      name: stringOf(value['name']) ?? '',
      vhost,
      at: [...at, 'type'],
      type: stringOf(value['type']) ?? '',
    })),
    channelPrefetches: [],
    policies: exportedItems(file, 'policies').map(({ value, at, vhost }) => ({
      vhost,
      name: stringOf(value['name']) ?? '',
      pattern: stringOf(value['pattern']) ?? '',
      at,
      definition: objectOf(value['definition']),
      applyTo: stringOf(value['apply-to']) ?? 'all',
      priority: Number(value['priority'] ?? 0),
      isOperator: false,
      written: value,
    })),
  };
}

interface ExportedItem {
  readonly value: Plain;
  readonly at: Path;
  readonly vhost: string;
}

/** Returns the items of one kind. An item without a vhost comes from the export of one vhost, and gets `/`. */
function exportedItems(file: Plain, kind: string): ExportedItem[] {
  return listOf(file[kind]).flatMap((value, index) =>
    isObject(value) ? [{ value, at: [kind, index], vhost: stringOf(value['vhost']) ?? '/' }] : [],
  );
}

function exportedQueue({ value, at, vhost }: ExportedItem, defaultType = 'classic'): DeclaredQueue {
  const args = objectOf(value['arguments']);
  return {
    name: stringOf(value['name']) ?? '',
    vhost,
    at,
    type: stringOf(args['x-queue-type']) ?? stringOf(value['type']) ?? defaultType,
    durable: value['durable'] !== false,
    // An export contains no exclusive queue, but a list of the management API does.
    exclusive: value['exclusive'] === true,
    autoDelete: value['auto_delete'] === true,
    arguments: args,
    placeOf: (wanted) => {
      if (Object.hasOwn(args, wanted)) return [...at, 'arguments', wanted];
      const property = wanted === 'autoDelete' ? 'auto_delete' : wanted;
      return Object.hasOwn(value, property) ? [...at, property] : at;
    },
    settingsText: ({ durable, autoDelete = false, arguments: wanted }) =>
      `"durable": ${durable}, "auto_delete": ${autoDelete}, "arguments": ${JSON.stringify(wanted)}`,
  };
}
